"""What became of messages goes to disk in groups: outcome, carrier's ids, credit, counts and events together."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import structlog

from sendigopro.events import store as events
from sendigopro.events.bus import Bus
from sendigopro.events.model import Batch, Event
from sendigopro.foundation import clock, ids
from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.postgres import CONNECTION_LOST, Conn, Pool, from_us
from sendigopro.ledger import store as ledger
from sendigopro.messages import settle_store, store
from sendigopro.messages.model import EVENT_OF, STATUS_OF, Channel, Chunk, Outgoing, Rank, worst
from sendigopro.messages.settle_store import Books, OutcomeRow, UnclearRow
from sendigopro.messages.store import WaitingRow

log = structlog.get_logger()

GROUP_MAX = 200
EVENTS_MAX = 500
OUTBOX_LEASE_SECONDS = 30.0
RETRY_PAUSE_SECONDS = 0.2


@dataclass(slots=True)
class Seen:
    """A message and one thing that became of it: what an event carries in memory."""

    message: Outgoing
    rank: Rank
    reason: str | None


@dataclass(slots=True)
class Item:
    """One thing to write about one message."""

    message: Outgoing
    rank: Rank | None = None
    """None: the message waits (see `wait`) or only leaves its chunk."""
    reason: str | None = None
    carrier_code: str | None = None
    carrier_ids: tuple[str, ...] = ()
    at_us: int = 0
    resolves: bool = False
    """It accounts for the message's place in its chunk."""
    charges: bool = False
    part: int | None = None
    """A report on one part of a long message; the message's own outcome follows from all of them."""
    wait: WaitingRow | None = None
    unclear: UnclearRow | None = None
    acknowledge: Callable[[], None] | None = None
    """Called once it is on disk."""


class Settler:
    """A worker's one writer of outcomes."""

    def __init__(self, *, pool: Pool, bus: Bus, owner: str, linger_seconds: float, receipt_wait_seconds: float) -> None:
        self._pool = pool
        self._bus = bus
        self._owner = owner
        self._linger_seconds = linger_seconds
        self._receipt_wait_seconds = receipt_wait_seconds
        self._items: list[Item] = []
        self._arrived = asyncio.Event()
        self._added = 0
        self._written = 0
        self._marks: list[tuple[int, asyncio.Future[None]]] = []
        self.on_chunk_done: Callable[[Chunk], None] = lambda _: None

    def add(self, item: Item) -> None:
        """Queue one item; it is on disk some milliseconds later."""
        self._items.append(item)
        self._added += 1
        self._arrived.set()

    async def drained(self) -> None:
        """Wait until everything queued so far is on disk."""
        if self._written < self._added:  # what comes later is not waited for: it may never end
            mark = asyncio.get_running_loop().create_future()
            self._marks.append((self._added, mark))
            await mark

    async def run(self) -> None:
        """Write groups until cancelled; while the database is away, keep them and try again."""
        while True:
            await self._arrived.wait()
            if len(self._items) < GROUP_MAX:
                await asyncio.sleep(self._linger_seconds)
            group, self._items = self._items[:GROUP_MAX], self._items[GROUP_MAX:]
            if not self._items:
                self._arrived.clear()
            await self._write_surely(group)
            self._written += len(group)
            for count, mark in self._marks:
                if count <= self._written and not mark.done():
                    mark.set_result(None)
            self._marks = [(count, mark) for count, mark in self._marks if not mark.done()]

    async def _write_surely(self, group: list[Item]) -> None:
        while True:
            try:
                batches = await self._write(group)
            except (*CONNECTION_LOST, asyncpg.TransactionRollbackError) as error:
                log.warning("settle_waits_for_database", items=len(group), error=type(error).__name__)
                await asyncio.sleep(RETRY_PAUSE_SECONDS)
            except Exception as error:  # one bad item must not hold up the others
                if len(group) == 1:
                    log.exception("settle_failed", message_id=str(group[0].message.id), error=type(error).__name__)
                    _acknowledge(group)  # it cannot be written, and would come again for ever
                    return
                for item in group:
                    await self._write_surely([item])
                return
            else:
                self._tell(group, batches)
                return

    async def _write(self, group: list[Item]) -> list[Batch]:
        done, _ = _chunks_done(group)
        async with self._pool.acquire() as conn:
            async with conn.transaction():
                outcomes = [(item, item.rank) for item in group if item.rank is not None and item.part is None]
                outcomes += await _finish_multiparts(conn, [item for item in group if item.part is not None])
                batches = await record(
                    conn, outcomes, bus=self._bus, owner=self._owner, wait=self._receipt_wait_seconds, done=done
                )
                await _write_waits(conn, group)
                reach("settle.before_commit")
            reach("settle.committed")
        return batches

    def _tell(self, group: list[Item], batches: list[Batch]) -> None:
        """What follows the commit; whatever happens here, the group is on disk and is not written again."""
        done, counts = _chunks_done(group)
        for chunk, count in counts.values():
            chunk.unresolved -= count
        for chunk in done:
            self.on_chunk_done(chunk)
        _acknowledge(group)
        try:
            self._bus.announce(batches)
        except Exception as error:  # they are in the outbox: another process tells them
            log.exception("announce_failed", error=type(error).__name__)


