"""Millions of ids in memory for a few dozen bytes each: records found by their UUIDv7, put away by the minute."""

from collections.abc import Iterable
from struct import Struct

ID_BYTES = 16
_TOLD = 4
"""So many bytes of an id are known from its minute (65,536 milliseconds), and not kept again."""
OPEN_MAX = 50_000
"""Records that are held opened at once, for some 150 bytes each."""
_NOTHING: dict[bytes, bytes] = {}


class Shelf:
    """What is asked for is mostly of the same few minutes, so those are opened as dictionaries, and only those."""

    def __init__(self, rest_bytes: int = 0, *, open_max: int = OPEN_MAX) -> None:
        self._record = Struct(f"{ID_BYTES - _TOLD}s{rest_bytes}s")
        self._minutes: dict[bytes, bytearray] = {}
        self._open: dict[bytes, dict[bytes, bytes]] = {}
        self._opened = 0
        self._open_max = open_max

    def __len__(self) -> int:
        return sum(len(one) for one in self._minutes.values()) // self._record.size

    def add(self, key: bytes, rest: bytes = b"") -> None:
        minute = key[:_TOLD]
        records = self._minutes.get(minute)
        if records is None:
            records = self._minutes[minute] = bytearray()
        records += key[_TOLD:] + rest

    def find(self, key: bytes) -> bytes | None:
        """What was added with this id; call it only when everything has been added."""
        return self.find_all((key,))[0]

    def find_all(self, keys: Iterable[bytes]) -> list[bytes | None]:
        """The same for many at once: neighbours are mostly of one minute."""
        found: list[bytes | None] = []
        last, opened = b"", _NOTHING
        for key in keys:
            minute = key[:_TOLD]
            if minute != last:
                last, opened = minute, self._minute(minute)
            found.append(opened.get(key[_TOLD:]))
        return found

    def _minute(self, minute: bytes) -> dict[bytes, bytes]:
        opened = self._open.get(minute)
        if opened is None:
            packed = self._minutes.get(minute)
            if packed is None:
                return _NOTHING
            if self._opened > self._open_max:
                self._open.clear()
                self._opened = 0
            opened = self._open[minute] = dict(self._record.iter_unpack(packed))
            self._opened += len(opened)
        return opened
