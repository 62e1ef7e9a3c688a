"""What the account's own systems were told about a person's messages: every attempt of a webhook, and its answer."""

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from uuid import UUID

from sendigopro.events.model import decode
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Row, from_us
from sendigopro.privacy.package import store
from sendigopro.privacy.package.model import Sources
from sendigopro.privacy.package.sheets import id_written, written
from sendigopro.privacy.package.shelf import Shelf

BATCHES_IN_PAGE = 100
DELIVERIES_IN_PAGE = 200
BEFORE_MINUTES, AFTER_MINUTES = 1, 120
"""An event is written with its outcome; while the database is away both wait, so some time after is looked at too."""
MESSAGE_AND_TYPE_BYTES = 17
NOWHERE = (0, UUID(int=0))


class Notices:
    """Finds them in two steps: events about the messages, then attempts to tell them."""

    def __init__(self, sources: Sources, *, account_id: UUID, mode: int, until: UUID) -> None:
        self._main = sources.main
        self._account_id = account_id
        self._mode = mode
        self._until = until
        self._messages = Shelf()
        self._minutes: set[int] = set()
        self._events = Shelf(MESSAGE_AND_TYPE_BYTES)
        self._types: list[str] = []

    def note(self, message_id: bytes, times: Iterable[datetime]) -> None:
        """A message, and when something became of it."""
        self._messages.add(message_id)
        self._minutes.update(int(at.timestamp()) // 60 for at in times)

    async def rows(self) -> AsyncIterator[list[tuple[object, ...]]]:
        """Rows of webhooks.csv."""
        if not self._minutes:
            return
        for first, last in spans(self._minutes):
            await self._find_events(ids.first_at(first), min(ids.first_at(last), self._until))
        after = ids.first_at(next(spans(self._minutes))[0])
        while self._types:
            async with self._main.acquire() as conn:
                page = await store.read_deliveries(
                    conn, account_id=self._account_id, mode=self._mode, after=after, until=self._until,
                    limit=DELIVERIES_IN_PAGE,
                )  # fmt: skip
            if not page:
                return
            after = page[-1]["id"]
            yield [row for delivery in page for row in self._attempts(delivery)]

    async def _find_events(self, lowest: UUID, highest: UUID) -> None:
        after = NOWHERE
        number_of = {name: number for number, name in enumerate(self._types)}
        while True:
            async with self._main.acquire() as conn:
                page = await store.read_batches(
                    conn, account_id=self._account_id, mode=self._mode, between=(lowest, highest), after=after,
                    limit=BATCHES_IN_PAGE,
                )  # fmt: skip
            for row in page:
                for event in decode(row["payload"]):
                    if self._messages.find(event.object_id) is None:
                        continue
                    number = number_of.get(event.type)
                    if number is None:
                        number = number_of[event.type] = len(self._types)
                        self._types.append(event.type)
                    self._events.add(event.id, event.object_id + bytes([number]))
            if len(page) < BATCHES_IN_PAGE:
                return
            after = (page[-1]["xid"], page[-1]["id"])

    def _attempts(self, delivery: Row) -> Iterator[tuple[object, ...]]:
        endpoint, at = ids.typed("we", delivery["endpoint_id"]), written(ids.time_of(delivery["id"]))
        columns = zip(delivery["event_ids"], delivery["codes"], delivery["millis"], delivery["attempts"], strict=True)
        for event_id, code, millis, attempt in columns:
            found = self._events.find(event_id.bytes)
            if found is not None:
                event_at = written(from_us(ids.milliseconds_of(event_id) * 1000))
                yield id_written(found[:16]), self._types[found[16]], event_at, endpoint, at, code, millis, attempt


def spans(minutes: set[int]) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of time in which events about these minutes were written; those that meet are one."""
    first = last = None
    for minute in sorted(minutes):
        if first is None or last is None or minute - BEFORE_MINUTES > last:
            if first is not None and last is not None:
                yield _moment(first), _moment(last)
            first = minute - BEFORE_MINUTES
        last = minute + AFTER_MINUTES
    if first is not None and last is not None:
        yield _moment(first), _moment(last)


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
