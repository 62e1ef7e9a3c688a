"""Who hears of events within this process, once they are on disk."""

from collections.abc import Callable, Sequence

from sendigopro.events.model import Batch

Listener = Callable[[Sequence[Batch]], None]


class Bus:
    """Listeners are named in worker.py; they take what they hear and return at once."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    @property
    def is_heard(self) -> bool:
        """Whether anybody in this process listens: if not, batches are left for another to lease."""
        return bool(self._listeners)

    def subscribe(self, listener: Listener) -> None:
        """Be told of every batch this process writes."""
        self._listeners.append(listener)

    def announce(self, batches: Sequence[Batch]) -> None:
        """Tell of batches whose transaction has committed."""
        for listener in self._listeners:
            listener(batches)
