"""The slots whose keys must die, in the order in which that was decided; never shortened."""

import struct
from collections.abc import Sequence
from hashlib import blake2b

from sendigopro.vault.copies import Copies
from sendigopro.vault.keys import KeyStoreError

NAME = "condemned"
RECORD = struct.Struct("!q8s")
CHAIN_BYTES = 8
BEGINNING = bytes(CHAIN_BYTES)


class Condemned:
    """Each record holds a slot and a hash over all records before it, so that what was changed or cut off shows."""

    def __init__(self, copies: Copies) -> None:
        self._copies = copies
        self._path = copies.folders[0] / NAME

    def count(self) -> int:
        """Whole records; what a crash left of another one is written over."""
        try:
            return self._path.stat().st_size // RECORD.size
        except FileNotFoundError:
            return 0

    def chain_at(self, count: int) -> bytes:
        """The hash over the first `count` records, as it stands in the last of them."""
        if not count:
            return BEGINNING
        chain: bytes = RECORD.unpack(self._raw(count - 1, 1))[1]
        return chain

    def read(self, *, since: int, until: int, chain: bytes) -> tuple[list[int], bytes]:
        """The slots of these records and the hash after the last, given the hash before the first."""
        slots: list[int] = []
        for slot, noted in RECORD.iter_unpack(self._raw(since, until - since)):
            chain = _next(chain, slot)
            if noted != chain:
                raise self._damaged(since + len(slots))
            slots.append(slot)
        return slots, chain

    def append(self, slots: Sequence[int], *, count: int, chain: bytes) -> None:
        """Add records after the first `count`, and have them on disk."""
        content = bytearray()
        for slot in slots:
            chain = _next(chain, slot)
            content += RECORD.pack(slot, chain)
        self._copies.write(NAME, bytes(content), at=count * RECORD.size)
        self._copies.sync()

    def _raw(self, since: int, n: int) -> bytes:
        raw = self._copies.read(NAME, at=since * RECORD.size, size=n * RECORD.size)
        if len(raw) < n * RECORD.size:
            raise self._damaged(since + len(raw) // RECORD.size)
        return raw

    def _damaged(self, record: int) -> KeyStoreError:
        return KeyStoreError(
            f"{self._path} is damaged, cut short or older than the root at record {record}: erased keys could come "
            "back, so nothing is opened. Put the newest copy of the file back."
        )


def _next(chain: bytes, slot: int) -> bytes:
    return blake2b(chain + slot.to_bytes(8, "big", signed=True), digest_size=CHAIN_BYTES).digest()
