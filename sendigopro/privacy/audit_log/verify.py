"""Is an exported log what was written? Needs the file and the installation's public key; no instance, no network.

`docs/verify_audit_log.py` checks the same with nothing of ours.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Never

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sendigopro.audit.chain import hash_of
from sendigopro.audit.model import NO_HASH, Head
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.spelling import canonical
from sendigopro.privacy import receipts
from sendigopro.privacy.audit_log.export import HEAD
from sendigopro.privacy.receipts import ReceiptError

ENTRY_KEYS = {"beside", "entry", "hash"}


class LogError(OperatorError):
    """It is not what was written; says the first place that is wrong."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a genuine log is about."""

    account_id: str
    head: Head
    exported_at: str
    erased: int
    """Entries whose personal part was erased, which is no fault: the chain is whole without."""


def verify(lines: Iterable[bytes], public: Ed25519PublicKey, *, earlier: Verified | None = None) -> Verified:
    """Follow the chain to its signed head; `LogError` names the first entry that is wrong.

    `earlier` is a log of the same account that was verified before: this one must go on from where it ended.
    """
    chain, signed = Chain(earlier), b""
    for raw in lines:
        if signed:
            refuse("something stands behind the signed head")
        read = read_line(raw, chain.n + 1)
        if HEAD in read:
            signed = raw
        else:
            chain.follow(read)
    if not signed:
        refuse(f"the end is missing: there is no signed head after entry {chain.n}. It was cut off")
    return chain.close(signed, public)


class Chain:
    """How far it has been followed."""

    def __init__(self, earlier: Verified | None) -> None:
        self.n, self.hash, self.account_id, self.erased = 0, NO_HASH, "", 0
        self.earlier = earlier

    def follow(self, read: dict[str, Any]) -> None:
        """Take the next entry, or refuse it by its number."""
        n = self.n + 1
        if set(read) != ENTRY_KEYS or not isinstance(read["entry"], dict):
            refuse(f"entry {n} is none")
        entry, beside = read["entry"], read["beside"]
        if entry.get("n") != n:
            refuse(f"entry {n} is missing: entry {entry.get('n')} stands in its place")
        self.hash = hash_of(self.hash, entry)
        if self.hash.hex() != read["hash"]:
            refuse(f"entry {n} is not what was written: its hash does not fit")
        if self.account_id not in ("", entry.get("account_id")):
            refuse(f"entry {n} is another account's")
        commitment = entry.get("commitment")
        if beside is not None and committed(beside) != commitment:
            refuse(f"entry {n}: what stands beside it is not what it commits to")
        self.n, self.account_id = n, str(entry.get("account_id"))
        self.erased += beside is None and commitment is not None
        if self.earlier is not None and n == self.earlier.head.n and self.hash != self.earlier.head.hash:
            refuse(f"entry {n} or one before it is not what it was in the earlier log: the chain was written anew")

    def close(self, signed: bytes, public: Ed25519PublicKey) -> Verified:
        """Hold the chain to its signed head."""
        try:
            head = receipts.verify(signed, public, name=HEAD)
        except ReceiptError as error:
            raise LogError(f"{error} (the signed head, after entry {self.n})") from error
        if head.get("n") != self.n:
            refuse(f"the log ends with entry {self.n}, but its signed head says {head.get('n')}: entries are missing")
        if (head.get("hash"), head.get("account_id")) != (self.hash.hex(), self.account_id):
            refuse(f"the signed head is of another chain than the one that ends with entry {self.n}")
        if self.earlier is not None and (self.account_id, True) != (
            self.earlier.account_id,
            self.n >= self.earlier.head.n,
        ):
            refuse(f"it ends with entry {self.n} and does not go on from the earlier log ({self.earlier.head.n})")
        return Verified(self.account_id, Head(self.n, self.hash), str(head.get("exported_at")), self.erased)


def read_line(raw: bytes, n: int) -> dict[str, Any]:
    """One line, in the one spelling that there is."""
    try:
        read = json.loads(raw)
        is_spelt_so = isinstance(read, dict) and canonical(read) + b"\n" == raw
    except (ValueError, RecursionError):
        refuse(f"entry {n} cannot be read")
    if not is_spelt_so:
        refuse(f"entry {n} is not spelt as it was written")
    assert isinstance(read, dict)
    return read


def committed(beside: Any) -> str:  # noqa: ANN401  # whatever stands in the file
    """What an entry would have to say for this to stand beside it."""
    try:
        return sha256(bytes.fromhex(beside["salt"]) + canonical(beside["values"])).hexdigest()
    except (ValueError, KeyError, TypeError):
        return ""


def refuse(why: str) -> Never:
    raise LogError(f"REFUSED: {why}.")
