"""Verify a receipt of an erasure: `python verify_receipt.py RECEIPT.json PUBLIC.pem`. Needs cryptography only."""

import json
import sys
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key


def spelt(value: object) -> bytes:
    """JSON in its one spelling: names sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def main(receipt_path: str, key_path: str) -> str:
    """Why it is refused, or an empty text."""
    document, public = Path(receipt_path).read_bytes(), load_pem_public_key(Path(key_path).read_bytes())
    try:
        receipt = json.loads(document)["receipt"]
        signature = bytes.fromhex(json.loads(document)["signature"]["value"])
    except (ValueError, KeyError, TypeError):
        return "it is not a whole receipt"
    key = sha256(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]
    signed = {"algorithm": "Ed25519", "key": key, "value": signature.hex()}
    if spelt({"receipt": receipt, "signature": signed}) + b"\n" != document:
        return "it is not spelt as it was signed, or another key signed it"
    try:
        public.verify(signature, spelt(receipt))
    except InvalidSignature:
        return "the signature does not fit"
    return ""


if __name__ == "__main__":
    WRONG = main(*sys.argv[1:3])
    sys.stdout.write(f"REFUSED: {WRONG}\n" if WRONG else "GENUINE\n")
    sys.exit(bool(WRONG))
