"""What answers have made true and is not on disk yet; written every few milliseconds in one transaction."""

from collections import defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from sendigopro.events import store as events
from sendigopro.events.model import Batch, Event
from sendigopro.foundation import clock, ids
from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.postgres import Conn
from sendigopro.webhooks import delivery_store, store
from sendigopro.webhooks.connection import OK_MAX, OK_MIN
from sendigopro.webhooks.lane import Lane
from sendigopro.webhooks.model import DISABLED_EVENT, DeliveryRow, Disabled, Put, RetryRow
from sendigopro.webhooks.schedule import DISABLED_AFTER, SILENCE

OUTBOX_LEASE_SECONDS = 30.0
DAY_SECONDS = 86_400


@dataclass(slots=True)
class Owed:
    """A batch of events that this process has leased and must tell."""

    batch: Batch
    since: float
    left: int = 1
    """Posts without a result, and one for as long as posts are being added."""


@dataclass(slots=True)
class Columns:
    """Attempts at one lane."""

    event_ids: list[bytes] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    millis: list[int] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)

    def add(self, event_id: bytes, code: int, millis: int, attempt: int) -> None:
        self.event_ids.append(event_id)
        self.codes.append(code)
        self.millis.append(millis)
        self.attempts.append(attempt)

    @property
    def has_success(self) -> bool:
        return any(OK_MIN <= code <= OK_MAX for code in self.codes)


@dataclass(slots=True)
class Results:
    """One group of them."""

    finished: list[Owed] = field(default_factory=list)
    given_back: list[Owed] = field(default_factory=list)
    puts: list[Put] = field(default_factory=list)
    """New retries, in place of batches in `finished`."""
    backs: list[Put] = field(default_factory=list)
    """Retries that go on waiting."""
    done: list[RetryRow] = field(default_factory=list)
    """Retries that are over."""
    attempts: dict[Lane, Columns] = field(default_factory=dict)
    gone: set[Lane] = field(default_factory=set)
    """Endpoints that answered 410."""

    def attempted(self, lane: Lane, event_id: bytes, code: int, millis: int, attempt: int) -> None:  # the hot path
        columns = self.attempts.get(lane)
        if columns is None:
            columns = self.attempts[lane] = Columns()
        columns.add(event_id, code, millis, attempt)


async def write(conn: Conn, results: Results, *, owner: str) -> list[Batch]:
    """Write all of it; returns events that follow from it, to be announced after the commit."""
    if results.puts:
        await delivery_store.insert_retries(conn, puts=results.puts)
    if results.backs:
        await delivery_store.put_back(conn, owner=owner, puts=results.backs)
    if results.done:
        await delivery_store.delete_retries(conn, owner=owner, rows=results.done)
    if results.attempts:
        await delivery_store.append_deliveries(conn, rows=_rows(results.attempts))
    batches = await _judge(conn, results)
    if batches:
        await events.publish(conn, batches, owner=owner, lease_seconds=OUTBOX_LEASE_SECONDS)
    if results.finished:
        await events.finish(
            conn,
            account_ids=[owed.batch.account_id for owed in results.finished],
            batch_ids=[owed.batch.id for owed in results.finished],
        )
    if results.given_back:
        await events.give_back(
            conn,
            owner=owner,
            account_ids=[owed.batch.account_id for owed in results.given_back],
            batch_ids=[owed.batch.id for owed in results.given_back],
        )
    reach("webhooks.before_commit")
    return batches


def _rows(attempts: dict[Lane, Columns]) -> list[DeliveryRow]:
    """One row for an endpoint; an account's callbacks to all hosts share one."""
    merged: dict[tuple[UUID, int, UUID], Columns] = defaultdict(Columns)
    for lane, columns in attempts.items():
        into = merged[lane.account_id, lane.mode, lane.endpoint_id]
        into.event_ids += columns.event_ids
        into.codes += columns.codes
        into.millis += columns.millis
        into.attempts += columns.attempts
    return [
        DeliveryRow(
            account_id, ids.new(), mode, endpoint_id,
            tuple(ids.from_bytes(event_id) for event_id in columns.event_ids),
            tuple(columns.codes), tuple(columns.millis), tuple(columns.attempts),
        )
        for (account_id, mode, endpoint_id), columns in merged.items()
    ]  # fmt: skip


async def _judge(conn: Conn, results: Results) -> list[Batch]:
    """Note which endpoints work and which do not, and disable those that are gone or have failed for five days."""
    working: list[Lane] = []
    failing: list[Lane] = []
    for lane, columns in results.attempts.items():
        if not lane.is_callback:
            (working if columns.has_success else failing).append(lane)
    if working:
        await store.mark_succeeded(
            conn, account_ids=[lane.account_id for lane in working], endpoint_ids=[lane.id for lane in working]
        )
    over: list[tuple[UUID, UUID, str]] = [(lane.account_id, lane.id, Disabled.GONE) for lane in results.gone]
    if failing:
        found = await store.mark_failed(
            conn,
            account_ids=[lane.account_id for lane in failing],
            endpoint_ids=[lane.id for lane in failing],
            days=DISABLED_AFTER.total_seconds() / DAY_SECONDS,
            silence_days=SILENCE.total_seconds() / DAY_SECONDS,
        )
        over += [(account_id, endpoint_id, Disabled.FAILING) for account_id, endpoint_id, _ in found]
    batches = []
    for account_id, endpoint_id, reason in over:
        mode = await store.disable_endpoint(conn, account_id=account_id, endpoint_id=endpoint_id, reason=reason)
        await delivery_store.delete_retries_of_endpoint(conn, account_id=account_id, endpoint_id=endpoint_id)
        if mode is not None:
            batches.append(_disabled(account_id, mode, endpoint_id, reason))
    if batches:
        await store.tell_processes(conn)
    return batches


def _disabled(account_id: UUID, mode: int, endpoint_id: UUID, reason: str) -> Batch:
    facts: dict[str, str | int | None] = {"status": "disabled", "reason": str(reason)}
    event = Event(ids.new_bytes(), DISABLED_EVENT, endpoint_id.bytes, clock.now_us(), facts)
    return Batch(account_id, mode, events=[event])
