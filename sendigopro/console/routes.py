"""The route simulator: how would this go? By the code of the message path, and without a trace."""

from functools import partial

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import RawBody

from sendigopro.accounts.model import DEFAULT_PURPOSE, PURPOSES, AccountSettings, Caller
from sendigopro.accounts.roles import Permission
from sendigopro.channels.directory import Directory
from sendigopro.channels.model import PLATFORM
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Invalid, Problem
from sendigopro.messages.accept import BODY_MAX, Acceptor, NewMessage
from sendigopro.messages.simulate import Simulation, Ways, simulate
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = "/console/routes"
FIELDS = ("to", "body", "from", "purpose")
UNTYPED = {"to": "", "body": "", "from": "", "purpose": DEFAULT_PURPOSE}


@get(HOME)
async def show(visit: Given[Visit], directory: Given[Directory]) -> Response[str]:
    """An empty form."""
    return page(visit, directory, UNTYPED)


@post(HOME, status_code=200)
async def try_out(
    visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault], directory: Given[Directory],
    acceptor: Given[Acceptor],
) -> Response[str]:  # fmt: skip
    """A form that is posted only so that no number stands in an address; nothing changes."""
    visit.need(Permission.READ_MESSAGES)
    typed = read_form(body, FIELDS)
    try:
        asked = read_asked(typed)
    except Invalid as problem:
        return page(visit, directory, typed, problem=problem)
    ways = Ways(acceptor, directory, vault, partial(as_account, runtime.door))
    tells = visit.may(Permission.WRITE_MESSAGES) or visit.may(Permission.READ_SUBJECTS)
    caller = caller_of(visit, runtime, typed["purpose"])
    return page(visit, directory, typed, result=await simulate(ways, caller, asked, tells_standing=tells))


def read_asked(typed: dict[str, str]) -> NewMessage:
    """As an API request would be read; what is missing is said beside its field."""
    if not typed["to"].strip():
        raise Invalid("number_needed", "Type a number with its country code, like +15005550006.", param="to")
    if not 1 <= len(typed["body"]) <= BODY_MAX:
        raise Invalid("text_needed", f"Type a text of 1 to {BODY_MAX:,} characters.", param="body")
    if typed["purpose"] not in PURPOSES:
        raise Invalid("invalid_purpose", f"The purposes are: {', '.join(PURPOSES)}.", param="purpose")
    given = {"to": typed["to"].strip(), "body": typed["body"], "purpose": typed["purpose"]}
    try:
        return msgspec.convert({**given, **({"from": typed["from"]} if typed["from"] else {})}, NewMessage)
    except msgspec.ValidationError:
        raise Invalid("invalid_message", "One of these fields is too long. Shorten it.", param="to") from None


def caller_of(visit: Visit, runtime: Runtime, purpose: str) -> Caller:
    """As a key of this account that may send would ask."""
    settings = AccountSettings(currency=runtime.settings.currency, on_unclear="hold")
    scopes = frozenset({"messages.write"})
    return Caller(visit.account_id, visit.mode, PLATFORM, scopes, purpose, settings, ())


def page(
    visit: Visit, directory: Directory, typed: dict[str, str], *, problem: Problem | None = None,
    result: Simulation | None = None,
) -> Response[str]:  # fmt: skip
    visit.need(Permission.READ_MESSAGES)
    senders = [one.value for one in directory.senders_of(visit.account_id)]
    return framed(visit, "routes.html", typed=typed, senders=senders, purposes=PURPOSES, result=result, problem=problem)


routes = [show, try_out]
