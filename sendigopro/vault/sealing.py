"""The one sealed format: version, key epoch, nonce, ciphertext, tag; and the keys made for each use."""

import hmac
import struct
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sendigopro.foundation.randomness import Drawn

Place = tuple[bytes, bytes, bytes, bytes]
"""Account, table, column, row id: a sealed value opens nowhere else. Account and row id are 16 bytes."""

VERSION = 1
KEY_EPOCH = 1  # which generation of the account's keys; it grows when they are rotated
HEADER = struct.pack("!BI", VERSION, KEY_EPOCH)
HEADER_BYTES, NONCE_BYTES, TAG_BYTES, KEY_BYTES = len(HEADER), 12, 16, 32
nonces = Drawn(NONCE_BYTES)
NONCE_END = HEADER_BYTES + NONCE_BYTES


class UnreadableError(Exception):
    """Not sealed by us, for this place, under this key, or changed since: which of them is told to nobody."""


def seal(key: bytes, place: Place, clear: bytes) -> bytes:
    """Seal with AES-256-GCM; what it is and where it belongs are part of what the tag covers."""
    return Sealer(key).seal(column_of(*place[:3]), place[3], clear)


class Sealer:
    """A key for several values of one row: making a cipher of it costs more than using that."""

    __slots__ = ("_encrypt",)

    def __init__(self, key: bytes) -> None:
        self._encrypt = AESGCM(key).encrypt

    def seal(self, column: bytes, row_id: bytes, clear: bytes) -> bytes:
        """The same as `seal`; `column` is one of `column_of`."""
        nonce = nonces.take()
        return HEADER + nonce + self._encrypt(nonce, clear, column + row_id)


class Opener:
    """The same for opening: one cipher for all that was sealed under one key."""

    __slots__ = ("_decrypt",)

    def __init__(self, key: bytes) -> None:
        self._decrypt = AESGCM(key).decrypt

    def open(self, column: bytes, row_id: bytes, sealed: bytes) -> bytes:
        """The same as `open_`; `column` is one of `column_of`."""
        if len(sealed) < NONCE_END + TAG_BYTES or sealed[:HEADER_BYTES] != HEADER:
            raise UnreadableError
        try:
            return self._decrypt(sealed[HEADER_BYTES:NONCE_END], sealed[NONCE_END:], column + row_id)
        except InvalidTag:
            raise UnreadableError from None


def open_(key: bytes, place: Place, sealed: bytes) -> bytes:
    """Open what `seal` made; anything wrong is `UnreadableError`."""
    return Opener(key).open(column_of(*place[:3]), place[3], sealed)


@lru_cache(maxsize=10_000)
def column_of(account_id: bytes, table: bytes, column: bytes) -> bytes:
    """An account's column: all of the associated data but the row id.

    Unambiguous: the account has 16 bytes, names of tables and columns have no NUL, the row id is the rest.
    """
    return b"\0".join((HEADER, account_id, table, column, b""))


def derive(secret: bytes, use: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869), one block of 32 bytes; the secrets are random keys, so extracting is left out (§3.3)."""
    return hmac.digest(secret, use + b"\x01", "sha256")


def message_key(subject_key: bytes, bucket_key: bytes) -> bytes:
    """For a message's body and details: either death, the person's or the bucket's, is enough."""
    return derive(subject_key + bucket_key, b"sendigopro/seal/1 message")


def identifier_key(subject_key: bytes, account_key: bytes) -> bytes:
    """For a subject's identifier: it dies with the person or with the account."""
    return derive(subject_key + account_key, b"sendigopro/seal/1 identifier")


def account_secret_key(account_key: bytes) -> bytes:
    """For what belongs to the account itself: names, credentials, addresses of its endpoints."""
    return derive(account_key, b"sendigopro/seal/1 account")


def package_key(subject_key: bytes, account_key: bytes, salt: bytes) -> bytes:
    """For one package made for a person: it dies with the person or with the account; `salt` is the file's own."""
    return derive(subject_key + account_key, b"sendigopro/seal/1 package " + salt)
