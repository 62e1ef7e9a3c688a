"""Where subject keys are kept: outside every database, so that what is erased there comes back from no backup."""

import fcntl
import mmap
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sendigopro.foundation.randomness import random_bytes

KEY_BYTES = 32
BLOCK_SLOTS = 4096
SEGMENT_SLOTS = 65_536
SEGMENT_BYTES = SEGMENT_SLOTS * KEY_BYTES
BLOCKS_PER_SEGMENT = SEGMENT_SLOTS // BLOCK_SLOTS
OPEN_SEGMENTS_MAX = 256
ERASED = bytes(KEY_BYTES)
TAKEN = b"\x01"
SLOT = struct.Struct("!q")


class KeyErasedError(LookupError):
    """The key is gone for good, and what it sealed with it."""


class KeyStore(Protocol):
    """What the vault asks of a key store; the forgettable key tree will answer to the same questions."""

    @property
    def epoch(self) -> int:
        """Grows with every erasure."""

    def erased_since(self, epoch: int) -> Sequence[int]:
        """The slots erased after `epoch`: what caches must drop."""

    def take_block(self, block: int) -> bool:
        """Make the block's keys durable before anything is sealed with them; False when it was taken before."""

    def key(self, slot: int) -> bytes:
        """The 32 bytes of a slot; `KeyErasedError` when there are none."""

    def erase(self, slots: Sequence[int]) -> None:
        """Forget keys; when this comes back they are gone from here."""


class FileKeys:
    """Random keys in files of 2 MB, shared by all processes of one machine; erased by overwriting.

    For development and single machines: an SSD or a copying file system may keep old blocks, and `doctor` says so.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._segments: dict[int, mmap.mmap] = {}
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._taken = os.open(folder / "blocks", flags, 0o600)
        self._erased = os.open(folder / "erased", flags | os.O_APPEND, 0o600)

    @property
    def epoch(self) -> int:
        return os.fstat(self._erased).st_size // SLOT.size

    def erased_since(self, epoch: int) -> Sequence[int]:
        raw = os.pread(self._erased, (self.epoch - epoch) * SLOT.size, epoch * SLOT.size)
        return [slot for (slot,) in SLOT.iter_unpack(raw)]

    def take_block(self, block: int) -> bool:
        """The mark is kept beside the keys: a database restored to yesterday hands out yesterday's numbers again."""
        with self._locked():
            if os.pread(self._taken, 1, block) == TAKEN:
                return False
            self._make_segment(block // BLOCKS_PER_SEGMENT)
            os.pwrite(self._taken, TAKEN, block)
        return True

    def key(self, slot: int) -> bytes:
        segment, place = divmod(slot, SEGMENT_SLOTS)
        mapped = self._segments.get(segment) or self._open(segment)
        found = mapped[place * KEY_BYTES : (place + 1) * KEY_BYTES]  # of the page cache: an erasure shows at once
        if found == ERASED:
            raise KeyErasedError(f"the key of slot {slot} was erased")
        return found

    def erase(self, slots: Sequence[int]) -> None:
        """Overwrite first, tell second: whoever hears of it and looks again must find nothing."""
        with self._locked():
            for segment in {slot // SEGMENT_SLOTS for slot in slots}:
                writable = os.open(self._path(segment), os.O_RDWR | os.O_CLOEXEC)
                for slot in slots:
                    if slot // SEGMENT_SLOTS == segment:
                        os.pwrite(writable, ERASED, slot % SEGMENT_SLOTS * KEY_BYTES)
                os.fsync(writable)
                os.close(writable)
            os.write(self._erased, b"".join(SLOT.pack(slot) for slot in slots))
            os.fsync(self._erased)

    def close(self) -> None:
        for descriptor in (self._taken, self._erased):
            os.close(descriptor)
        for mapped in self._segments.values():
            mapped.close()
        self._segments.clear()

    def _path(self, segment: int) -> Path:
        return self.folder / f"segment-{segment:06d}"

    def _open(self, segment: int) -> mmap.mmap:
        try:
            descriptor = os.open(self._path(segment), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise KeyErasedError(
                f"there is no key file {segment}: is this the data folder of these databases?"
            ) from None
        if len(self._segments) >= OPEN_SEGMENTS_MAX:
            self._segments.pop(next(iter(self._segments))).close()
        mapped = self._segments[segment] = mmap.mmap(descriptor, SEGMENT_BYTES, access=mmap.ACCESS_READ)
        os.close(descriptor)  # the mapping stays
        return mapped

    def _make_segment(self, segment: int) -> None:
        path = self._path(segment)
        if path.exists():
            return
        unfinished = path.with_suffix(".unfinished")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(random_bytes(SEGMENT_BYTES))
            file.flush()
            os.fsync(descriptor)
        unfinished.rename(path)
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(folder)
        os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time; a lock of a dead one falls by itself."""
        # Opened anew for each call, because flock belongs to the open file: threads of one process wait too.
        own = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(own, fcntl.LOCK_EX)
            yield
        finally:
            os.close(own)
