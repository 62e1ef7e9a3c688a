"""Signatures as Standard Webhooks 1.0 has them: HMAC-SHA256 of `id.timestamp.body`."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from hmac import digest

from sendigopro.foundation.randomness import random_bytes

PREFIX = "whsec_"
KEY_LENGTH = 32  # the specification asks for 24 to 64 bytes


def new_secret() -> str:
    """A secret as customers see it."""
    return PREFIX + b64encode(random_bytes(KEY_LENGTH)).decode()


def key_of(secret: str) -> bytes:
    """The key inside a secret."""
    return b64decode(secret.removeprefix(PREFIX), validate=True)


def signatures(keys: Sequence[bytes], event_id: bytes, timestamp: bytes, body: bytes) -> bytes:
    """One signature for each key, the newest first; a receiver is content when any of them fits."""
    signed = b"%b.%b.%b" % (event_id, timestamp, body)
    return b" ".join([b"v1," + b64encode(digest(key, signed, "sha256")) for key in keys])
