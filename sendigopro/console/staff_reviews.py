"""The review queue: accounts that ask to go live, and the person of the staff who decides."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts import go_live, staff_store
from sendigopro.accounts.go_live import Review
from sendigopro.accounts.grants import by_staff
from sendigopro.accounts.sessions import need_proof
from sendigopro.accounts.staff import OPERATOR
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.staff import name_in_clear
from sendigopro.console.visit import Visit
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import NotFound, Problem
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = "/console/staff/reviews"


@dataclass(frozen=True, slots=True)
class Line:
    """A review that waits."""

    id: str
    account: str
    name: str
    its: Review


@get(HOME)
async def show(visit: Given[Visit], runtime: Given[Runtime], vault: Given[Vault]) -> Response[str]:
    """Who waits, the oldest first."""
    visit.need_staff()
    return await page(runtime, vault, visit)


@post(HOME + "/{review:str}/decide", status_code=303)
async def decide(
    review: FromPath[str], visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """Live or not, with a reason that the account reads."""
    visit.need_staff(OPERATOR)
    review_id = ids.parse(go_live.PREFIX, review, param="review")
    typed = read_form(body, ("decision", "reason"))
    try:
        need_proof(visit.signed)
        async with runtime.main.acquire() as conn, conn.transaction():
            await go_live.decide(
                conn, vault, account_id=await account_of(conn, review_id), review_id=review_id,
                person_id=visit.signed.person_id, decision=typed["decision"], reason=typed["reason"],
                by=by_staff(visit.signed.person_id, visit.request_id),
            )  # fmt: skip
    except NotFound:
        raise
    except Problem as problem:
        return await page(runtime, vault, visit, problem=problem, at=review, typed=typed["reason"])
    return Redirect(HOME, status_code=303)


async def account_of(conn: Conn, review_id: UUID) -> UUID:
    """Whose review waits under this id."""
    for one in await staff_store.open_reviews_of_everyone(conn):
        if one.id == review_id:
            return one.account_id
    raise NotFound("no_such_review", "There is no such review, or somebody has decided it.")


async def page(
    runtime: Runtime, vault: Vault, visit: Visit, *, problem: Problem | None = None, at: str = "", typed: str = ""
) -> Response[str]:
    async with runtime.main.acquire() as conn:
        waiting = await staff_store.open_reviews_of_everyone(conn)
    lines = [
        Line(
            ids.typed(go_live.PREFIX, one.id), ids.typed("acc", one.account_id),
            await name_in_clear(runtime, vault, one.account_id), await go_live.opened(vault, one),
        )
        for one in waiting
    ]  # fmt: skip
    return framed(
        visit, "staff_reviews.html", reviews=lines, may_decide=visit.staff == OPERATOR, problem=problem, at=at,
        typed=typed, setting=runtime.settings.go_live,
    )  # fmt: skip


routes = [show, decide]
