"""Where an account sees who of the staff asks to look in, and allows it for a time, refuses it, or ends it."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts import grants
from sendigopro.accounts.roles import Permission
from sendigopro.accounts.sessions import need_proof
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Invalid, NotAllowed, Problem
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = "/console/access"


@get(HOME)
async def show(visit: Given[Visit], runtime: Given[Runtime], vault: Given[Vault]) -> Response[str]:
    """What was ever asked, the newest first."""
    return await page(runtime, vault, visit)


@post(HOME + "/{grant:str}/allow", status_code=303)
async def allow(
    grant: FromPath[str], visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """For as many hours as are chosen here; people and texts only if that was ticked."""
    visit.need(Permission.CHANGE_ACCOUNT)
    grant_id = ids.parse(grants.PREFIX, grant, param="grant")
    typed = read_form(body, ("hours", "shows_people"))
    try:
        need_proof(visit.signed)
        hours = int(typed["hours"]) if typed["hours"].isdecimal() else 0
        async with as_account(runtime.door, visit.account_id) as conn:
            await grants.allow(
                conn, account_id=visit.account_id, grant_id=grant_id, person_id=visit.signed.person_id, hours=hours,
                shows_people=bool(typed["shows_people"]), by=visit.by,
            )  # fmt: skip
    except (Invalid, NotAllowed) as problem:
        return await page(runtime, vault, visit, problem=problem, at=grant)
    return Redirect(HOME, status_code=303)


@post(HOME + "/{grant:str}/end", status_code=303)
async def end(grant: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime]) -> Response[Any]:
    """No, or no longer. Whoever is in is out with their next request; saying no needs no password."""
    visit.need(Permission.CHANGE_ACCOUNT)
    grant_id = ids.parse(grants.PREFIX, grant, param="grant")
    async with as_account(runtime.door, visit.account_id) as conn:
        await grants.refuse(conn, account_id=visit.account_id, grant_id=grant_id, by=visit.by)
    return Redirect(HOME, status_code=303)


async def page(
    runtime: Runtime, vault: Vault, visit: Visit, *, problem: Problem | None = None, at: str = ""
) -> Response[str]:
    visit.need(Permission.CHANGE_ACCOUNT)
    async with as_account(runtime.door, visit.account_id) as conn:
        found = await grants.grants_of(conn, vault, account_id=visit.account_id)
    return framed(visit, "access.html", found=found, hours_max=grants.HOURS_MAX, problem=problem, at=at)


routes = [show, allow, end]
