"""The live tail: requests and events as they come, masked, over one event stream that a page can pause."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency as Given
from litestar.response import Stream

from sendigopro.accounts import request_store
from sendigopro.accounts.roles import Permission
from sendigopro.console import events, requests
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import CONNECTION_LOST, as_account
from sendigopro.messages.masking import NOTHING
from sendigopro.messages.view import Viewer
from sendigopro.runtime import Runtime
from sendigopro.webhooks import listing
from sendigopro.webhooks.shapes import EventQuery

HOME = "/console/live"
LOOK_SECONDS: Final = 1.0
STREAM_SECONDS: Final = 25.0
"""Streams end by themselves and browsers come back: so a stopping server never waits for one."""
AT_ONCE: Final = 40
REQUESTS_MAX: Final = 200
OVERLAP: Final = timedelta(seconds=3)
"""So late a request may come into the log."""


class Told(msgspec.Struct, omit_defaults=True):
    """One line of the tail."""

    kind: str
    at: str
    href: str
    what: str
    about: str = ""
    status: str = ""
    tone: str = ""
    took: str = ""


@dataclass(slots=True)
class Tail:
    """How far one reader has come."""

    visit: Visit
    runtime: Runtime
    viewer: Viewer
    since: UUID
    query: EventQuery
    told: frozenset[UUID] = frozenset()
    """Requests that were told and are asked for again: each process writes its own a little later."""

    async def look(self) -> tuple[list[Told], bool]:
        """What is new, the oldest first; and whether there was too much of it to show all."""
        told, is_more = [], False
        if self.visit.may(Permission.READ_KEYS):
            async with as_account(self.runtime.door, self.visit.account_id) as conn:
                rows = await request_store.read_newer(
                    conn, account_id=self.visit.account_id, mode=self.visit.mode, after=self.since, limit=REQUESTS_MAX
                )
            told += [told_request(requests.line(row)) for row in rows if row.id not in self.told]
            self.told, is_more = frozenset(row.id for row in rows), len(rows) == REQUESTS_MAX
            self.since = max(self.since, ids.first_at(clock.now() - OVERLAP))
        page = await listing.read_events(
            self.runtime.main, self.viewer, self.query, account_id=self.visit.account_id, mode=self.visit.mode,
            sees=NOTHING,
        )  # fmt: skip
        told += [told_event(events.line(body)) for body in page.bodies]
        if page.has_more:  # what is not shown is passed over, or the tail would fall behind for ever
            self.query = EventQuery(limit=AT_ONCE, since=clock.now())
        elif page.next_cursor is not None:
            self.query = EventQuery(limit=AT_ONCE, after=page.next_cursor)
        return sorted(told, key=lambda one: one.at), is_more or page.has_more


@get(HOME)
async def show(visit: Given[Visit]) -> Response[str]:
    visit.need(Permission.READ_EVENTS)
    return framed(visit, "live.html")


@get(HOME + "/stream")
async def stream(visit: Given[Visit], runtime: Given[Runtime], viewer: Given[Viewer]) -> Stream:
    visit.need(Permission.READ_EVENTS)
    since = clock.now() - OVERLAP  # a browser that comes back after a stream's end has missed nothing
    tail = Tail(visit, runtime, viewer, ids.first_at(since), EventQuery(limit=AT_ONCE, since=since))
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return Stream(tell(tail), media_type="text/event-stream", headers=headers)


async def tell(tail: Tail) -> AsyncIterator[bytes]:
    """Lines as JSON; a page makes text of them, and nothing else."""
    yield b"retry: 1000\n\n"
    ends_at = clock.monotonic() + STREAM_SECONDS
    while clock.monotonic() < ends_at:
        try:
            told, is_more = await tail.look()
            for one in told:
                yield b"data: " + msgspec.json.encode(one) + b"\n\n"
            if is_more:
                yield b"event: more\ndata: {}\n\n"
        except CONNECTION_LOST:
            yield b": the database is away\n\n"
        await asyncio.sleep(LOOK_SECONDS)


def told_request(line: requests.Line) -> Told:
    asked = line.asked
    tone = "good" if asked.status < 400 else "warn" if asked.status < 500 else "bad"  # noqa: PLR2004  # HTTP's own
    return Told(
        "request", line.at.isoformat(), f"{requests.HOME}/{line.id}", f"{asked.method} {asked.path}",
        asked.problem or "", str(asked.status), tone, f"{line.milliseconds} ms",
    )  # fmt: skip


def told_event(line: events.Line) -> Told:
    return Told("event", line.at.isoformat(), f"{events.HOME}/{line.id}", line.type, line.about, line.status, "going")


routes = [show, stream]
