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
        self._waiting: set[tuple[UUID, UUID]] = set()
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def add(self, account_id: UUID, subject_id: UUID) -> None:
        if len(self._waiting) >= WAITING_MAX:
            return
        self._waiting.add((account_id, subject_id))
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
                group = [self._waiting.pop() for _ in range(min(GROUP_MAX, len(self._waiting)))]
                async with self._pool.acquire() as conn:
                    await store.mark_seen(
                        conn,
                        account_ids=[account_id for account_id, _ in group],
                        ids=[subject_id for _, subject_id in group],
                        today=clock.today(),
                    )
        except Exception as error:  # noqa: BLE001  # nobody waits for it, and the next sighting tries again
            log.warning("last_seen_not_written", error=type(error).__name__)
        finally:
            self._writer = None

    async def _pause(self) -> None:
        if len(self._waiting) >= GROUP_MAX:
            return
        try:
            await asyncio.wait_for(self._closing.wait(), PAUSE_SECONDS)
        except TimeoutError:
            return
