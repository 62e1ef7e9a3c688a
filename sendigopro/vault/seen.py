"""Writing down that a subject was seen again: once a day at most, later, and together."""

import asyncio
from uuid import UUID

from sendigopro.foundation import clock, logs
from sendigopro.foundation.postgres import Pool
from sendigopro.vault import store

PAUSE_SECONDS = 5.0
GROUP_MAX = 1000
WAITING_MAX = 100_000

log = logs.get(__name__)


class SeenAgain:
    """Gathers subjects for some seconds. What is lost when a process dies is written when they are seen next."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: dict[UUID, set[UUID]] = {}
        self._count = 0
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def add(self, account_id: UUID, subject_id: UUID) -> None:
        """Note one sighting; beyond 100,000 that wait, they are left for another day."""
        if self._count >= WAITING_MAX:
            return
        self._waiting.setdefault(account_id, set()).add(subject_id)
        self._count += 1
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Write what waits, now."""
        self._closing.set()
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def _write(self) -> None:
        try:
            while self._waiting:
                await self._pause()
                gathered, self._waiting, self._count = self._waiting, {}, 0
                async with self._pool.acquire() as conn:
                    for account_id, seen in gathered.items():
                        ordered = sorted(seen)
                        for start in range(0, len(ordered), GROUP_MAX):
                            group = ordered[start : start + GROUP_MAX]
                            await store.mark_seen(conn, account_id=account_id, ids=group, today=clock.today())
        except Exception as error:  # noqa: BLE001  # nobody waits for it, and the next sighting tries again
            log.warning("last_seen_not_written", **logs.told(error))
        finally:
            self._writer = None

    async def _pause(self) -> None:
        if self._count >= GROUP_MAX:
            return
        try:
            async with asyncio.timeout(PAUSE_SECONDS):
                await self._closing.wait()
        except TimeoutError:
            return
