"""The pages of events: what happened, masked, as webhooks tell it; and one event with who was told of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody

from sendigopro.accounts.roles import Permission
from sendigopro.console.forms import read_form, read_query
from sendigopro.console.frame import framed
from sendigopro.console.reveal import may_ask, reveal
from sendigopro.console.visit import Visit
from sendigopro.events.model import KEPT_DAYS
from sendigopro.foundation import clock, strict_query
from sendigopro.foundation.problems import Invalid
from sendigopro.messages.masking import NOTHING, Sees
from sendigopro.messages.view import Viewer
from sendigopro.runtime import Runtime
from sendigopro.webhooks import listing
from sendigopro.webhooks.endpoints import EVENT_TYPES
from sendigopro.webhooks.listing import EventPage
from sendigopro.webhooks.model import TEST_EVENT
from sendigopro.webhooks.shapes import AttemptQuery, EventQuery, attempt_object

HOME = "/console/events"
SHOWN: Final = 50
SPANS: Final = {
    "1h": ("the last hour", timedelta(hours=1)),
    "24h": ("the last day", timedelta(days=1)),
    "7d": ("seven days", timedelta(days=7)),
    "30d": ("thirty days", timedelta(days=KEPT_DAYS)),
}
FIELDS: Final = ("type", "from", "after")
TYPES: Final = tuple(sorted({*EVENT_TYPES, TEST_EVENT}))
DECODER = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Line:
    """An event as pages show it."""

    id: str
    type: str
    at: datetime
    about: str
    status: str
    json: str


@get(HOME)
async def show(
    request: Request[Any, Any, Any], visit: Given[Visit], *, runtime: Given[Runtime], viewer: Given[Viewer]
) -> Response[str]:
    """From some time on, the oldest first, as they are read by cursor."""
    visit.need(Permission.READ_EVENTS)
    return await page(visit, runtime, viewer, read_query(request, FIELDS), sees=NOTHING)


@post(HOME, status_code=200)
async def show_people(
    visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], viewer: Given[Viewer]
) -> Response[str]:
    """The same page with whom they are about, as far as the role goes; the audit log says so."""
    visit.need(Permission.READ_EVENTS)
    typed = read_form(body, FIELDS)
    return await page(visit, runtime, viewer, typed, sees=await reveal(runtime, visit, shown=SHOWN))


@get(HOME + "/{event:str}")
async def show_one(
    event: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], viewer: Given[Viewer]
) -> Response[str]:
    visit.need(Permission.READ_EVENTS)
    return await one_page(visit, runtime, viewer, event, sees=NOTHING)


@post(HOME + "/{event:str}/show", status_code=200)
async def show_its_people(
    event: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], viewer: Given[Viewer]
) -> Response[str]:
    visit.need(Permission.READ_EVENTS)
    strict_query.path_id("evt", event)
    return await one_page(visit, runtime, viewer, event, sees=await reveal(runtime, visit, target=event, shown=1))


async def page(visit: Visit, runtime: Runtime, viewer: Viewer, typed: dict[str, str], *, sees: Sees) -> Response[str]:
    found = EventPage([], has_more=False, next_cursor=None)
    problem: Invalid | None = None
    try:
        query = query_of(typed)
        only = typed["type"] or None
        found = await listing.read_events(
            runtime.main, viewer, query, account_id=visit.account_id, mode=visit.mode, sees=sees, only=only
        )
    except Invalid as wrong:
        problem = wrong
    return framed(
        visit, "events.html", lines=[line(one) for one in found.bodies], typed=typed, spans=SPANS, types=TYPES,
        older=found.next_cursor if found.has_more else None, is_masked=sees == NOTHING, may_ask=may_ask(visit),
        problem=problem,
    )  # fmt: skip


def query_of(typed: dict[str, str]) -> EventQuery:
    if typed["type"] and typed["type"] not in TYPES:
        raise Invalid("unknown_event_type", f"There are these: {', '.join(TYPES)}.", param="type")
    if typed["from"] and typed["from"] not in SPANS:
        raise Invalid("invalid_since", f"There are these: {', '.join(SPANS)}.", param="from")
    _, span = SPANS[typed["from"] or "1h"]
    return EventQuery(limit=SHOWN, after=typed["after"] or None, since=clock.now() - span)


async def one_page(visit: Visit, runtime: Runtime, viewer: Viewer, event: str, *, sees: Sees) -> Response[str]:
    """What is told of it, and the attempts to tell it."""
    event_id = strict_query.path_id("evt", event)
    body = await listing.read_event(
        runtime.main, viewer, event_id, account_id=visit.account_id, mode=visit.mode, sees=sees
    )
    attempts = []
    if visit.may(Permission.READ_WEBHOOKS):
        query = AttemptQuery(limit=SHOWN, event_id=event)
        found = await listing.read_attempts(runtime.door, query, account_id=visit.account_id, mode=visit.mode)
        attempts = [attempt_object(one) for one in found[:SHOWN]]
    return framed(
        visit, "event.html", line=line(body), attempts=attempts, is_masked=sees == NOTHING, may_ask=may_ask(visit)
    )


def line(body: bytes) -> Line:
    """A told event, taken apart."""
    event = DECODER.decode(body)
    data = event["data"]
    return Line(
        event["id"], event["type"], datetime.fromisoformat(event["timestamp"]), str(data["id"]),
        str(data.get("status") or ""), msgspec.json.format(body, indent=2).decode(),
    )  # fmt: skip


routes = [show, show_people, show_one, show_its_people]
