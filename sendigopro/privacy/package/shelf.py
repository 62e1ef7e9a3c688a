"""Millions of ids in memory for a few dozen bytes each: records found by their UUIDv7, put away by the second."""

from collections.abc import Iterable, Iterator

from sendigopro.foundation.recent import Recent

ID_BYTES = 16
_TOLD = 4
"""So many bytes of an id are known from its second, and not kept again."""
OPEN_MAX = 64
_SHIFT = 10  # 1,024 milliseconds: about a second
_NOTHING: dict[bytes, bytes] = {}


class Shelf:
    """What is asked for is mostly of the same few seconds, so those are opened as dictionaries, and only those."""

    def __init__(self, rest_bytes: int = 0) -> None:
        self._size = ID_BYTES - _TOLD + rest_bytes
        self._seconds: dict[int, bytearray] = {}
        self._open: Recent[int, dict[bytes, bytes]] = Recent(OPEN_MAX)

    def __len__(self) -> int:
        return sum(len(one) for one in self._seconds.values()) // self._size

    def add(self, key: bytes, rest: bytes = b"") -> None:
        second = int.from_bytes(key[:6]) >> _SHIFT
        records = self._seconds.get(second)
        if records is None:
            records = self._seconds[second] = bytearray()
        records += key[_TOLD:]
        records += rest

    def find(self, key: bytes) -> bytes | None:
        """What was added with this id; call it only when everything has been added."""
        return self.find_all((key,))[0]

    def find_all(self, keys: Iterable[bytes]) -> list[bytes | None]:
        """The same for many at once: neighbours are mostly of one second."""
        found: list[bytes | None] = []
        last, opened = -1, _NOTHING
        for key in keys:
            second = int.from_bytes(key[:6]) >> _SHIFT
            if second != last:
                last, opened = second, self._second(second)
            found.append(opened.get(key[_TOLD:]))
        return found

    def _second(self, second: int) -> dict[bytes, bytes]:
        opened = self._open.get(second)
        if opened is None:
            packed = self._seconds.get(second)
            if packed is None:
                return _NOTHING
            opened = dict(self._records(packed))
            self._open.put(second, opened)
        return opened

    def _records(self, packed: bytearray) -> Iterator[tuple[bytes, bytes]]:
        for at in range(0, len(packed), self._size):
            end = at + ID_BYTES - _TOLD
            yield bytes(packed[at:end]), bytes(packed[end : at + self._size])
