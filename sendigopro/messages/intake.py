"""What a web process needs to take messages in: the acceptor, its writers, and the loops that keep them informed."""

import asyncio
import os
import shutil
from contextlib import suppress
from uuid import UUID

import structlog

from sendigopro.channels.directory import Directory
from sendigopro.foundation import clock
from sendigopro.foundation.postgres import CONNECTION_LOST, Pool
from sendigopro.messages import store
from sendigopro.messages.accept import Acceptor
from sendigopro.messages.group import GroupWriter
from sendigopro.messages.model import HURRIES
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

log = structlog.get_logger()

WRITERS = 2
HINT_PAUSE_SECONDS = 0.02
LOOK_SECONDS = 1.0
LOOK_REST = 20
RETRY_SECONDS = 0.5
FREE_BYTES_MIN = 1_000_000_000
FREE_SHARE_MIN = 0.05


class Intake:
    """The acceptor of one process with everything that runs behind it."""

    def __init__(self, runtime: Runtime, *, vault: Vault, directory: Directory) -> None:
        settings = runtime.settings
        self._pool: Pool = runtime.main
        self._folder = settings.data_dir
        self._directory = directory
        self._hinted = asyncio.Event()
        self._urgent = asyncio.Event()
        self._queued: set[tuple[UUID, int]] = set()
        self._writers = [GroupWriter(runtime.main) for _ in range(WRITERS)]
        for writer in self._writers:
            writer.hint = self._note
        self.acceptor = Acceptor(
            pool=runtime.main,
            vault=vault,
            directory=directory,
            writers=self._writers,
            price_micros=settings.price_micros,
            currency=settings.currency,
            allow_private_webhooks=settings.allow_private_webhooks,
        )

    async def run(self) -> None:
        """Commit groups, wake the workers and watch queues and disk, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for writer in self._writers:
                tasks.create_task(writer.run())
            tasks.create_task(self._hint())
            tasks.create_task(self._look())

    def _note(self, places: set[tuple[UUID, int]]) -> None:
        self._queued |= places
        self._hinted.set()
        if any(priority <= HURRIES for _, priority in places):
            self._urgent.set()

    async def _hint(self) -> None:
        """One NOTIFY for all queued meanwhile, outside the accepting transactions, which so commit in parallel.

        What is urgent does not wait for others to gather.
        """
        while True:
            await self._hinted.wait()
            self._hinted.clear()
            self._urgent.clear()
            places, self._queued = self._queued, set()
            try:
                async with self._pool.acquire() as conn:
                    await store.notify_work(conn, places)
            except CONNECTION_LOST:
                await asyncio.sleep(RETRY_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(HINT_PAUSE_SECONDS):
                    await self._urgent.wait()

    async def _look(self) -> None:
        """Once a second: what is set up, how long the queues are, how full the disk is."""
        while True:
            began = clock.monotonic()
            self.acceptor.has_disk = has_disk(self._folder)
            try:
                await self._directory.refresh_if_older()
                async with self._pool.acquire() as conn:
                    self.acceptor.queue_depths = await store.queue_depths_of_everyone(conn)
            except CONNECTION_LOST as error:
                log.warning("intake_waits_for_database", error=type(error).__name__)
            took = clock.monotonic() - began
            await asyncio.sleep(max(LOOK_SECONDS, took * LOOK_REST))  # a queue of a million chunks is long to count


def has_disk(folder: os.PathLike[str]) -> bool:
    """Whether there is room to go on: PostgreSQL must never be the first to notice that there is none."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return True  # not on this machine: the database's own machine watches itself
    return usage.free >= max(FREE_BYTES_MIN, usage.total * FREE_SHARE_MIN)
