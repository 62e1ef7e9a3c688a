"""What the account's own systems were told about a person's messages: every attempt of a webhook, and its answer."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sendigopro.events.model import decode
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Row
from sendigopro.privacy.package import store
from sendigopro.privacy.package.model import MessageRecord, Sources
from sendigopro.privacy.package.shelf import ID_BYTES, Shelf

BATCHES_IN_PAGE = 25
DELIVERIES_IN_PAGE = 50
BEFORE, AFTER = timedelta(minutes=1), timedelta(hours=2)
"""An event is written with its outcome; while the database is away both wait, so some time after is looked at too."""
MESSAGE_AND_TYPE_BYTES = ID_BYTES + 1
MINUTE_LETTERS = len("2026-11-26T22:53")
_ONE_BYTE = [bytes([number]) for number in range(256)]
NOWHERE = (0, UUID(int=0))


class Notices:
    """Finds them in two steps: events about the messages, then attempts to tell them."""

    def __init__(self, sources: Sources, *, account_id: UUID, mode: int, until: UUID) -> None:
        self._main = sources.main
        self._account_id = account_id
        self._mode = mode
        self._until = until
        self._messages = Shelf()
        self._minutes: set[str] = set()
        self._events = Shelf(MESSAGE_AND_TYPE_BYTES)
        self._types: list[str] = []

    def note(self, message_id: bytes, record: MessageRecord) -> None:
        """A message, and when something became of it."""
        self._messages.add(message_id)
        for step in record.history:
            self._minutes.add(step.at[:MINUTE_LETTERS])

    async def lines(self) -> AsyncIterator[list[str]]:
        """Lines of webhooks.csv."""
        if not self._minutes:
            return
        for first, last in spans(self._minutes):
            await self._find_events(ids.first_at(first), min(ids.first_at(last), self._until))
        self._messages = Shelf()  # they have served
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
            yield [line for delivery in page for line in self._attempts(delivery)]

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
                events = decode(row["payload"])
                known = self._messages.find_all([event.object_id for event in events])
                for event, found in zip(events, known, strict=True):
                    if found is None:
                        continue
                    number = number_of.get(event.type)
                    if number is None:
                        number = number_of[event.type] = len(self._types)
                        self._types.append(event.type)
                    self._events.add(event.id, event.object_id + _ONE_BYTE[number])
            if len(page) < BATCHES_IN_PAGE:
                return
            after = (page[-1]["xid"], page[-1]["id"])

    def _attempts(self, delivery: Row) -> Iterator[str]:
        delivery_id, endpoint_id, event_ids, codes, millis, attempts = delivery
        endpoint, at = ids.typed("we", endpoint_id), ids.time_of(delivery_id).isoformat(timespec="microseconds")
        at = at.replace("+00:00", "Z")
        types = self._types
        known = self._events.find_all([event_id.bytes for event_id in event_ids])
        for found, code, took, attempt in zip(known, codes, millis, attempts, strict=True):
            if found is not None:
                message_id = ids.typed("msg", found[:ID_BYTES])
                yield f"{message_id},{types[found[ID_BYTES]]},{endpoint},{at},{code},{took},{attempt}"


def spans(minutes: set[str]) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of time in which events of these minutes were written; those that meet are one."""
    first = last = None
    for text in sorted(minutes):
        minute = datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)
        if first is None or last is None or minute - BEFORE > last:
            if first is not None and last is not None:
                yield first, last
            first = minute - BEFORE
        last = minute + AFTER
    if first is not None and last is not None:
        yield first, last
