"""Events and attempts, page by page."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from sendigopro.events import store as events
from sendigopro.events.model import KEPT_DAYS, Event
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Pool
from sendigopro.foundation.problems import Invalid, NotFound
from sendigopro.messages.masking import Sees, masked
from sendigopro.messages.view import Viewer
from sendigopro.webhooks import delivery_store, store
from sendigopro.webhooks.model import Attempt
from sendigopro.webhooks.payload import MESSAGE_EVENTS, as_it_was, bare_object, envelope
from sendigopro.webhooks.shapes import AttemptQuery, EventQuery

HOME, EPOCH = (
    0,
    1,
)  # where the account is kept, and how often it has moved: positions of another place mean nothing here
CLOCKS_APART = timedelta(minutes=10)  # batches are named by the clocks of processes, a little before they are committed
BATCHES_AT_ONCE = 8
LOOKS_MAX = 100
CURSOR = re.compile(r"evc_(?P<packed>[A-Za-z0-9_-]{10,100})")
EVENT_TO_BATCH = timedelta(minutes=1)
ATTEMPT = re.compile(r"(?P<row>whd_[0-9a-z]{26})-(?P<position>[1-9][0-9]{0,5})")
LOWEST, HIGHEST = UUID(int=0), UUID(int=(1 << 128) - 1)
XID_MAX = (1 << 64) - 1
BEGINNING = datetime(1970, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Position:
    """After which event a reader goes on: its transaction, its batch, its place in it."""

    xid: int
    batch_id: UUID
    index: int

    def written(self) -> str:
        packed = msgspec.msgpack.encode((HOME, EPOCH, self.xid, self.batch_id.bytes, self.index))
        return f"evc_{urlsafe_b64encode(packed).rstrip(b'=').decode()}"


def read_position(text: str) -> Position:
    """A cursor we gave; anything else is `Invalid`."""
    match = CURSOR.fullmatch(text)
    text = match["packed"] if match is not None else ""
    try:
        packed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        home, epoch, xid, batch_id, index = msgspec.msgpack.decode(packed, type=tuple[int, int, int, bytes, int])
        position = Position(xid, ids.from_bytes(batch_id), index)
    except (ValueError, msgspec.MsgspecError):
        raise Invalid("invalid_cursor", "This is not a next_cursor of /v1/events.", param="after") from None
    if (home, epoch) != (HOME, EPOCH):
        raise Invalid("cursor_expired", "The account has moved since. Begin again with `since`.", param="after")
    if not (0 <= xid <= XID_MAX and index >= 0):
        raise Invalid("invalid_cursor", "This is not a next_cursor of /v1/events.", param="after")
    return position


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events as webhooks tell them, and where to go on."""

    bodies: list[bytes]
    has_more: bool
    next_cursor: str | None


async def read_events(
    pool: Pool, viewer: Viewer, query: EventQuery, *, account_id: UUID, mode: int, sees: Sees, only: str | None = None
) -> EventPage:
    """The oldest first. What is newer than the oldest transaction under way is not shown yet, so nobody misses any.

    `only` events of one type; for them a few thousand are gone through at most, and the page says that there is more.
    """
    position = read_position(query.after) if query.after is not None else None
    since_us = int(query.since.timestamp() * 1_000_000) if query.since is not None and position is None else 0
    found: list[tuple[Position, Event]] = []
    reached, is_over, looks = position, False, 0
    while len(found) <= query.limit and not is_over and looks < LOOKS_MAX:
        looks += 1
        # "At or after": the batch itself may have more events than were read.
        xid, batch_id = (
            (reached.xid, UUID(int=max(reached.batch_id.int - 1, 0))) if reached is not None else (0, LOWEST)
        )
        async with pool.acquire() as conn:
            batches = await events.read_after(
                conn,
                account_id=account_id,
                mode=mode,
                after=(xid, batch_id),
                lowest_id=lowest_id(reached, query),
                limit=BATCHES_AT_ONCE,
            )
        for its_xid, batch in batches:
            first = reached.index + 1 if reached is not None and batch.id == reached.batch_id else 0
            found += [
                (Position(its_xid, batch.id, index), event)
                for index, event in enumerate(batch.events)
                if index >= first and event.at_us >= since_us and only in (None, event.type)
            ]
            reached = Position(its_xid, batch.id, len(batch.events) - 1)
        is_over = len(batches) < BATCHES_AT_ONCE
    shown, is_full = found[: query.limit], len(found) > query.limit
    last = shown[-1][0] if is_full else reached
    bodies = await describe(viewer, [event for _, event in shown], account_id=account_id, mode=mode, sees=sees)
    return EventPage(bodies, is_full or not is_over, last.written() if last is not None else query.after)


