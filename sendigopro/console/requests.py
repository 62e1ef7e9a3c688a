"""The pages of the request log: what was asked of /v1, newest first, and one request with what its answer means."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, get
from litestar.di import NamedDependency as Given
from litestar.params import FromPath

from sendigopro.accounts import request_store
from sendigopro.accounts.model import mode_name
from sendigopro.accounts.request_log import EVERY, FREE, KEPT_DAYS, read_request_id
from sendigopro.accounts.request_store import Asked, Wanted
from sendigopro.accounts.roles import Permission
from sendigopro.console import error_book
from sendigopro.console.forms import read_query
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Invalid, NotFound, Problem
from sendigopro.runtime import Runtime

HOME = "/console/requests"
SHOWN: Final = 50
FOUND_MAX: Final = 50
HIGHEST: Final = UUID(int=(1 << 128) - 1)
STATUSES: Final = {"2xx": (200, 400), "4xx": (400, 500), "5xx": (500, 600)}
METHODS: Final = ("GET", "POST", "PATCH", "PUT", "DELETE")
FILTERS: Final = ("q", "status", "method", "key", "below")


@dataclass(frozen=True, slots=True)
class Line:
    """A request as pages show it."""

    id: str
    at: datetime
    asked: Asked

    @property
    def key(self) -> str:
        return ids.typed("key", self.asked.key_id)

    @property
    def milliseconds(self) -> str:
        return f"{self.asked.duration_us / 1000:,.1f}"

    @property
    def mode(self) -> str:
        return mode_name(self.asked.mode)


@get(HOME)
async def show(request: Request[Any, Any, Any], visit: Given[Visit], runtime: Given[Runtime]) -> Response[str]:
    """Those of the mode in view; with a Request-Id that one, whatever its mode."""
    visit.need(Permission.READ_KEYS)
    typed = read_query(request, FILTERS)
    try:
        wanted = wanted_by(typed)
    except Invalid as problem:
        return page(visit, typed, [], problem=problem)
    if typed["q"]:
        return page(visit, typed, await found(visit, runtime, typed["q"]))
    async with as_account(runtime.door, visit.account_id) as conn:
        rows, reached = await request_store.list_requests(
            conn, account_id=visit.account_id, mode=visit.mode, wanted=wanted, limit=SHOWN
        )
    return page(visit, typed, [line(one) for one in rows], reached=reached)


@get(HOME + "/{asked:str}")
async def show_one(asked: FromPath[str], visit: Given[Visit], runtime: Given[Runtime]) -> Response[str]:
    visit.need(Permission.READ_KEYS)
    lines = await found(visit, runtime, asked)
    if not lines:
        raise NotFound("not_found", f"There is no such request. The log goes back {KEPT_DAYS} days.")
    return framed(
        visit, "request.html", line=lines[0], more=lines[1:], entry=error_book.problem(lines[0].asked.problem)
    )


async def found(visit: Visit, runtime: Runtime, text: str) -> list[Line]:
    wanted = read_request_id(text)
    if wanted is None:
        return []
    async with as_account(runtime.door, visit.account_id) as conn:
        rows = await request_store.find_requests(
            conn, account_id=visit.account_id, request_id=wanted, since=kept_since(), limit=FOUND_MAX
        )
    return [line(one) for one in rows]


def wanted_by(typed: dict[str, str]) -> Wanted:
    """What the filters ask for, or `Invalid` for what is none of them."""
    below = ids.parse("req", typed["below"], param="below") if typed["below"] else HIGHEST
    if typed["status"] and typed["status"] not in STATUSES:
        raise Invalid("invalid_value", f"There are these: {', '.join(STATUSES)}.", param="status")
    if typed["method"] and typed["method"] not in METHODS:
        raise Invalid("invalid_value", f"There are these: {', '.join(METHODS)}.", param="method")
    if typed["q"] and read_request_id(typed["q"]) is None:
        raise Invalid("invalid_id", "A Request-Id is req_… as our answers say it, or a UUID of your own.", param="q")
    key = ids.parse("key", typed["key"], param="key") if typed["key"] else None
    return Wanted(below, kept_since(), STATUSES.get(typed["status"]), typed["method"] or None, key)


def kept_since() -> UUID:
    return ids.first_at(clock.now() - timedelta(days=KEPT_DAYS))


def line(asked: Asked) -> Line:
    return Line(ids.typed("req", asked.id), ids.time_of(asked.id), asked)


def page(
    visit: Visit, typed: dict[str, str], lines: list[Line], *, reached: UUID | None = None,
    problem: Problem | None = None,
) -> Response[str]:  # fmt: skip
    return framed(
        visit, "requests.html", lines=lines, typed=typed, statuses=list(STATUSES), methods=METHODS, free=FREE,
        every=EVERY, kept_days=KEPT_DAYS, older=None if reached is None else ids.typed("req", reached),
        is_filtered=any(typed.values()), problem=problem,
    )  # fmt: skip


routes = [show, show_one]
