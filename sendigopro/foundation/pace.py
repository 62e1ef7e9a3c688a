"""Groups kept apart: the first after a rest waits for nobody, the next ones gather company first."""

import asyncio

from sendigopro.foundation import clock


class Pace:
    """Lets one group begin every `seconds` at most, so that under load each is worth its statement and its commit."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next_at = 0.0

    async def turn(self) -> None:
        """Come back when a group may begin."""
        await asyncio.sleep(max(0.0, self._next_at - clock.monotonic()))
        self._next_at = clock.monotonic() + self._seconds
