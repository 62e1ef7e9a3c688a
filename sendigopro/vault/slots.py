"""Handing out key slots: whole blocks are taken from the database, single slots out of memory."""

import asyncio
from collections import deque
from collections.abc import Sequence

from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.vault import store
from sendigopro.vault.keys import BLOCK_SLOTS
from sendigopro.vault.tree import KeyTree

LOW_WATER = BLOCK_SLOTS // 2


class Slots:
    """Slots nobody else has. What is left of a block when its process ends is never used: 32 bytes each."""

    def __init__(self, pool: Pool, keys: KeyTree) -> None:
        self._pool = pool
        self._keys = keys
        self._free: deque[int] = deque()
        self._refill = asyncio.Lock()
        self._ahead: asyncio.Task[None] | None = None

    async def take(self, conn: Conn, n: int) -> list[int]:
        """Hand out `n` slots; their keys are on disk already.

        The caller's connection is used: whoever waits for the lock below holds one, so nobody waits in a circle.
        """
        while len(self._free) < n:
            await self._take_block(conn, n)
        taken = [self._free.popleft() for _ in range(n)]
        if len(self._free) < LOW_WATER and self._ahead is None:
            self._ahead = asyncio.create_task(self._take_ahead())
            self._ahead.add_done_callback(self._forget_ahead)
        return taken

    def give_back(self, slots: Sequence[int]) -> None:
        """Take back what was handed out and surely sealed nothing that is stored."""
        self._free.extend(slots)

    async def close(self) -> None:
        """Wait for a block that is being taken."""
        if self._ahead is not None:
            await asyncio.wait([self._ahead])

    async def _take_ahead(self) -> None:
        async with self._pool.acquire() as conn:
            await self._take_block(conn, LOW_WATER)

    async def _take_block(self, conn: Conn, needed: int) -> None:
        async with self._refill:
            if len(self._free) >= needed:
                return
            is_ours = False
            while not is_ours:
                block = await store.take_block(conn)
                reach("vault.block_taken")
                is_ours = await asyncio.to_thread(self._keys.take_block, block)
            self._free.extend(range(block * BLOCK_SLOTS, (block + 1) * BLOCK_SLOTS))

    def _forget_ahead(self, done: asyncio.Task[None]) -> None:
        self._ahead = None
        if not done.cancelled():
            done.exception()  # whoever needs the block next tries again, and is told