def _acknowledge(group: Sequence[Item]) -> None:
    for item in group:
        if item.acknowledge is None:
            continue
        try:
            item.acknowledge()
        except Exception as error:  # its link is gone: the carrier tells it again
            log.exception("acknowledge_failed", error=type(error).__name__)


async def _write_waits(conn: Conn, group: Sequence[Item]) -> None:
    waits = [(item.wait, item.message.chunk) for item in group if item.wait is not None]
    if waits:
        await store.insert_waiting(
            conn,
            [wait for wait, _ in waits],
            out_of=[chunk.id if chunk is not None else None for _, chunk in waits],
        )
    unclear = [item.unclear for item in group if item.unclear is not None]
    if unclear:
        await settle_store.insert_unclear(conn, unclear)


async def record(
    conn: Conn,
    outcomes: Sequence[tuple[Item, Rank]],
    *,
    bus: Bus,
    owner: str,
    wait: float = 0.0,
    done: Sequence[Chunk] = (),
) -> list[Batch]:
    """Append outcomes with all that follows from them: credit, counts and events. The one way an outcome is written.

    `wait` is how long receipts are awaited, in seconds; `done` are chunks that end with these outcomes. Returns the
    batches to announce after the commit. An outcome that was there already has no effect again.
    """
    seen = []
    if outcomes:
        new = await settle_store.append_outcomes(conn, [_outcome(item, rank) for item, rank in outcomes])
        for item, rank in outcomes:
            was_charged = new.pop((item.message.id, int(rank)), None)
            if was_charged is None:
                continue
            if was_charged:  # by another worker, which had it before us or after us
                item.message.is_charged, item.charges = True, False
            seen.append((item, rank))
    books = Books(
        refs=[ref for item, _ in outcomes if item.carrier_ids for ref in _refs(item)],
        sent=_sent(seen),
        tallies=_tallies(seen),
        done=[(chunk.account_id, chunk.id) for chunk in done],
        clear=[(m.account_id, m.id) for item, rank in seen if (m := item.message).was_unclear and rank > Rank.UNKNOWN],
    )
    if seen or done or books.refs:
        await settle_store.keep_books(conn, books, receipt_wait_seconds=wait)
    await _move_money(conn, seen)
    batches = _batches(seen)
    if batches:
        lease = OUTBOX_LEASE_SECONDS if bus.is_heard else 0.0
        await events.publish(conn, batches, owner=owner, lease_seconds=lease)
    return batches


def _chunks_done(group: Sequence[Item]) -> tuple[list[Chunk], dict[int, tuple[Chunk, int]]]:
    """Which chunks this group accounts for to the last message.

    Counted for each lease: a chunk lost and leased again is another object, and its old messages are not its new ones.
    """
    counts: dict[int, tuple[Chunk, int]] = {}
    for item in group:
        chunk = item.message.chunk
        if item.resolves and chunk is not None:
            counts[id(chunk)] = (chunk, counts.get(id(chunk), (chunk, 0))[1] + 1)
    return [chunk for chunk, count in counts.values() if chunk.unresolved <= count], counts