async def read_event(pool: Pool, viewer: Viewer, event_id: UUID, *, account_id: UUID, mode: int, sees: Sees) -> bytes:
    """One event as webhooks tell it, or `NotFound`."""
    between = (max(earlier(event_id, EVENT_TO_BATCH), kept_since()), later(event_id, EVENT_TO_BATCH))
    async with pool.acquire() as conn:
        batch = await events.find_batch(
            conn, account_id=account_id, mode=mode, event_id=event_id.bytes, between=between
        )
    found = [one for one in batch.events if one.id == event_id.bytes] if batch is not None else []
    if not found:
        raise NotFound("event_not_found", "There is no such event in this account and mode.", param="event_id")
    return (await describe(viewer, found, account_id=account_id, mode=mode, sees=sees))[0]


def lowest_id(position: Position | None, query: EventQuery) -> UUID:
    """A bound on batches' ids: what is over is refused though its partition may be there, and none is read in vain."""
    if position is not None:
        return max(earlier(position.batch_id, CLOCKS_APART), kept_since())
    return max(earlier(first_at(query.since), CLOCKS_APART), kept_since()) if query.since is not None else kept_since()


def kept_since() -> UUID:
    """The lowest id of an event or attempt that is still told."""
    return ids.first_of_day(clock.today() - timedelta(days=KEPT_DAYS))


def first_at(moment: datetime) -> UUID:
    """The lowest id of a moment, also of one before ids began."""
    return ids.first_at(moment) if moment > BEGINNING else LOWEST


def earlier(value: UUID, margin: timedelta) -> UUID:
    """The lowest id so much before another; ids may name times that no calendar has, so it is reckoned in numbers."""
    return UUID(int=max(ids.milliseconds_of(value) - int(margin.total_seconds() * 1000), 0) << 80)


def later(value: UUID, margin: timedelta) -> UUID:
    """The same, after it."""
    return UUID(int=min(ids.milliseconds_of(value) + int(margin.total_seconds() * 1000), (1 << 48) - 1) << 80)


async def describe(viewer: Viewer, shown: list[Event], *, account_id: UUID, mode: int, sees: Sees) -> list[bytes]:
    account = ids.typed("acc", account_id)
    messages = {ids.from_bytes(event.object_id) for event in shown if event.type.startswith(MESSAGE_EVENTS)}
    described = await viewer.describe(account_id, list(messages))
    bodies = []
    for event in shown:
        message = described.get(ids.from_bytes(event.object_id))
        data = masked(as_it_was(event, message), sees) if message is not None else bare_object(event, mode)
        bodies.append(envelope(event, account, data))
    return bodies


async def read_attempts(pool: Pool, query: AttemptQuery, *, account_id: UUID, mode: int) -> list[Attempt]:
    """The newest first; one more than asked for, when there are more."""
    event_id = ids.parse("evt", query.event_id, param="event_id") if query.event_id is not None else None
    since = max(first_at(query.since), kept_since()) if query.since is not None else kept_since()
    if event_id is not None:
        since = max(since, earlier(event_id, CLOCKS_APART))  # nobody was told before it happened
    async with pool.acquire() as conn, conn.transaction():
        await store.enter_account(conn, account_id=account_id)
        return await delivery_store.list_attempts(
            conn,
            account_id=account_id,
            mode=mode,
            since=since,
            until=first_at(query.until) if query.until is not None else HIGHEST,
            after=read_attempt(query.after) if query.after is not None else None,
            endpoint_id=ids.parse("we", query.endpoint_id, param="endpoint_id") if query.endpoint_id else None,
            event_id=event_id,
            succeeded=None if query.status is None else query.status == "succeeded",
            limit=query.limit + 1,
        )


def read_attempt(text: str) -> tuple[UUID, int]:
    match = ATTEMPT.fullmatch(text)
    if match is None:
        raise Invalid("invalid_id", "This is not the id of a delivery.", param="after")
    return ids.parse("whd", match["row"], param="after"), int(match["position"])
