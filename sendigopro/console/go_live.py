"""Where an account asks to send to real phones, and reads what was decided."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import RawBody
from litestar.response import Redirect

from sendigopro.accounts import go_live, staff_store
from sendigopro.accounts.roles import Permission
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Conflict, Invalid, Problem
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = "/console/account/go-live"
UNTYPED = dict.fromkeys(go_live.QUESTIONS, "")


@get(HOME)
async def show(visit: Given[Visit], runtime: Given[Runtime], vault: Given[Vault]) -> Response[str]:
    """What the account may, and its reviews."""
    return await page(runtime, vault, visit)


@post(HOME, status_code=303)
async def ask(visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]) -> Response[Any]:
    """Three answers, which a person reads."""
    visit.need(Permission.CHANGE_ACCOUNT)
    typed = read_form(body, tuple(go_live.QUESTIONS))
    try:
        answers = go_live.read_answers(typed)
        async with runtime.main.acquire() as conn, conn.transaction():
            await go_live.ask_for_review(
                conn, vault, account_id=visit.account_id, person_id=visit.signed.person_id, answers=answers,
                by=visit.by,
            )  # fmt: skip
    except (Invalid, Conflict) as problem:
        return await page(runtime, vault, visit, problem=problem, typed=typed)
    return Redirect(HOME, status_code=303)


async def page(
    runtime: Runtime, vault: Vault, visit: Visit, *, problem: Problem | None = None,
    typed: dict[str, str] | None = None,
) -> Response[str]:  # fmt: skip
    visit.need(Permission.CHANGE_ACCOUNT)
    async with as_account(runtime.door, visit.account_id) as conn:
        state = await staff_store.read_state(conn, account_id=visit.account_id)
        reviews = await staff_store.list_reviews(conn, account_id=visit.account_id)
    return framed(
        visit, "go_live.html", state=state, reviews=[await go_live.opened(vault, one) for one in reviews],
        may_ask=state in (go_live.TEST_ONLY, go_live.REFUSED), typed=typed or UNTYPED, problem=problem,
    )  # fmt: skip


routes = [show, ask]
