"""Signed receipts: one JSON document, of which no bit can be changed without it being noticed, offline and by anybody.

The document has one spelling only (names sorted, no spaces): a receipt that is spelt otherwise is refused, so that
what was signed and what is read cannot differ. `docs/verify_receipt.py` checks the same with nothing of ours.
"""

import json
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.spelling import canonical

ALGORITHM: Final = "Ed25519"
RECEIPT: Final = "receipt"


class ReceiptError(OperatorError):
    """It is not what was signed."""


def sign(secret: bytes, content: dict[str, Any], *, name: str = RECEIPT) -> bytes:
    """A receipt (or what else is called `name`) with its signature, as it is handed out."""
    key = Ed25519PrivateKey.from_private_bytes(secret)
    return signed_document(name, content, key.sign(canonical(content)), raw_of(key.public_key()))


def signed_document(name: str, content: object, signature: bytes, public: bytes) -> bytes:
    signed = {"algorithm": ALGORITHM, "key": fingerprint(public), "value": signature.hex()}
    return canonical({name: content, "signature": signed}) + b"\n"


def verify(document: bytes, public: Ed25519PublicKey, *, name: str = RECEIPT) -> dict[str, Any]:
    """What was signed, if it is genuine; `ReceiptError` says what is wrong with it."""
    try:
        read = json.loads(document)
        content, signature = read[name], bytes.fromhex(read["signature"]["value"])
        whose = read["signature"]["key"]
        spelt = signed_document(name, content, signature, raw_of(public))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ReceiptError(f"REFUSED: this is not a {name}, or no whole one.") from None
    if whose != fingerprint(raw_of(public)):
        raise ReceiptError("REFUSED: it was signed with another key, or its key's name was changed.")
    if spelt != document:
        raise ReceiptError("REFUSED: it is not spelt as it was signed: something was changed in it.")
    try:
        public.verify(signature, canonical(content))
    except InvalidSignature:
        raise ReceiptError("REFUSED: the signature does not fit: something was changed in it.") from None
    assert isinstance(content, dict)
    return content


def raw_of(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def fingerprint(public: bytes) -> str:
    """By which a receipt names the key it was signed with."""
    return sha256(public).hexdigest()[:16]


def pem_of(public: bytes) -> str:
    """The public key as it is published."""
    key = Ed25519PublicKey.from_public_bytes(public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_public(pem: bytes) -> Ed25519PublicKey:
    """The key out of its PEM; `ReceiptError` when it is none."""
    try:
        key = load_pem_public_key(pem)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ReceiptError("This is not a public Ed25519 key in PEM: save the one of /v1/privacy/receipt-key.")
    return key
