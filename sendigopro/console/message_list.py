"""The list of messages: narrowed by what stands in the address, masked, live on its first page."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.response import Stream

from sendigopro.accounts.roles import Permission
from sendigopro.channels.directory import Directory
from sendigopro.console import kept_views
from sendigopro.console.frame import framed
from sendigopro.console.handset import test_key_of
from sendigopro.console.message_filter import Filter, read_filter
from sendigopro.console.message_words import Line, line_of
from sendigopro.console.reveal import reveal
from sendigopro.console.visit import Visit
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import CONNECTION_LOST, as_account
from sendigopro.foundation.problems import Invalid, Problem
from sendigopro.messages import listing
from sendigopro.messages.masking import NOTHING, Sees, masked
from sendigopro.messages.model import Status
from sendigopro.messages.view import Viewer
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME: Final = "/console/messages"
NEW_MAX: Final = 100
PATIENCE_SECONDS: Final = 0.06
LOOK_SECONDS: Final = 1.5
# Streams end by themselves and browsers come back: so a stopping server never waits for one.
STREAM_SECONDS: Final = 25.0


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of the list."""

    lines: list[Line]
    newer: str | None
    """The query string of the page before, if there is one."""
    older: str | None
    looked_back_to: datetime | None = None
    """Set when the page took as long as a page may: there may be more beyond."""


@dataclass(frozen=True, slots=True)
class Lists:
    """What lists of one visitor are made from."""

    visit: Visit
    runtime: Runtime
    vault: Vault
    viewer: Viewer
    directory: Directory

    async def find(self, query: listing.MessageQuery) -> listing.Found:
        """As the API finds them."""
        return await listing.find_messages(
            partial(as_account, self.runtime.door), self.vault, query, account_id=self.visit.account_id,
            mode=self.visit.mode, retention=self.directory.retention(self.visit.account_id),
            patience_seconds=PATIENCE_SECONDS,
        )  # fmt: skip

    async def read(self, chosen: Filter, sees: Sees) -> Shown:
        query = chosen.query()
        found = await self.find(query)
        described = await self.viewer.describe(self.visit.account_id, found.ids, with_body=False)
        lines = [line_of(masked(described[one], sees)) for one in found.ids if one in described]
        has_newer = found.has_more if query.before is not None else query.after is not None
        has_older = found.has_more if query.before is None else True
        first, last = (found.ids[0], found.ids[-1]) if found.ids else (None, None)
        if found.reached is not None:
            first, last = (found.reached, last) if query.before is not None else (first, found.reached)
        return Shown(
            lines,
            newer=chosen.at(before=ids.typed("msg", first)) if first and has_newer else None,
            older=chosen.at(after=ids.typed("msg", last)) if last and has_older else None,
            looked_back_to=None if found.reached is None else ids.time_of(found.reached),
        )


@get(HOME)
async def show(
    request: Request[Any, Any, Any],
    visit: Given[Visit],
    *,
    runtime: Given[Runtime],
    vault: Given[Vault],
    viewer: Given[Viewer],
    directory: Given[Directory],
) -> Response[Any]:
    """Newest first; numbers are masked for everybody."""
    visit.need(Permission.READ_MESSAGES)
    lists = Lists(visit, runtime, vault, viewer, directory)
    return await page(lists, read_filter(request.scope["query_string"]), NOTHING)


@post(HOME, status_code=200)
async def show_numbers(
    request: Request[Any, Any, Any],
    visit: Given[Visit],
    *,
    runtime: Given[Runtime],
    vault: Given[Vault],
    viewer: Given[Viewer],
    directory: Given[Directory],
) -> Response[Any]:
    """The same page with whom each message is about; the audit log says who saw so many."""
    visit.need(Permission.READ_MESSAGES)
    visit.need(Permission.READ_SUBJECTS)
    lists = Lists(visit, runtime, vault, viewer, directory)
    chosen = read_filter(request.scope["query_string"])
    found = await lists.find(chosen.query())
    sees = await reveal(runtime, visit, wanted=[Permission.READ_SUBJECTS], shown=len(found.ids))
    return await page(lists, chosen, sees)


@get(HOME + "/stream")
async def stream(
    request: Request[Any, Any, Any],
    visit: Given[Visit],
    *,
    runtime: Given[Runtime],
    vault: Given[Vault],
    viewer: Given[Viewer],
    directory: Given[Directory],
) -> Response[Any]:
    """How many there are by now that the page does not show, as server-sent events."""
    visit.need(Permission.READ_MESSAGES)
    chosen = read_filter(request.scope["query_string"])
    chosen.query()  # said before the stream begins
    since = chosen.cursor.get("before") or ids.typed("msg", ids.first_at(clock.now()))
    lists = Lists(visit, runtime, vault, viewer, directory)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return Stream(tell(lists, chosen, since), media_type="text/event-stream", headers=headers)


async def tell(lists: Lists, chosen: Filter, since: str) -> AsyncIterator[bytes]:
    """The count, whenever it has grown."""
    yield b"retry: 2000\n\n"
    told, ends_at = 0, clock.monotonic() + STREAM_SECONDS
    while clock.monotonic() < ends_at:
        try:
            found = await lists.find(chosen.query(limit=NEW_MAX, before=since))
            if len(found.ids) > told:
                told = len(found.ids)
                yield f"event: new\ndata: {told}{'+' if found.has_more else ''}\n\n".encode()
            if found.has_more:
                return
        except CONNECTION_LOST:
            yield b": the database is away\n\n"
        await asyncio.sleep(LOOK_SECONDS)


async def page(lists: Lists, chosen: Filter, sees: Sees, *, problem: Problem | None = None) -> Response[Any]:
    """The list, or what is wrong with the filters beside the one that is wrong."""
    visit = lists.visit
    shown = Shown([], None, None)
    if problem is None:
        try:
            shown = await lists.read(chosen, sees)
        except Invalid as wrong:
            problem = wrong
    first = shown.lines[0].id if shown.lines else ids.typed("msg", ids.first_at(clock.now()))
    return framed(
        visit,
        "messages.html",
        problem=problem,
        chosen=chosen,
        shown=shown,
        sees=sees,
        views=await kept_views.read(lists.runtime, lists.vault, visit),
        statuses=[str(one) for one in Status],
        stream=None if chosen.cursor or problem else f"{HOME}/stream?{chosen.at(before=first)}",
        may_show=visit.may(Permission.READ_SUBJECTS) and not sees.subjects,
        may_write=visit.may(Permission.WRITE_MESSAGES),
        url=lists.runtime.settings.url,
        test_key=test_key_of(lists.runtime, visit.account_id) if visit.may(Permission.READ_KEYS) else None,
    )


routes = [show, show_numbers, stream]
