"""Finding things without keeping them: keyed hashes under an account's own keys, one use never equal to another."""

from hashlib import blake2b
from typing import Final

MAC_BYTES = 16
PHONE: Final = 1
EMAIL: Final = 2
KIND = {PHONE: b"\x01", EMAIL: b"\x02"}


def lookup_mac(lookup_key: bytes, kind: int, normalised: str) -> bytes:
    """By which an identifier is found."""
    return mac(lookup_key, b"lookup", KIND[kind] + normalised.encode())


def suppression_mac(suppression_key: bytes, kind: int, normalised: str) -> bytes:
    """By which `standing` knows a person; it outlives their erasure."""
    return mac(suppression_key, b"suppression", KIND[kind] + normalised.encode())


def tag_mac(lookup_key: bytes, tag: str) -> bytes:
    return mac(lookup_key, b"tag", tag.encode())


def origin_mac(lookup_key: bytes, origin: str) -> bytes:
    """By which webhooks to one host are kept together, without naming it."""
    return mac(lookup_key, b"origin", origin.encode())


def idempotency_mac(lookup_key: bytes, text: str) -> bytes:
    return mac(lookup_key, b"idempotency", text.encode())


def body_mac(lookup_key: bytes, body: bytes) -> bytes:
    """By which a repeated request is told from another one; never of use without the account's key."""
    return mac(lookup_key, b"request body", body)


def mac(key: bytes, use: bytes, value: bytes) -> bytes:
    return blake2b(value, digest_size=MAC_BYTES, key=key, person=use).digest()
