"""The page of an account's senders: who its messages may come from, which is used unasked, and what each can do."""

from dataclasses import dataclass
from typing import Any, Final

from litestar import Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts.roles import Permission
from sendigopro.channels import store
from sendigopro.channels.directory import Directory
from sendigopro.channels.model import Sender
from sendigopro.channels.senders import SMS, add_sender, kind_of, normalise
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Conflict, Invalid, NotFound, Problem
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = "/console/senders"
GOOD_FOR: Final = {
    "number": ("Sends and receives", "People can answer; what they write comes in as messages of this account."),
    "short_code": ("Sends and receives", "In the countries it is registered for; people can answer."),
    "name": ("Sends only", "Phones show the name; nobody can answer it, and some countries replace it by a number."),
}
"""What a sender may be used for, by its kind."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the page."""

    id: str
    value: str
    kind: str
    good_for: str
    about: str
    is_default: bool


@get(HOME)
async def show(visit: Given[Visit], runtime: Given[Runtime]) -> Response[str]:
    """All senders of the account; they serve test and live messages alike."""
    return await page(runtime, visit)


@post(HOME, status_code=303)
async def add(
    visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault], directory: Given[Directory]
) -> Response[Any]:
    """As POST /v1/senders."""
    visit.need(Permission.WRITE_SENDERS)
    typed = read_form(body, ("value", "is_default"))
    try:
        value = normalise(typed["value"].strip())
        sender = Sender(visit.account_id, ids.new(), SMS, value, bool(typed["is_default"]))
        await add_sender(runtime.main, vault, sender, by=visit.by)
    except (Invalid, Conflict) as problem:
        return await page(runtime, visit, problem=problem, typed=typed["value"])
    await directory.refresh()
    return Redirect(HOME, status_code=303)


@post(HOME + "/{sender:str}/default", status_code=303)
async def make_default(
    sender: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault],
    directory: Given[Directory],
) -> Response[Any]:  # fmt: skip
    """Messages that name no sender come from this one."""
    visit.need(Permission.WRITE_SENDERS)
    async with as_account(runtime.door, visit.account_id) as conn:
        found = await store.read_sender(
            conn, account_id=visit.account_id, sender_id=ids.parse("snd", sender, param="sender")
        )
    if found is None:
        raise NotFound("sender_not_found", "There is no such sender in this account.")
    wanted = Sender(found.account_id, found.id, found.channel, found.value, is_default=True)
    await add_sender(runtime.main, vault, wanted, by=visit.by)
    await directory.refresh()
    return Redirect(HOME, status_code=303)


async def page(runtime: Runtime, visit: Visit, *, problem: Problem | None = None, typed: str = "") -> Response[str]:
    visit.need(Permission.READ_SENDERS)
    async with as_account(runtime.door, visit.account_id) as conn:
        senders = await store.read_senders(conn, account_id=visit.account_id)
    lines = [
        Line(ids.typed("snd", one.id), one.value, kind.replace("_", " "), *GOOD_FOR[kind], one.is_default)
        for one in senders
        for kind in [kind_of(one.value)]
    ]
    return framed(
        visit, "senders.html", senders=lines, may_write=visit.may(Permission.WRITE_SENDERS), problem=problem,
        typed=typed, url=runtime.settings.url,
    )  # fmt: skip


routes = [show, add, make_default]
