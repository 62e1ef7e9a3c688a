"""Verify an exported audit log: `python verify_audit_log.py LOG.ndjson PUBLIC.pem`. Needs cryptography only."""

import json
import sys
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key


def spelt(value: object) -> bytes:
    """JSON in its one spelling: names sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def main(log_path: str, key_path: str) -> str:
    """Why it is refused, naming the first entry that is wrong, or an empty text."""
    public = load_pem_public_key(Path(key_path).read_bytes())
    n, digest, account, end = 0, bytes(32), None, None
    for raw in Path(log_path).read_bytes().splitlines(keepends=True):
        if end is not None:
            return "something stands behind the signed head"
        try:
            line = json.loads(raw)
            if spelt(line) + b"\n" != raw:
                return f"entry {n + 1} is not spelt as it was written"
            if "head" in line:
                end = line
                continue
            digest, account = sha256(digest + spelt(line["entry"])).digest(), account or line["entry"]["account_id"]
            wrong = wrong_with(line, n + 1, digest.hex(), account)
        except (ValueError, KeyError, TypeError, RecursionError):
            return f"entry {n + 1} cannot be read"
        if wrong:
            return wrong
        n += 1
    if end is None:
        return f"the end is missing: there is no signed head after entry {n}"
    return wrong_with_the_end(end, public, n, digest.hex(), account)


def wrong_with(line: dict, n: int, digest: str, account: str) -> str:
    """Whether an entry is the next one, unchanged, and what stands beside it is what it commits to."""
    entry, beside = line["entry"], line["beside"]
    if entry["n"] != n:
        return f"entry {n} is missing: entry {entry['n']} stands in its place"
    if (digest, account) != (line["hash"], entry["account_id"]):
        return f"entry {n} is not what was written"
    if beside is None:
        return ""
    commitment = sha256(bytes.fromhex(beside["salt"]) + spelt(beside["values"])).hexdigest()
    return "" if commitment == entry["commitment"] else f"entry {n}: what stands beside it is not what it commits to"


def wrong_with_the_end(end: dict, public, n: int, digest: str, account: str | None) -> str:  # noqa: ANN001
    """Whether the chain is the one whose end was signed."""
    key = sha256(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]
    try:
        head, signature = end["head"], end["signature"]
        if end != {"head": head, "signature": {"algorithm": "Ed25519", "key": key, "value": signature["value"]}}:
            return "another key signed the head"
        public.verify(bytes.fromhex(signature["value"]), spelt(head))
        if (head["n"], head["hash"], head["account_id"]) != (n, digest, account):
            return f"the log ends with entry {n}, but its signed head says {head['n']}, or is of another chain"
    except (ValueError, KeyError, TypeError, InvalidSignature):
        return "the signature of the head does not fit"
    return ""


if __name__ == "__main__":
    WRONG = main(*sys.argv[1:3])
    sys.stdout.write(f"REFUSED: {WRONG}\n" if WRONG else "GENUINE\n")
    sys.exit(bool(WRONG))
