"""A worker's hand in lists that are taken away: page by page into a sealed file, which its row's key alone opens."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg

from sendigopro.channels.directory import Directory
from sendigopro.console import export_rows
from sendigopro.console.message_filter import read_filter
from sendigopro.foundation import clock, ids, logs
from sendigopro.foundation.postgres import CONNECTION_LOST, Pool, as_everyone
from sendigopro.messages import export_store, listing
from sendigopro.messages.export_store import Export
from sendigopro.messages.masking import Sees, masked
from sendigopro.messages.view import Viewer
from sendigopro.privacy.exported import delete_exports
from sendigopro.privacy.package.sealed_file import SUFFIX, SealedWriter, new_header, open_frames, read_header
from sendigopro.vault.sealing import UnreadableError
from sendigopro.vault.vault import Vault

TABLE: Final = "message_exports"
PAGE: Final = 500
ROWS_MAX: Final = 1_000_000
PAUSE_SECONDS: Final = 0.5
LEASE_SECONDS: Final = 60.0
SWEEP_SECONDS: Final = 60.0

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is."""

    done: int = 0
    reached: datetime | None = None
    is_cut: bool = False


def path_of(folder: Path, export: Export) -> Path:
    """Plain ids: a file's name says nothing about anybody."""
    return folder / str(export.account_id) / f"{export.id}{SUFFIX}"


async def frames_of(vault: Vault, export: Export, folder: Path) -> Iterator[bytes]:
    """The clear file, piece by piece; `UnreadableError` once it has ended."""
    if export.key is None:
        raise UnreadableError
    key = await vault.open_account(export.account_id, TABLE, "key", export.id, export.key)
    account_key = (await vault.load_account(export.account_id)).seal
    path = path_of(folder, export)
    return open_frames(path, read_header(path), subject_key=key, account_key=account_key)


class Exports:
    """Any number of workers share them."""

    def __init__(self, pool: Pool, *, vault: Vault, viewer: Viewer, directory: Directory, folder: Path) -> None:
        self._pool = pool
        self._vault = vault
        self._viewer = viewer
        self._directory = directory
        self._folder = folder
        self._sweep_at = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                has_more = await self.step()
            except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
                log.warning("exports_wait_for_database", **logs.told(error))
                has_more = False
            if not has_more:
                await asyncio.sleep(PAUSE_SECONDS)

    async def step(self) -> bool:
        """Write the next one; False when nobody waits."""
        await self._sweep()
        async with self._pool.acquire() as conn:
            export = await export_store.lease_of_everyone(conn, lease_seconds=LEASE_SECONDS)
        if export is None:
            return False
        try:
            await self._write(export)
        except (UnreadableError, OSError) as error:  # no disk, or a key that is gone: said on the page
            log.warning("export_failed", **logs.told(error))
            await self._note(export, Progress(), state="failed")
        return True

    async def _write(self, export: Export) -> None:
        assert export.key is not None
        assert export.query is not None
        key = await self._vault.open_account(export.account_id, TABLE, "key", export.id, export.key)
        asked = await self._vault.open_account(export.account_id, TABLE, "query", export.id, export.query)
        path = path_of(self._folder, export)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Its header names no person: the export's own id stands where a package has its subject.
        header = new_header(account_id=export.account_id, subject_id=export.id, expires_at=export.ends_at)
        account_key = (await self._vault.load_account(export.account_id)).seal
        file = SealedWriter(path, header, subject_key=key, account_key=account_key)
        filled = None
        try:
            file.write(export_rows.head(export.format))
            filled = await self._fill(export, file, asked.decode())
        finally:
            if filled is None:
                file.abandon()
        if filled is None:
            return
        file.seal_last()
        if not await self._note(export, filled, state="ready"):
            path.unlink(missing_ok=True)

    async def _fill(self, export: Export, file: SealedWriter, asked: str) -> Progress | None:
        """How much there was; None when it was ended meanwhile."""
        chosen, progress = read_filter(asked), Progress()
        query = chosen.query(limit=PAGE)
        query.created_before = min(filter(None, (query.created_before, export.created_at)))
        sees = Sees(export.with_subjects, export.with_bodies)
        while True:
            found = await listing.find_messages(
                partial(as_everyone, self._pool), self._vault, query, account_id=export.account_id, mode=export.mode,
                retention=self._directory.retention(export.account_id),
            )  # fmt: skip
            described = await self._viewer.describe(export.account_id, found.ids, with_body=export.with_bodies)
            shown = (masked(described[one], sees) for one in found.ids if one in described)
            file.write(export_rows.rows(export.format, shown))
            last = found.reached or (found.ids[-1] if found.ids else None)
            if last is not None:
                done = progress.done + len(described)
                progress = Progress(done, ids.time_of(last), found.has_more and done >= ROWS_MAX)
            if not await self._note(export, progress, state="waiting"):
                return None
            if last is None or not found.has_more or progress.is_cut:
                return progress
            query.after = ids.typed("msg", last)

    async def _note(self, export: Export, progress: Progress, *, state: str) -> bool:
        async with self._pool.acquire() as conn:
            return await export_store.note_progress(
                conn, export, state=state, done=progress.done, reached=progress.reached, is_cut=progress.is_cut,
                lease_seconds=LEASE_SECONDS,
            )  # fmt: skip

    async def _sweep(self) -> None:
        """What is over goes with its file."""
        if clock.monotonic() < self._sweep_at:
            return
        self._sweep_at = clock.monotonic() + SWEEP_SECONDS
        async with self._pool.acquire() as conn:
            over = await export_store.delete_over_of_everyone(conn, now=clock.now())
        for account_id, export_id in over:
            await asyncio.to_thread(delete_exports, self._folder, account_id, subject_ids=(), request_ids=(export_id,))
