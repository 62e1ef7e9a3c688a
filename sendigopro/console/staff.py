"""Pages of the installation about accounts: which there are, and how the staff asks one for leave to look in."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts import go_live, grants, staff_store
from sendigopro.accounts import store as accounts
from sendigopro.accounts.create import name_of
from sendigopro.accounts.sessions import need_proof
from sendigopro.console import staff_store as pages
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.staff_store import StaffAccount
from sendigopro.console.visit import LEAVE, Visit
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Conflict, Invalid, NotFound, Problem
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = "/console/staff/accounts"
PAGE_MAX: Final = 25
STATES: Final = (go_live.LIVE, go_live.TEST_ONLY, go_live.IN_REVIEW, go_live.REFUSED, go_live.CLOSING)
TONES: Final = {
    go_live.LIVE: "good", go_live.IN_REVIEW: "going", go_live.TEST_ONLY: "", go_live.REFUSED: "bad",
    go_live.CLOSING: "warn",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """An account on a page."""

    id: str
    name: str
    its: StaffAccount

    @property
    def tone(self) -> str:
        return TONES[self.its.state]


@get(HOME)
async def show_accounts(
    request: Request[Any, Any, Any], visit: Given[Visit], runtime: Given[Runtime], vault: Given[Vault]
) -> Response[str]:
    """The newest first; of each what is the installation's to know."""
    visit.need_staff()
    state = request.query_params.get("state", "")
    before = request.query_params.get("before", "")
    async with runtime.main.acquire() as conn:
        found = await pages.list_accounts_of_everyone(
            conn, state=state if state in STATES else None,
            before=ids.parse("acc", before, param="before") if before else None, limit=PAGE_MAX + 1,
        )  # fmt: skip
    lines = [await line_of(runtime, vault, one) for one in found[:PAGE_MAX]]
    return framed(
        visit, "staff_accounts.html", accounts=lines, states=STATES, state=state,
        next_=lines[-1].id if len(found) > PAGE_MAX else "",
    )  # fmt: skip


@get(HOME + "/{account:str}")
async def show_account(
    account: FromPath[str], visit: Given[Visit], runtime: Given[Runtime], vault: Given[Vault]
) -> Response[str]:
    """One of them, and what was asked of it."""
    visit.need_staff()
    return await page(runtime, vault, visit, await existing(runtime, account))


@post(HOME + "/{account:str}/ask", status_code=303)
async def ask(
    account: FromPath[str], visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """The account's owners and admins see it on their first page."""
    visit.need_staff()
    found, typed = await existing(runtime, account), read_form(body, ("reason", "hours"))
    try:
        hours = int(typed["hours"]) if typed["hours"].isdecimal() else 0
        async with runtime.main.acquire() as conn, conn.transaction():
            await grants.ask(
                conn, vault, account_id=found.id, person_id=visit.signed.person_id, reason=typed["reason"],
                hours=hours, by=grants.by_staff(visit.signed.person_id, visit.request_id),
            )  # fmt: skip
    except (Invalid, Conflict) as problem:
        return await page(runtime, vault, visit, found, problem=problem, typed=typed)
    return Redirect(f"{HOME}/{account}", status_code=303)


@post(HOME + "/{account:str}/enter", status_code=303)
async def enter(
    account: FromPath[str], visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime]
) -> Response[Any]:
    """Turn to an account that has allowed it. There is no other way, in an emergency neither."""
    visit.need_staff()
    need_proof(visit.signed)
    found = await existing(runtime, account)
    grant_id = ids.parse(grants.PREFIX, read_form(body, ("grant",))["grant"], param="grant")
    async with runtime.main.acquire() as conn, conn.transaction():
        await grants.enter(
            conn, account_id=found.id, person_id=visit.signed.person_id, session_id=visit.signed.session_id,
            grant_id=grant_id, by=grants.by_staff(visit.signed.person_id, visit.request_id),
        )  # fmt: skip
    return Redirect("/console", status_code=303)


@post(LEAVE, status_code=303)
async def leave(visit: Given[Visit], *, runtime: Given[Runtime]) -> Response[Any]:
    """Back to one's own account."""
    signed = visit.signed
    if signed.guest is not None:
        async with runtime.main.acquire() as conn, conn.transaction():
            await grants.leave(
                conn, account_id=signed.account_id, person_id=signed.person_id, session_id=signed.session_id,
                grant_id=signed.guest.grant_id, how="left", by=visit.by,
            )  # fmt: skip
    else:
        visit.need_staff()
    return Redirect("/console", status_code=303)


# Parts


async def existing(runtime: Runtime, account: str) -> StaffAccount:
    account_id = ids.parse("acc", account, param="account")
    async with runtime.main.acquire() as conn:
        found = await pages.read_account(conn, account_id=account_id)
    if found is None:
        raise NotFound("account_not_found", "There is no such account.")
    return found


async def line_of(runtime: Runtime, vault: Vault, found: StaffAccount) -> Line:
    return Line(ids.typed("acc", found.id), await name_in_clear(runtime, vault, found.id), found)


async def name_in_clear(runtime: Runtime, vault: Vault, account_id: UUID) -> str:
    async with as_account(runtime.door, account_id) as conn:
        sealed = await accounts.read_name(conn, account_id=account_id)
    return "" if sealed is None else await name_of(vault, account_id, sealed)


async def page(
    runtime: Runtime, vault: Vault, visit: Visit, found: StaffAccount, *, problem: Problem | None = None,
    typed: dict[str, str] | None = None,
) -> Response[str]:  # fmt: skip
    async with runtime.main.acquire() as conn:
        parts = await pages.count_parts(conn, account_id=found.id)
        asked = await grants.grants_of(conn, vault, account_id=found.id)
        reviews = await staff_store.list_reviews(conn, account_id=found.id)
    return framed(
        visit, "staff_account.html", account=await line_of(runtime, vault, found), parts=parts, asked=asked,
        you=visit.signed.person_id, reviews=[await go_live.opened(vault, one) for one in reviews],
        hours_max=grants.HOURS_MAX, typed=typed or {"reason": "", "hours": "4"}, problem=problem,
    )  # fmt: skip


routes = [show_accounts, show_account, ask, enter, leave]
