"""Sign, post, retry: the last step of a message's way.

A worker that has written events posts them from memory (`take`); what fails goes to `webhook_retries`, and a batch's
row leaves the outbox once each of its posts has succeeded or is written there. Whatever a dead process owned is
leased from the outbox by another (`again.py`), so everything is told at least once. Every receiver has a lane of its
own, with bounds of its own: one that hangs fills its lane, and nobody else's.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from sendigopro.events.bus import Bus
from sendigopro.events.model import Batch, Event
from sendigopro.foundation import clock, ids, logs, metrics
from sendigopro.foundation.addresses import Lookup, SystemLookup
from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.postgres import CONNECTION_LOST, Pool
from sendigopro.messages.model import IS_FINAL_EVENT
from sendigopro.messages.settle import Seen
from sendigopro.messages.view import MessageObject, Viewer, object_of
from sendigopro.vault.vault import Vault
from sendigopro.webhooks import delivery_store, record
from sendigopro.webhooks.book import Book, Entry
from sendigopro.webhooks.client import TIMEOUT_SECONDS, Client
from sendigopro.webhooks.connection import Answer, Failure
from sendigopro.webhooks.lane import Lane
from sendigopro.webhooks.model import TEST_EVENT, Put, RetryRow
from sendigopro.webhooks.payload import MESSAGE_EVENTS, as_it_was, bare_object, envelope
from sendigopro.webhooks.record import Owed, Results
from sendigopro.webhooks.schedule import pause_seconds, retry_after_seconds
from sendigopro.webhooks.sign import signatures

HELD_MAX = 20_000  # events in memory; above it batches are left to the outbox
PREPARED_TOGETHER = 50
WRITE_SECONDS = 0.04
RETRY_SECONDS = 0.5
REFRESH_SECONDS = 2.0
STOP_SECONDS = 5.0
GONE = 410

log = logs.get(__name__)


class Delivery:
    """One event on its way to one receiver."""

    __slots__ = ("attempts", "body", "deliveries", "event_id", "is_second_try", "lane", "path", "source", "text")

    def __init__(
        self,
        deliveries: "Deliveries",
        lane: Lane,
        *,
        event_id: bytes,
        body: bytes,
        path: bytes,
        source: Owed | RetryRow,
    ) -> None:
        self.deliveries = deliveries
        self.lane = lane
        self.event_id = event_id
        self.text = body[7:37]  # the envelope begins {"id":"evt_…26 letters…"
        self.body = body
        self.path = path
        self.source = source
        self.attempts = source.attempts if isinstance(source, RetryRow) else 0
        self.is_second_try = False

    def wire(self) -> bytes:
        """The request, signed with the time at which it leaves."""
        lane = self.lane
        stamp = b"%d" % (clock.now_ns() // 1_000_000_000)
        signed = signatures(lane.keys, self.text, stamp, self.body)
        return b"POST %b%b" % (self.path, lane.tail % (self.text, stamp, signed, len(self.body), self.body))

    def answered(self, answer: Answer) -> None:
        self.deliveries.settle(self, answer)

    @property
    def batch_id(self) -> UUID:
        return self.source.batch_id if isinstance(self.source, RetryRow) else self.source.batch.id

    def row(self, attempts: int) -> RetryRow:
        lane = self.lane
        event_id = ids.from_bytes(self.event_id)
        return RetryRow(lane.account_id, lane.id, event_id, self.batch_id, lane.endpoint_id, lane.mode, attempts)


class Deliveries:
    """A worker's webhooks. `write`, `prepare` and `watch` run for ever; `again.Again` brings back what is left over."""

    def __init__(
        self,
        *,
        pool: Pool,
        vault: Vault,
        viewer: Viewer,
        bus: Bus,
        owner: str,
        allow_private: bool,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._pool = pool
        self._viewer = viewer
        self._bus = bus
        self.owner = owner
        self._lookup = lookup or SystemLookup()
        self.client = Client(allow_private=allow_private, lookup=self._lookup, tls=tls, timeout_seconds=timeout_seconds)
        self.book = Book(pool=pool, vault=vault, client=self.client, allow_private=allow_private)
        self.owned: dict[UUID, Owed] = {}
        self.leased: set[RetryRow] = set()
        self.held = 0
        """Events of owned batches."""
        self._results = Results()
        self._dirty = asyncio.Event()
        self._unprepared: list[Owed] = []
        self._unprepared_came = asyncio.Event()
        self._config_changed = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    # New events

    def take(self, batches: Sequence[Batch]) -> None:
        """Tell of batches whose transaction has committed; what there is no room for stays in the outbox."""
        for batch in batches:
            owed = Owed(batch, clock.monotonic())
            if self.held + len(batch.events) > HELD_MAX:
                self._results.given_back.append(owed)
                self._dirty.set()
                continue
            self.owned[batch.id] = owed
            self.held += len(batch.events)
            entry = self.book.known(batch.account_id, batch.mode)
            if entry is None or not all(is_ready(event, entry) for event in batch.events):
                self._unprepared.append(owed)
                self._unprepared_came.set()
            else:
                self._tell_surely(owed, entry, {})

    async def prepare(self) -> None:
        """Read endpoints and messages for batches that came without them, an account's together."""
        while True:
            await self._unprepared_came.wait()
            self._unprepared_came.clear()
            unprepared, self._unprepared = self._unprepared, []
            by_account: dict[tuple[UUID, int], list[Owed]] = defaultdict(list)
            for owed in unprepared:
                by_account[owed.batch.account_id, owed.batch.mode].append(owed)
            for of_account in by_account.values():
                for first in range(0, len(of_account), PREPARED_TOGETHER):
                    await self._prepare_surely(of_account[first : first + PREPARED_TOGETHER])
            if self._unprepared:
                self._unprepared_came.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _prepare_surely(self, group: Sequence[Owed]) -> None:
        try:
            await self._prepare(group)
        except CONNECTION_LOST as error:
            log.warning("webhooks_wait_for_database", error=type(error).__name__)
            self._unprepared += group
        except Exception as error:  # one bad batch must not hold up the others; it is leased again later
            if len(group) == 1:
                log.exception("webhooks_not_prepared", batch_id=str(group[0].batch.id), error=type(error).__name__)
                self._let_go(group[0])
                return
            for owed in group:
                await self._prepare_surely([owed])

    async def _prepare(self, group: Sequence[Owed]) -> None:
        account_id, mode = group[0].batch.account_id, group[0].batch.mode
        entry = await self.book.load(account_id, mode)
        events = [event for owed in group for event in owed.batch.events]
        described = await self.describe(entry, [event for event in events if not is_ready(event, entry)])
        needs_callback = any(
            IS_FINAL_EVENT.get(event.type, False) and _callback_url(event, described.get(event.id)) for event in events
        )
        if needs_callback and entry.callback_id is None:
            entry = await self.book.load(account_id, mode, with_callback=True)
        for owed in group:
            self._tell_surely(owed, entry, described)

    async def describe(self, entry: Entry, events: Sequence[Event]) -> dict[bytes, MessageObject]:
        """By event, its message as the tables tell it; absent where the message is no more."""
        by_id = {event.id: ids.from_bytes(event.object_id) for event in events if event.type.startswith(MESSAGE_EVENTS)}
        if not by_id:
            return {}
        found = await self._viewer.describe(entry.account_id, list(set(by_id.values())))
        return {
            event.id: as_it_was(event, found[by_id[event.id]])
            for event in events
            if event.id in by_id and by_id[event.id] in found
        }

    def _tell_surely(self, owed: Owed, entry: Entry, described: dict[bytes, MessageObject]) -> None:
        try:
            entry.used_at = clock.monotonic()
            for event in owed.batch.events:
                self._tell(owed, entry, event, described.get(event.id))
        except Exception as error:  # an event we cannot write down must not stop whoever announced it
            log.exception("webhooks_not_told", batch_id=str(owed.batch.id), error=type(error).__name__)
            self._let_go(owed)
            return
        self._account_for(owed)

    def _tell(self, owed: Owed, entry: Entry, event: Event, described: MessageObject | None) -> None:
        """Post one event to everybody who wants it."""
        lanes = lanes_for(entry, event)
        url = _callback_url(event, described) if IS_FINAL_EVENT.get(event.type, False) else None
        if not lanes and url is None:
            return
        body = body_of(entry, event, described)
        for lane in lanes:
            self.offer(lane, event=event, body=body, path=lane.path, source=owed)
        if url is not None:
            found = self.book.callback_lane(entry, url)
            if found is not None:
                self.offer(found[0], event=event, body=body, path=found[1], source=owed)

    def offer(self, lane: Lane, *, event: Event, body: bytes, path: bytes, source: Owed | RetryRow) -> None:
        """Post, or write down for later when the lane has no room or rests."""
        delivery = Delivery(self, lane, event_id=event.id, body=body, path=path, source=source)
        if isinstance(source, Owed):
            source.left += 1
        now = self.client.loop.time()
        if not lane.has_room(now):
            self._put_off(delivery, now)
            return
        if isinstance(source, RetryRow):
            self.leased.add(source)
        lane.pool.post(delivery)

    # Answers

    def settle(self, delivery: Delivery, answer: Answer) -> None:
        """Note what came of one post."""
        lane = delivery.lane
        attempts = delivery.attempts + 1
        self._results.attempted(lane, delivery.event_id, answer.code, answer.millis, attempts)
        if answer.is_ok:
            lane.succeeded()
            self._told(delivery)
            return
        now = self.client.loop.time()
        retry_after = retry_after_seconds(answer.retry_after)
        is_resting = lane.failed(answer, now, retry_after)
        if answer.code == GONE and not lane.is_callback:
            self._results.gone.add(lane)
            self.turn_off(lane)
        pause = None if answer.wants_no_more or answer.code == GONE else pause_seconds(attempts, retry_after)
        if pause is None:
            self._told(delivery)
        else:
            self._put(delivery, Put(delivery.row(attempts), pause))
        if is_resting:
            for waiting in _waiting(lane):
                self._put_off(waiting, now)

    def turn_off(self, lane: Lane) -> None:
        """The endpoint has been disabled or deleted: what waits for it is dropped."""
        lane.is_off = True
        for waiting in _waiting(lane):
            self._told(waiting)
        lane.pool.retire()

    def give_up(self, retry: RetryRow) -> None:
        """A retry whose event, message or endpoint is no more."""
        self._results.done.append(retry)
        self._dirty.set()

    def finish_unread(self, batch: Batch) -> None:
        """A batch in the outbox whose events are no more."""
        self._results.finished.append(Owed(batch, clock.monotonic(), left=0))
        self._dirty.set()

    def _told(self, delivery: Delivery) -> None:
        """Nothing is left to do for this receiver."""
        source = delivery.source
        if isinstance(source, RetryRow):
            self.leased.discard(source)
            self._results.done.append(source)
            self._dirty.set()
        else:
            self._account_for(source)

    def _put_off(self, delivery: Delivery, now: float) -> None:
        """Not tried: the lane is off, resting or full. It costs no attempt."""
        if delivery.lane.is_off:
            self._told(delivery)
            return
        self._put(delivery, Put(delivery.row(delivery.attempts), delivery.lane.pause_seconds(now)))

    def _put(self, delivery: Delivery, put: Put) -> None:
        source = delivery.source
        if isinstance(source, RetryRow):
            self.leased.discard(source)
            self._results.backs.append(put)
            self._dirty.set()
        else:
            self._results.puts.append(put)
            self._account_for(source)

    def _account_for(self, owed: Owed) -> None:
        owed.left -= 1
        if owed.left == 0 and self.owned.get(owed.batch.id) is owed:
            self._results.finished.append(owed)
        self._dirty.set()

    def _let_go(self, owed: Owed) -> None:
        """Own it no longer, and do not renew it: its lease ends, and it is tried again then, here or elsewhere."""
        if self.owned.pop(owed.batch.id, None) is not None:
            self.held -= len(owed.batch.events)

    # Disk

    async def write(self) -> None:
        """Write results for ever, in groups."""
        while True:
            await self._dirty.wait()
            await asyncio.sleep(WRITE_SECONDS)
            await self._write_now()

    async def _write_now(self) -> None:
        """Write what there is. Whoever is cancelled meanwhile leaves the writing to finish."""
        self._dirty.clear()
        results, self._results = self._results, Results()
        self._writing = asyncio.create_task(self._write_surely(results))
        await asyncio.shield(self._writing)

    async def _write_surely(self, results: Results) -> None:
        batches: list[Batch] = []
        while True:
            try:
                async with self._pool.acquire() as conn:
                    async with conn.transaction():
                        await delivery_store.relax_commit(conn)
                        batches = await record.write(conn, results, owner=self.owner)
                    reach("webhooks.committed")
                break
            except CONNECTION_LOST as error:
                log.warning("webhooks_wait_for_database", error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:  # it stays in the outbox, and is told once more when its lease ends
                log.exception("webhooks_not_written", error=type(error).__name__)
                break
        for owed in results.finished:
            self._let_go(owed)
        count(results)
        if batches:
            self._config_changed.set()
            self._bus.announce(batches)

    # Configuration

    def configuration_changed(self) -> None:
        """A hint; without it changes are seen within two seconds."""
        self._config_changed.set()

    async def watch(self) -> None:
        """Keep the endpoints in memory up to date."""
        while True:
            try:
                async with asyncio.timeout(REFRESH_SECONDS):
                    await self._config_changed.wait()
            except TimeoutError:
                pass
            self._config_changed.clear()
            for lane in await self.book.refresh():
                self.turn_off(lane)
            self.book.drop_unused()

    async def close(self) -> None:
        """Give what is under way a moment, write what came of it, and let others have the rest at once."""
        deadline = clock.monotonic() + STOP_SECONDS
        with suppress(TimeoutError):  # the database is away: the leases end by themselves
            async with asyncio.timeout(STOP_SECONDS * 2):
                if self._writing is not None:
                    await self._writing
                while self.owned and clock.monotonic() < deadline:
                    await self._write_now()
                    await asyncio.sleep(WRITE_SECONDS)
                self.client.close()
                self._results.given_back += self.owned.values()
                await self._write_now()
        self.client.close()
        if isinstance(self._lookup, SystemLookup):
            self._lookup.close()


def _waiting(lane: Lane) -> list[Delivery]:
    """Take back what has not been sent."""
    return [post for post in lane.pool.take_waiting() if isinstance(post, Delivery)]


def is_ready(event: Event, entry: Entry) -> bool:
    """Whether an event can be told from memory alone, or concerns nobody."""
    if not event.type.startswith(MESSAGE_EVENTS):
        return True
    context = event.context
    if isinstance(context, Seen) and context.message.details is not None:
        return entry.callback_id is not None or context.message.details.callback_url is None
    return not IS_FINAL_EVENT.get(event.type, False) and not lanes_for(entry, event)


def lanes_for(entry: Entry, event: Event) -> list[Lane]:
    if event.type == TEST_EVENT:
        lane = entry.lanes.get(ids.from_bytes(event.object_id))
        return [lane] if lane is not None else []
    return [lane for lane in entry.lanes.values() if lane.wants(event.type)]


def body_of(entry: Entry, event: Event, described: MessageObject | None) -> bytes:
    if described is not None:
        return envelope(event, entry.account, described)
    if isinstance(event.context, Seen):
        return envelope(event, entry.account, object_of(event.context))
    return envelope(event, entry.account, bare_object(event, entry.mode))


def _callback_url(event: Event, described: MessageObject | None) -> str | None:
    if described is not None:
        return described.callback_url
    if isinstance(event.context, Seen):
        return event.context.message.details.callback_url
    return None


def count(results: Results) -> None:
    """Add to the metrics, a group at a time."""
    counts: dict[str, int] = defaultdict(int)
    for columns in results.attempts.values():
        for code in columns.codes:
            counts[f"{code // 100}xx" if code >= 100 else Failure(code).name.lower()] += 1  # noqa: PLR2004  # statuses begin there
    for answer, n in counts.items():
        metrics.webhooks.labels(answer).inc(n)
