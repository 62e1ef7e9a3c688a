"""What the account's own systems were told about a person's messages: every attempt of a webhook, and its answer."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sendigopro.events.model import decode_about
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Row
from sendigopro.privacy.package import store
from sendigopro.privacy.package.ahead import read_ahead
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
        self._number_of: dict[str, int] = {}

    def note(self, message_ids: Iterable[bytes], records: Iterable[MessageRecord]) -> None:
        """Messages, and when something became of them."""
        for message_id in message_ids:
            self._messages.add(message_id)
        self._minutes.update([step.at[:MINUTE_LETTERS] for one in records for step in one.history])

    async def lines(self) -> AsyncIterator[list[str]]:
        """Lines of webhooks.csv."""
        if not self._minutes:
            return
        for first, last in spans(self._minutes):
            pages = self._batches(ids.first_at(first), min(ids.first_at(last), self._until))
            async for page in pages:
                await asyncio.to_thread(self._take_events, page)
        self._messages = Shelf()  # they have served
        if self._types:
            async for page in self._deliveries(ids.first_at(next(spans(self._minutes))[0])):
                yield await asyncio.to_thread(self._attempts, page)

    def _batches(self, lowest: UUID, highest: UUID) -> AsyncIterator[list[Row]]:
        async def read(before: list[Row] | None) -> list[Row] | None:
            if before is not None and len(before) < BATCHES_IN_PAGE:
                return None
            async with self._main.acquire() as conn:
                page = await store.read_batches(
                    conn, account_id=self._account_id, mode=self._mode, between=(lowest, highest),
                    after=NOWHERE if before is None else (before[-1]["xid"], before[-1]["id"]), limit=BATCHES_IN_PAGE,
                )  # fmt: skip
            return page or None

        return read_ahead(read)

    def _deliveries(self, lowest: UUID) -> AsyncIterator[list[Row]]:
        async def read(before: list[Row] | None) -> list[Row] | None:
            async with self._main.acquire() as conn:
                page = await store.read_deliveries(
                    conn, account_id=self._account_id, mode=self._mode, until=self._until,
                    after=lowest if before is None else before[-1]["id"], limit=DELIVERIES_IN_PAGE,
                )  # fmt: skip
            return page or None

        return read_ahead(read)

    def _take_events(self, page: Iterable[Row]) -> None:
        """Keep what was told of this person's messages; most batches of a busy account tell of others."""
        events = [event for row in page for event in decode_about(row["payload"])]
        for event, found in zip(events, self._messages.find_all([one.object_id for one in events]), strict=True):
            if found is None:
                continue
            number = self._number_of.get(event.type)
            if number is None:
                number = self._number_of[event.type] = len(self._types)
                self._types.append(event.type)
            self._events.add(event.id, event.object_id + _ONE_BYTE[number])

    def _attempts(self, page: Iterable[Row]) -> list[str]:
        lines: list[str] = []
        for delivery_id, endpoint_id, event_ids, codes, millis, attempts in page:
            known = self._events.find_all([event_id.bytes for event_id in event_ids])
            answers = zip(known, codes, millis, attempts, strict=True)
            told = [(found, code, took, attempt) for found, code, took, attempt in answers if found is not None]
            if not told:
                continue
            at = ids.time_of(delivery_id).isoformat(timespec="microseconds").replace("+00:00", "Z")
            there = f"{ids.typed('we', endpoint_id)},{at}"
            names = ids.typed_all("msg", [one[0][:ID_BYTES] for one in told])
            lines += [
                f"{name},{self._types[found[ID_BYTES]]},{there},{code},{took},{attempt}"
                for name, (found, code, took, attempt) in zip(names, told, strict=True)
            ]
        return lines


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
