"""What is urgent passes a campaign: a lane's two streams, and how the campaign makes way (docs/decisions/0010)."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from sendigopro.foundation import clock

OPENING_MAX = 4
"""Leases with urgent messages that are opened beside each other, so that none waits for another's look-ups."""
HURRY_SECONDS = 2.0
"""After a code or an emergency: how long the rest is taken in small bites, so that the next one finds us free."""
REST = 3.0
"""In a hurry: how long a campaign rests for each second of processor that this process has used."""
REST_MAX_SECONDS = 0.25


class Flow:
    """One of a lane's two streams, each with loops of its own: what somebody waits for never stands behind the rest."""

    def __init__(self, priorities: Sequence[int], *, may_rest: bool) -> None:
        self.priorities = priorities
        self.may_rest = may_rest
        self.work = asyncio.Event()
        self.room = asyncio.Event()
        self.turn = 0
        self.is_blocked = False
        """Less was leased than is there, for want of a link or of room for what is opened."""
        self._opening: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look at everything again."""
        self.work.set()
        self.room.set()

    def unblock(self) -> None:
        """There may be room now: lease again what was left."""
        if self.is_blocked:
            self.is_blocked = False
            self.work.set()

    async def open(self, opening: Coroutine[Any, Any, None]) -> None:
        """Let leased chunks be opened: those of a campaign before the next lease, urgent ones beside it."""
        task = asyncio.create_task(opening)
        task.add_done_callback(lambda _: self.room.set())
        self._opening.add(task)
        await self.opened(but=0 if self.may_rest else OPENING_MAX - 1)

    async def opened(self, *, but: int = 0) -> None:
        """Come back when no more than `but` are being opened; raises what went wrong with one."""
        while len(self._opening) > but:
            await asyncio.wait(self._opening, return_when=asyncio.FIRST_COMPLETED)
            self._reap()
        self._reap()

    def _reap(self) -> None:
        ended = {task for task in self._opening if task.done()}
        self._opening -= ended
        for task in ended:
            task.result()


class Hurry:
    """Whether something urgent came by lately, and how long a campaign rests then."""

    def __init__(self) -> None:
        self._until = 0.0
        self._spent = 0.0

    @property
    def is_on(self) -> bool:
        return clock.monotonic() < self._until

    def begin(self) -> None:
        """Something urgent came by."""
        self._until = clock.monotonic() + HURRY_SECONDS

    async def rest(self) -> None:
        """Wait, after a campaign's slice, for what was spent since the last one: opening, receipts and webhooks too."""
        spent, self._spent = clock.processor_seconds() - self._spent, clock.processor_seconds()
        if self.is_on:
            await asyncio.sleep(min(spent * REST, REST_MAX_SECONDS))
