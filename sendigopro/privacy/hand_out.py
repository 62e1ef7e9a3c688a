"""To hand out what is held of a person: asked at the door, built by a worker, fetched for seven days."""

import asyncio
from uuid import UUID

import structlog

from sendigopro.foundation.postgres import CONNECTION_LOST, as_account
from sendigopro.privacy import requests_store
from sendigopro.privacy.desk import Desk, find_marks, keep_request, used_before
from sendigopro.privacy.erase import new_request, sealed_reason
from sendigopro.privacy.model import Asked, Request
from sendigopro.privacy.package.build import build
from sendigopro.privacy.package.model import Sources, SubjectGoneError

log = structlog.get_logger()

PAUSE_SECONDS = 0.5
REPORT_SECONDS = 1.0
LEASE_SECONDS = 60.0
NOTHING_KEPT = "nothing_kept"


async def hand_out(desk: Desk, asked: Asked) -> tuple[Request, bool]:
    """Begin a package; (the request, whether it had been asked with this Idempotency-Key before)."""
    marks = await find_marks(desk, asked, asked.person)
    request = new_request(asked, marks, status="processing")
    reason = await sealed_reason(desk, request, asked)
    async with as_account(desk.door, asked.account_id) as conn:
        used = await used_before(conn, asked)
        if used is not None:
            return used, True
        request = await keep_request(conn, asked, request, reason=reason)
    return request, False


class Packages:
    """A worker's hand in it: one package after the other; any number of workers share them."""

    def __init__(self, desk: Desk, sources: Sources) -> None:
        self._desk = desk
        self._sources = sources
        self._progress = (0, 0)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                has_more = await self.step()
            except CONNECTION_LOST as error:
                log.warning("packages_wait_for_database", error=type(error).__name__)
                has_more = False
            if not has_more:
                await asyncio.sleep(PAUSE_SECONDS)

    async def step(self) -> bool:
        """Build the next one; False when nobody waits. Whoever dies at it is followed by one who begins anew."""
        async with self._desk.main.acquire() as conn:
            request = await requests_store.lease_package_of_everyone(conn, lease_seconds=LEASE_SECONDS)
        if request is None:
            return False
        self._progress = (0, 0)
        reporting = asyncio.create_task(self._report(request))
        try:
            outcome = await self._build(request)
        finally:
            reporting.cancel()
            await asyncio.wait([reporting])
        async with self._desk.main.acquire() as conn, conn.transaction():
            done, total = self._progress
            await requests_store.note_progress(conn, request, done=done, total=total, lease_seconds=0)
            await requests_store.set_status(conn, request, status="completed", outcome=outcome)
        return True

    async def _build(self, request: Request) -> str | None:
        """None when there is a package; else why there is none."""
        for subject_id in request.subject_ids:
            try:
                await self._build_one(request, subject_id)
            except SubjectGoneError:
                continue
            return None
        return NOTHING_KEPT

    async def _build_one(self, request: Request, subject_id: UUID) -> None:
        def on_progress(done: int, total: int) -> None:
            self._progress = (done, total)

        await build(
            self._sources,
            account_id=request.account_id,
            mode=request.mode,
            subject_id=subject_id,
            request_id=request.id,
            folder=self._desk.exports,
            on_progress=on_progress,
        )

    async def _report(self, request: Request) -> None:
        """Say how far it is, and that its builder lives."""
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            done, total = self._progress
            async with self._desk.main.acquire() as conn:
                await requests_store.note_progress(conn, request, done=done, total=total, lease_seconds=LEASE_SECONDS)
