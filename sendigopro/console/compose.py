"""Write a message in the browser: counted by the code that sends it, shown as the phone will, sent once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import RawBody
from litestar.response import Redirect

from sendigopro.accounts.model import LIVE, PURPOSES, mode_name
from sendigopro.accounts.roles import Permission
from sendigopro.channels.directory import Directory
from sendigopro.console.caller import caller_of
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.message_words import money
from sendigopro.console.once import send_once
from sendigopro.console.visit import Visit
from sendigopro.foundation import ids, segments
from sendigopro.foundation.alphabets import Encoding, encode
from sendigopro.foundation.limits import Limits
from sendigopro.foundation.problems import Conflict, Invalid, Problem
from sendigopro.messages.accept import BODY_MAX, TTL_MAX_SECONDS, Acceptor, NewMessage
from sendigopro.runtime import Runtime

HOME: Final = "/console/compose"
FIELDS: Final = ("to", "from", "body", "purpose", "send_at", "ttl_minutes", "once", "sure", "mode")
FIELD_OF: Final = {"ttl_seconds": "ttl_minutes"}
EMPTY: Final[Mapping[str, str]] = dict.fromkeys(FIELDS, "")
OUTSIDE_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Counted:
    """What a text costs, and which letters made it so."""

    alphabet: str
    characters: int
    segments: int
    left: int
    """Characters (of the cheapest kind) that still fit the last segment."""
    outside: str
    price: str
    is_too_long: bool


def counted(text: str, runtime: Runtime, mode: int) -> Counted:
    """By the same code as the message path."""
    try:
        count = segments.count(text)
    except ValueError:  # half a surrogate pair, of which a browser makes none
        raise Invalid("invalid_body", "The text holds half a character. Remove it.", param="body") from None
    is_gsm = count.encoding is Encoding.GSM7
    single, each = (160, 153) if is_gsm else (70, 67)
    room = single if count.parts == 1 else each * count.parts
    price = runtime.settings.price_micros * count.parts if mode == LIVE else 0
    return Counted(
        "GSM-7" if is_gsm else "UCS-2", len(text), count.parts if text else 0, max(0, room - count.units),
        "" if is_gsm else outside(text), money(price, runtime.settings.currency) if price else "nothing",
        is_too_long=len(text) > BODY_MAX,
    )  # fmt: skip


def outside(text: str) -> str:
    """The letters that are not in the GSM 7-bit alphabet, each once, in their order."""
    letters = [one for one in dict.fromkeys(text) if encode(one)[0] is not Encoding.GSM7]
    shown = ", ".join(f"{one} (U+{ord(one):04X})" for one in letters[:OUTSIDE_MAX])
    return f"{shown} and {len(letters) - OUTSIDE_MAX} more" if len(letters) > OUTSIDE_MAX else shown


@get(HOME)
async def show(visit: Given[Visit], runtime: Given[Runtime], directory: Given[Directory]) -> Response[Any]:
    """An empty form with a key of its own."""
    visit.need(Permission.WRITE_MESSAGES)
    return page(visit, runtime, directory, {**EMPTY, "once": ids.new().hex})


@post(HOME + "/count", status_code=200)
async def count(visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime]) -> Response[Any]:
    """While somebody types; nothing is kept."""
    visit.need(Permission.WRITE_MESSAGES)
    found = counted(read_text(read_form(body, ("body",))["body"]), runtime, visit.mode)
    return Response(msgspec.json.encode(found), media_type="application/json", headers={"cache-control": "no-store"})


@post(HOME, status_code=303)
async def send(
    visit: Given[Visit],
    *,
    body: RawBody,
    runtime: Given[Runtime],
    directory: Given[Directory],
    acceptor: Given[Acceptor],
    limits: Given[Limits],
) -> Response[Any]:
    """By the same way as the API; in live mode only after a second look."""
    visit.need(Permission.WRITE_MESSAGES)
    form = read_form(body, FIELDS)
    form["body"] = read_text(form["body"])
    try:
        refuse_other_mode(visit, form)
        asked = read_message(form)
        counted(asked.body, runtime, visit.mode)
        if visit.mode == LIVE and not form["sure"]:
            return page(visit, runtime, directory, form, is_asking=True)
        caller = caller_of(visit, runtime)
        limits.take(caller.counted)
        sent = await send_once(acceptor, caller, asked, once=form["once"])
    except Problem as problem:
        if problem.code == "idempotency_key_reused":
            form["once"] = ids.new().hex
        return page(visit, runtime, directory, form, problem=problem)
    return Redirect(f"/console/messages/{sent.id}", status_code=303)


def refuse_other_mode(visit: Visit, form: Mapping[str, str]) -> None:
    """Two tabs: what was written as a test must not go out because the other tab has turned to live."""
    if form["mode"] != mode_name(visit.mode):
        raise Conflict(
            "mode_changed",
            f"This form was opened in another mode; you are in {mode_name(visit.mode)} mode now. Look at it once more.",
        )


def read_text(text: str) -> str:
    """Browsers send line ends as two characters."""
    return text.replace("\r\n", "\n")


def read_message(form: Mapping[str, str]) -> NewMessage:
    """What was typed, as the API would be asked; `Invalid` names the field."""
    asked: dict[str, Any] = {"to": form["to"].strip(), "body": form["body"]}
    if not asked["to"]:
        raise Invalid("missing_to", "Write the whole number, beginning with + and the country.", param="to")
    if not asked["body"].strip():
        raise Invalid("missing_body", "Write a text.", param="body")
    if len(asked["body"]) > BODY_MAX:
        raise Invalid("body_too_long", f"A text has at most {BODY_MAX:,} characters.", param="body")
    asked |= {name: form[name] for name in ("from", "purpose") if form[name]}
    if form["send_at"]:
        asked["send_at"] = read_time(form["send_at"])
    if form["ttl_minutes"]:
        asked["ttl_seconds"] = read_minutes(form["ttl_minutes"]) * 60
    try:
        return msgspec.convert(asked, NewMessage)
    except msgspec.ValidationError as error:
        named = str(error).partition("$.")[2].strip("`")
        raise Invalid("invalid_field", "This cannot be used. Choose or write something else.", param=named) from None


def read_time(text: str) -> datetime:
    """As a browser's field writes it, taken as UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise Invalid("invalid_time", "Write the time as 2026-12-31T18:30.", param="send_at") from None


def read_minutes(text: str) -> int:
    most = TTL_MAX_SECONDS // 60
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= most):  # noqa: PLR2004  # digits
        raise Invalid("invalid_ttl", f"Write whole minutes, 1 to {most:,}.", param="ttl_minutes")
    return int(text)


def page(
    visit: Visit,
    runtime: Runtime,
    directory: Directory,
    form: Mapping[str, str],
    *,
    problem: Problem | None = None,
    is_asking: bool = False,
) -> Response[Any]:
    senders = sorted(one.value for one in directory.senders_of(visit.account_id))
    default = next((one.value for one in directory.senders_of(visit.account_id) if one.is_default), None)
    try:
        count = counted(form["body"], runtime, visit.mode)
    except Invalid:
        count = counted("", runtime, visit.mode)
    return framed(
        visit, "compose.html", problem=problem, param=param_of(problem), form=form, count=count, senders=senders,
        default=default, purposes=PURPOSES, is_asking=is_asking, body_max=BODY_MAX,
    )  # fmt: skip


def param_of(problem: Problem | None) -> str:
    """The field that a problem stands beside."""
    param = (problem.param or "") if problem is not None else ""
    return FIELD_OF.get(param, param)


routes = [show, count, send]
