"""A package at rest: frames of 64 KiB, each sealed for its place, under a key that dies with the person.

`header ‖ frame 0 ‖ frame 1 ‖ … ‖ last frame`. The header says for whom and until when, and is part of what every
frame's tag covers, with the frame's number and whether it is the last: nothing can be cut off, swapped or added.
"""

import os
import struct
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import RawIOBase
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sendigopro.foundation.randomness import random_bytes
from sendigopro.vault.sealing import TAG_BYTES, package_key

MAGIC = b"SGX\x01"
FRAME_BYTES = 64 * 1024
SALT_BYTES = 32
SUFFIX, UNFINISHED = ".sgx", ".unfinished"
ABANDONED_SECONDS = 24 * 3600
_HEADER = struct.Struct("!4s16s16sq32s")  # magic, account, subject, expiry in seconds since 1970, salt
_FRAME = struct.Struct("!Q?")


class PackageUnreadableError(Exception):
    """Not a sealed package, not this person's, or changed since; the text names the file and says what next."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a sealed package says of itself without any key."""

    account_id: UUID
    subject_id: UUID
    expires_at: datetime
    salt: bytes

    def packed(self) -> bytes:
        seconds = int(self.expires_at.timestamp())
        return _HEADER.pack(MAGIC, self.account_id.bytes, self.subject_id.bytes, seconds, self.salt)


def new_header(*, account_id: UUID, subject_id: UUID, expires_at: datetime) -> Header:
    """With a salt of its own: two packages of one person never share a key."""
    return Header(account_id, subject_id, expires_at, random_bytes(SALT_BYTES))


class SealedWriter(RawIOBase):
    """A file that only ever reaches the disk sealed; `seal_last` ends it, `abandon` leaves nothing."""

    def __init__(self, path: Path, header: Header, *, subject_key: bytes, account_key: bytes) -> None:
        super().__init__()
        self._unfinished = path.with_name(path.name + UNFINISHED)
        self._path = path
        self._head = header.packed()
        self._encrypt = AESGCM(package_key(subject_key, account_key, header.salt)).encrypt
        self._clear = bytearray()
        self._frames = 0
        descriptor = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._file.write(self._head)

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # who writes here hands over bytes
        self._clear += data
        # One frame is always held back: only at the end is it known which is the last.
        if len(self._clear) > FRAME_BYTES:
            whole = (len(self._clear) - 1) // FRAME_BYTES * FRAME_BYTES
            with memoryview(self._clear) as clear:
                for start in range(0, whole, FRAME_BYTES):
                    self._seal(clear[start : start + FRAME_BYTES], is_last=False)
            del self._clear[:whole]
        return len(data)

    def seal_last(self) -> None:
        """End the file and give it its name; after it the package is on disk."""
        self._seal(self._clear, is_last=True)
        self._clear.clear()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._unfinished.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(folder)
        os.close(folder)

    def abandon(self) -> None:
        self._clear.clear()
        self._file.close()
        self._unfinished.unlink(missing_ok=True)

    def _seal(self, clear: bytes | bytearray | memoryview, *, is_last: bool) -> None:
        # Counters are safe as nonces: the key is this file's own.
        place = _FRAME.pack(self._frames, is_last)
        self._file.write(self._encrypt(self._frames.to_bytes(12), clear, self._head + place))
        self._frames += 1


def read_header(path: Path) -> Header:
    """Whose package it is and until when; needs no key, proves nothing before it is opened."""
    with path.open("rb") as file:
        return _header_of(path, file.read(_HEADER.size))


def open_frames(path: Path, header: Header, *, subject_key: bytes, account_key: bytes) -> Generator[bytes]:
    """The clear package, piece by piece; nothing of a frame comes out before its tag is right."""
    head = header.packed()
    decrypt = AESGCM(package_key(subject_key, account_key, header.salt)).decrypt
    with path.open("rb") as file:
        if file.read(_HEADER.size) != head:
            raise _unreadable(path, "its header has changed")
        sealed, number = file.read(FRAME_BYTES + TAG_BYTES), 0
        while True:
            following = file.read(FRAME_BYTES + TAG_BYTES)
            place = _FRAME.pack(number, not following)
            try:
                clear = decrypt(number.to_bytes(12), sealed, head + place)
            except (InvalidTag, ValueError):
                raise _unreadable(path, f"frame {number} is cut off, changed or out of its place") from None
            yield clear
            if not following:
                return
            sealed, number = following, number + 1


def remove_expired(folder: Path, *, now: datetime) -> int:
    """Remove packages whose time is over, and what a build that died left behind; returns how many."""
    removed = 0
    for path in list(folder.glob(f"*/*{SUFFIX}*")):
        if path.name.endswith(UNFINISHED):
            is_over = path.stat().st_mtime < now.timestamp() - ABANDONED_SECONDS
        else:
            is_over = _is_over(path, now)
        if is_over:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def remove_of_subject(folder: Path, *, account_id: UUID, subject_id: UUID) -> int:
    """Remove every package of one person; for erasure, which has made them unreadable already."""
    removed = 0
    for path in list((folder / str(account_id)).glob(f"*{SUFFIX}*")):
        try:
            is_theirs = read_header(path).subject_id == subject_id
        except PackageUnreadableError:
            is_theirs = path.name.endswith(UNFINISHED)  # nobody can tell whose it was to be: it can be built again
        if is_theirs:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _is_over(path: Path, now: datetime) -> bool:
    try:
        return read_header(path).expires_at <= now
    except PackageUnreadableError:
        return False  # not ours to judge: who opens it is told


def _header_of(path: Path, raw: bytes) -> Header:
    if len(raw) != _HEADER.size or not raw.startswith(MAGIC):
        raise _unreadable(path, "it does not begin as one")
    _, account, subject, seconds, salt = _HEADER.unpack(raw)
    return Header(UUID(bytes=account), UUID(bytes=subject), datetime.fromtimestamp(seconds, UTC), salt)


def _unreadable(path: Path, why: str) -> PackageUnreadableError:
    return PackageUnreadableError(f"{path.name} is no readable package: {why}. Remove it and build it again.")