async def _finish_multiparts(conn: Conn, items: Sequence[Item]) -> list[tuple[Item, Rank]]:
    """Add reports on parts; a message of which all parts have reported gets its outcome, the worst of them."""
    by_message: dict[UUID, list[Item]] = defaultdict(list)
    for item in items:
        by_message[item.message.id].append(item)
    finished = []
    for message_id, of_message in sorted(by_message.items()):
        reports = await settle_store.report_parts(
            conn,
            account_id=of_message[0].message.account_id,
            message_id=message_id,
            parts=[item.part for item in of_message if item.part is not None],
            ranks=[int(item.rank) for item in of_message if item.rank is not None],
            reasons=[item.reason for item in of_message],
        )
        if len(reports) >= of_message[0].message.segments:
            rank = worst([Rank(rank) for _, rank, _ in reports])
            last = of_message[-1]
            last.reason = next((reason for _, its, reason in reports if its == rank), None)
            finished.append((last, rank))
    return finished


def _outcome(item: Item, rank: Rank) -> OutcomeRow:
    message = item.message
    return OutcomeRow(
        message.account_id, message.id, int(rank), from_us(item.at_us), item.reason, message.carrier_id,
        item.carrier_code, message.attempt, moves_money=item.charges or releases_hold(message, rank),
    )  # fmt: skip


def _refs(item: Item) -> list[tuple[UUID, str, datetime, UUID, UUID, int]]:
    message, at = item.message, from_us(item.at_us)
    assert message.carrier_id is not None
    return [
        (message.carrier_id, ref, at, message.account_id, message.id, part)
        for part, ref in enumerate(item.carrier_ids, start=1)
        if ref
    ]


def _sent(seen: Sequence[tuple[Item, Rank]]) -> dict[tuple[UUID, int], list[UUID]]:
    """What a receipt is awaited of from now on."""
    sent: dict[tuple[UUID, int], list[UUID]] = defaultdict(list)
    for item, rank in seen:
        if rank is Rank.SENT or rank is Rank.UNKNOWN:
            sent[item.message.account_id, item.message.mode].append(item.message.id)
    return sent


def _tallies(seen: Sequence[tuple[Item, Rank]]) -> list[store.Tally]:
    tallies: dict[tuple[UUID, int, int, str, int], list[int]] = defaultdict(lambda: [0, 0])
    for item, rank in seen:
        message = item.message
        tally = tallies[message.account_id, message.mode, Channel.SMS, message.country, int(rank)]
        tally[0] += 1
        tally[1] += message.price_micros if item.charges else 0
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    return [(key[0], key[1], hour, *key[2:], n, micros) for key, (n, micros) in tallies.items()]


async def _move_money(conn: Conn, seen: Sequence[tuple[Item, Rank]]) -> None:
    """Charge what was sent, and release what will not be."""
    money: dict[UUID, list[int]] = defaultdict(lambda: [0, 0])  # to be charged, and no longer held
    for item, rank in seen:
        message = item.message
        if item.charges and message.price_micros:
            money[message.account_id][0] += message.price_micros
            money[message.account_id][1] += message.held_micros
        elif releases_hold(message, rank):
            money[message.account_id][1] += message.held_micros
    if money:
        await ledger.charge(
            conn,
            account_ids=list(money),
            amounts=[amount for amount, _ in money.values()],
            held=[held for _, held in money.values()],
        )


def releases_hold(message: Outgoing, rank: Rank) -> bool:
    """A message that ended without having been charged gives its credit back."""
    return bool(message.held_micros) and rank > Rank.OPEN and not message.is_charged


def _batches(seen: Sequence[tuple[Item, Rank]]) -> list[Batch]:
    """The events of what was new, in batches of one account and mode."""
    batches: list[Batch] = []
    current: dict[tuple[UUID, int], Batch] = {}
    for item, rank in seen:
        message = item.message
        key = (message.account_id, message.mode)
        batch = current.get(key)
        if batch is None or len(batch.events) >= EVENTS_MAX:
            batch = current[key] = Batch(message.account_id, message.mode)
            batches.append(batch)
        batch.events.append(
            Event(
                ids.new_bytes(), EVENT_OF[rank], message.id.bytes, item.at_us,
                {"status": STATUS_OF[rank], "reason": item.reason, "rank": int(rank), "attempt": message.attempt},
                Seen(message, rank, item.reason),
            )
        )  # fmt: skip
    return batches
