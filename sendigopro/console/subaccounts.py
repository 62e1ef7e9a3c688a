"""The page of an account's own accounts: made, limited, counted, and turned to."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts import account_store, people_store
from sendigopro.accounts import store as accounts
from sendigopro.accounts.account_store import Child
from sendigopro.accounts.create import check_name, name_of
from sendigopro.accounts.member_log import note_member
from sendigopro.accounts.roles import Permission
from sendigopro.accounts.sessions import need_proof
from sendigopro.audit.model import Action
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import as_account, as_owner
from sendigopro.foundation.problems import Conflict, Invalid, NotAllowed, NotFound, Problem
from sendigopro.ledger import children
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = "/console/subaccounts"
FIELDS: Final = ("name", "rate", "limit")
MICROS: Final = 1_000_000
AMOUNT_MAX: Final = Decimal(1_000_000_000)
RATE_MAX: Final = 1_000_000
DONE: Final = {"made": "The account is made. Turn to it to make its keys.", "limits": "Its limits are set."}


@dataclass(frozen=True, slots=True)
class Line:
    """One of them."""

    id: str
    name: str
    child: Child

    @property
    def limit(self) -> str:
        """As it is typed."""
        return "" if self.child.limit_micros is None else f"{Decimal(self.child.limit_micros) / MICROS:.2f}"


@get(HOME)
async def show(
    request: Request[Any, Any, Any], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[str]:
    visit.need(Permission.SEE_MEMBERS)
    return await page(runtime, vault, visit, done=DONE.get(request.query_params.get("done", ""), ""))


@post(HOME, status_code=303)
async def make(visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]) -> Response[Any]:
    """With limits of its own; its keys are made in it."""
    need_open(visit)
    typed = read_form(body, FIELDS)
    try:
        need_proof(visit.signed)
        check_name(typed["name"])
        rate, limit = read_rate(typed["rate"]), read_limit(typed["limit"])
        async with as_owner(runtime.settings.main("owner")) as conn:  # who else may make an account
            above = await account_store.read_currency(conn, account_id=visit.account_id)
            await children.create_child(
                conn, vault, account_id=visit.account_id, name=typed["name"].strip(), currency=above,
                rate_per_second=rate, limit_micros=limit, by=visit.by,
            )  # fmt: skip
    except (Invalid, NotAllowed, Conflict) as problem:
        return await page(runtime, vault, visit, typed=typed, problem=problem)
    return Redirect(f"{HOME}?done=made", status_code=303)


@post(HOME + "/{account:str}/limits", status_code=303)
async def set_limits(
    account: FromPath[str], visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    need_open(visit)
    child_id, typed = ids.parse("acc", account, param="account"), read_form(body, ("rate", "limit"))
    try:
        need_proof(visit.signed)
        rate, limit = read_rate(typed["rate"]), read_limit(typed["limit"])
        async with as_owner(runtime.settings.main("owner")) as conn:
            await children.set_limits(
                conn, account_id=visit.account_id, child_id=child_id, rate_per_second=rate, limit_micros=limit,
                by=visit.by,
            )  # fmt: skip
    except (Invalid, NotAllowed) as problem:
        return await page(runtime, vault, visit, problem=problem, at=account, tried=typed)
    return Redirect(f"{HOME}?done=limits", status_code=303)


@post(HOME + "/{account:str}/view", status_code=303)
async def view(
    account: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """Turn to it, in the role one has here."""
    visit.need(Permission.SEE_MEMBERS)
    child_id = ids.parse("acc", account, param="account")
    person_id, session_id = visit.signed.person_id, visit.signed.session_id
    async with runtime.main.acquire() as conn, conn.transaction():
        is_ours = await account_store.is_child(conn, account_id=visit.account_id, child_id=child_id)
        if not is_ours or not await people_store.view_account(
            conn, person_id=person_id, session_id=session_id, account_id=child_id
        ):
            raise NotFound("account_not_found", "This account has no such account.", param="account")
        await note_member(
            conn, vault, Action.SESSION_STARTED, account_id=child_id, person_id=person_id, by=visit.by,
            facts={"session": ids.typed("ses", session_id), "factors": visit.signed.factors},
        )  # fmt: skip
    return Redirect("/console", status_code=303)


# Parts


def need_open(visit: Visit) -> None:
    visit.need(Permission.CHANGE_ACCOUNT)
    if visit.closes_at is not None:
        raise NotAllowed("account_closing", "This account is being closed: it can be read, exported, and kept.")


def read_rate(text: str) -> int | None:
    """Requests a second; empty: the installation's."""
    rate = text.strip()
    if not rate:
        return None
    if not (rate.isascii() and rate.isdigit() and 1 <= int(rate[:10]) <= RATE_MAX):
        raise Invalid("invalid_rate", f"Write requests a second from 1 to {RATE_MAX:,}, or nothing.", param="rate")
    return int(rate)


def read_limit(text: str) -> int | None:
    """Credit in the account's currency; empty: none is asked for."""
    if not text.strip():
        return None
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= AMOUNT_MAX or amount * MICROS % 1:
        raise Invalid("invalid_limit", "Write an amount like 100 or 12.50, or nothing for no limit.", param="limit")
    return int(amount * MICROS)


async def called(runtime: Runtime, vault: Vault, child: Child) -> str:
    """Its name: sealed under its own key, and seen by its own door alone."""
    async with as_account(runtime.door, child.id) as conn:
        sealed = await accounts.read_name(conn, account_id=child.id)
    return "" if sealed is None else await name_of(vault, child.id, sealed)


async def page(
    runtime: Runtime, vault: Vault, visit: Visit, *, typed: dict[str, str] | None = None, done: str = "",
    problem: Problem | None = None, at: str = "", tried: dict[str, str] | None = None,
) -> Response[str]:  # fmt: skip
    since = clock.now() - timedelta(hours=24)
    async with as_account(runtime.door, visit.account_id) as conn:
        account = await account_store.read_account(conn, account_id=visit.account_id)
    async with runtime.main.acquire() as conn:
        found = await account_store.list_children(
            conn, account_id=visit.account_id, mode=visit.mode, since=since, limit=children.CHILDREN_MAX
        )
    lines = [Line(ids.typed("acc", one.id), await called(runtime, vault, one), one) for one in found]
    return framed(
        visit, "subaccounts.html", lines=lines, typed=typed or dict.fromkeys(FIELDS, ""), at=at, tried=tried or {},
        is_below=account is not None and account.parent_id is not None, problem=problem, done=done,
    )  # fmt: skip


routes = [show, make, set_limits, view]
