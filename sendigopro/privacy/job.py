"""The worker's part of forgetting: everything that is left once nobody can read the person any more.

Each step may be done again and finds nothing left to do, so a worker that dies anywhere is followed by one that begins
anew. Work is leased request by request and done in batches: a person with 100,000 messages holds up nobody.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog

from sendigopro.events import store as events
from sendigopro.events.bus import Bus
from sendigopro.events.model import Batch, Event
from sendigopro.events.privacy import SUBJECT_ERASED
from sendigopro.foundation import clock, ids
from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.postgres import CONNECTION_LOST, Conn
from sendigopro.messages import export_store
from sendigopro.messages.forget import forget_reports, forget_some
from sendigopro.messages.load import Loader
from sendigopro.messages.settle import OUTBOX_LEASE_SECONDS
from sendigopro.privacy import exported, journal_store, requests_store
from sendigopro.privacy.desk import Desk
from sendigopro.privacy.erase import begin, include_newcomers, intent_of
from sendigopro.privacy.journaling import catch_up
from sendigopro.privacy.model import Request
from sendigopro.privacy.receipt_contents import contents
from sendigopro.privacy.receipt_key import signing_key
from sendigopro.privacy.receipts import sign
from sendigopro.vault import store as subjects

log = structlog.get_logger()

PAUSE_SECONDS = 0.5
LEASE_SECONDS = 60.0
RENEW_EVERY = 20
LEASED_MAX = 20
LATE_SECONDS = 2.0
"""A process drops a dead key within 0.3 s; what it accepted just before is on disk well within this."""
DUE_MAX = 20
KEYS_EVERY_SECONDS = 60.0


class Erasures:
    """A worker's hand in forgetting; any number of them share the work."""

    def __init__(self, desk: Desk, *, loader: Loader, bus: Bus, owner: str, late_seconds: float = LATE_SECONDS) -> None:
        self._desk = desk
        self._loader = loader
        self._bus = bus
        self._owner = owner
        self._late_seconds = late_seconds
        self._forget_keys_at = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                has_more = await self.step()
            except CONNECTION_LOST as error:
                log.warning("erasures_wait_for_database", error=type(error).__name__)
                has_more = False
            if not has_more:
                await asyncio.sleep(PAUSE_SECONDS)

    async def step(self) -> bool:
        """Begin what is due and finish some requests; False when there were none.

        Their keys are destroyed together: a key store that must replace its root does it once for all of them.
        """
        await catch_up(self._desk.main, self._desk.journal)
        await self._begin_due()
        await self._forget_keys()
        async with self._desk.main.acquire() as conn:
            requests = await requests_store.lease_erasing_of_everyone(
                conn, lease_seconds=LEASE_SECONDS, late_seconds=self._late_seconds, limit=LEASED_MAX
            )
        if not requests:
            return False
        reach("erase.leased")
        condemned = [one for request in requests if (one := await self._condemned(request)) is not None]
        await self._desk.vault.finish_forgetting()
        destroyed_at = clock.now()
        reach("erase.keys_destroyed")
        for request in condemned:
            async with self._desk.main.acquire() as conn:
                await requests_store.renew_lease(conn, request, lease_seconds=LEASE_SECONDS)
            await self._finish(request, destroyed_at)
        return True

    async def _condemned(self, request: Request) -> Request | None:
        """See to it that nobody reads the person; None when that is too new to go on.

        For a moment another process may still accept a message with what it has in memory. It is readable to nobody,
        but it must be there before the messages are gone through, or it would be passed over.
        """
        desk = self._desk
        found = await include_newcomers(desk, request)
        is_fresh = request.unreadable_at is None or found is not request
        await catch_up(desk.main, desk.journal)
        await desk.vault.forget(found.key_slots)
        async with desk.main.acquire() as conn:
            await requests_store.mark_unreadable(conn, found)
            if is_fresh and self._late_seconds:
                await requests_store.renew_lease(conn, found, lease_seconds=self._late_seconds)
                return None
        return found

    async def _finish(self, request: Request, destroyed_at: datetime) -> None:
        """All that is left of one erasure, from wherever it was."""
        desk = self._desk
        steps = {"keys": destroyed_at, "caches": destroyed_at}
        await self._forget_messages(request)
        for store in ("queue", "bodies", "idempotency", "webhooks", "rows"):
            steps[store] = clock.now()
        reach("erase.messages_forgotten")
        await self._forget_reports(request)
        steps["reports"] = clock.now()
        reach("erase.reports_forgotten")
        async with desk.vault_pool.acquire() as conn:
            await subjects.delete_subjects(conn, account_id=request.account_id, ids=request.subject_ids)
        steps["subjects"] = clock.now()
        reach("erase.subject_deleted")
        await self._delete_exports(request)
        steps["exports"] = clock.now()
        reach("erase.exports_deleted")
        await self._complete(request, steps)
        await catch_up(desk.main, desk.journal)
        reach("erase.completed")

    async def _forget_messages(self, request: Request) -> None:
        for subject_id in request.subject_ids:
            count, batches_done = 1, 0
            while count:
                async with self._desk.main.acquire() as conn, conn.transaction():
                    count, batches = await forget_some(
                        conn, self._loader, self._bus, account_id=request.account_id, subject_id=subject_id,
                        owner=self._owner,
                    )  # fmt: skip
                    batches_done += 1
                    if batches_done % RENEW_EVERY == 0:
                        await requests_store.renew_lease(conn, request, lease_seconds=LEASE_SECONDS)
                    if count:
                        reach("erase.messages_before_commit")
                self._bus.announce(batches)

    async def _forget_reports(self, request: Request) -> None:
        """A replayed erasure has no MAC for it, since none is in the journal: those receipts end by their term."""
        if request.platform_mac is not None:
            async with self._desk.main.acquire() as conn:
                await forget_reports(conn, recipient_mac=request.platform_mac)

    async def _delete_exports(self, request: Request) -> None:
        """Packages of this person, and lists that members took away: one may have been asked for just before."""
        built: Sequence[UUID] = ()
        async with self._desk.main.acquire() as conn:
            await export_store.end_personal(conn, account_id=request.account_id)
            lists = await export_store.ended_of(conn, account_id=request.account_id)
            if request.mac is not None:
                built = await requests_store.exports_of(conn, account_id=request.account_id, mac=request.mac)
        await asyncio.to_thread(
            exported.delete_exports,
            self._desk.exports,
            request.account_id,
            subject_ids=request.subject_ids,
            request_ids=[*built, *lists],
        )

    async def _complete(self, request: Request, steps: dict[str, datetime]) -> None:
        """The receipt, the word to the account, the journal's last word and the end, in one transaction."""
        desk = self._desk
        _, secret = await signing_key(desk.main, desk.vault)
        async with desk.main.acquire() as conn, conn.transaction():
            current = await requests_store.read_request(
                conn, account_id=request.account_id, mode=request.mode, request_id=request.id, for_update=True
            )
            if current is None or current.status != "erasing":
                return  # another worker was faster
            now = clock.now()
            receipt = contents(
                current,
                completed_at=now,
                steps=steps,
                backups=desk.backups(steps["keys"]),
                carriers=await requests_store.carriers_and_terms(conn),
                has_webhooks=await requests_store.has_webhooks(conn, account_id=request.account_id, mode=request.mode),
            )
            await requests_store.complete(conn, current, receipt=sign(secret, receipt))
            if current.mac is not None:
                await requests_store.forget_person(conn, account_id=current.account_id, mac=current.mac)
            await journal_store.intend(conn, intent_of(current, "erased"))
            batches = await self._tell(conn, current)
            reach("erase.before_completion")
        self._bus.announce(batches)

    async def _tell(self, conn: Conn, request: Request) -> Sequence[Batch]:
        event = Event(ids.new_bytes(), SUBJECT_ERASED, request.id.bytes, clock.now_us(), {"status": "completed"})
        batches = [Batch(request.account_id, request.mode, events=[event])]
        lease = OUTBOX_LEASE_SECONDS if self._bus.is_heard else 0.0
        await events.publish(conn, batches, owner=self._owner, lease_seconds=lease)
        return batches

    async def _begin_due(self) -> None:
        """A grace is over: forget, unless somebody must keep it by now; then look again tomorrow."""
        desk = self._desk
        begun = []
        async with desk.main.acquire() as conn, conn.transaction():
            for request in await requests_store.due_of_everyone(conn, limit=DUE_MAX):
                hold = await desk.holds_on(conn, account_id=request.account_id, subject_ids=request.subject_ids)
                if hold is not None:
                    await requests_store.set_status(conn, request, status="on_hold", outcome="legal_hold")
                else:
                    begun.append(await begin(desk, conn, request))
        if begun:
            await catch_up(desk.main, desk.journal)
            for request in begun:
                await desk.vault.forget(request.key_slots)

    async def _forget_keys(self) -> None:
        if clock.monotonic() < self._forget_keys_at:
            return
        self._forget_keys_at = clock.monotonic() + KEYS_EVERY_SECONDS
        async with self._desk.main.acquire() as conn:
            await requests_store.forget_keys_of_everyone(conn)
