"""A bounded memory of what was used recently, at the price of one dictionary look-up."""

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Two generations: what is asked for moves to the young one; when that is half of `size`, the old one is dropped.

    Nearly an LRU, without a linked list to keep: a hit on something used often touches one dictionary.
    """

    __slots__ = ("_half", "_old", "_young")

    def __init__(self, size: int) -> None:
        self._half = max(1, size // 2)
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        found = self._young.get(key)
        if found is not None:
            return found
        found = self._old.get(key)
        if found is not None:
            self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[key] = value

    def drop(self, key: K) -> None:
        self._young.pop(key, None)
        self._old.pop(key, None)

    def drop_where(self, is_meant: Callable[[V], bool]) -> None:
        self._young = {key: value for key, value in self._young.items() if not is_meant(value)}
        self._old = {key: value for key, value in self._old.items() if not is_meant(value)}

    def clear(self) -> None:
        self._young.clear()
        self._old.clear()

    def __len__(self) -> int:
        """At most this many: what moved to the young generation is counted in the old one too."""
        return len(self._young) + len(self._old)

    def values(self) -> Iterator[V]:
        yield from self._young.values()
        yield from (value for key, value in self._old.items() if key not in self._young)
