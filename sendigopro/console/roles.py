"""The page of roles: what each may do, and roles that the account makes itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts import custom_roles, roles_store
from sendigopro.accounts.roles import GIVEABLE, PERMISSIONS, PERSONAL, Permission, granted_by
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Conflict, Invalid, NotAllowed, NotFound, Problem
from sendigopro.runtime import Runtime

HOME = "/console/roles"
DONE: Final = {
    "made": "The role is made. Give it to somebody on the page of the team.",
    "changed": "The role is changed. It holds from the next request on of everybody who has it.",
    "removed": "The role is gone.",
}
P = Permission
GROUPS: Final[Mapping[str, Mapping[Permission, str]]] = {
    "Traffic": {
        P.READ_MESSAGES: "See that messages went, and what became of them",
        P.WRITE_MESSAGES: "Send, resend and cancel",
        P.READ_EVENTS: "Read events",
        P.READ_SENDERS: "See senders, carriers and routes",
        P.WRITE_SENDERS: "Change senders",
        P.READ_WEBHOOKS: "See webhooks and their deliveries",
        P.WRITE_WEBHOOKS: "Change webhooks, and send again",
        P.READ_KEYS: "See API keys",
        P.WRITE_KEYS: "Make and revoke API keys",
        P.USE_HANDSET: "Use the handset: read test messages and answer",
        P.READ_BALANCE: "See the balance",
    },
    "Personal data": {
        P.READ_SUBJECTS: "See whose number or address it is",
        P.READ_BODIES: "Read what was said",
        P.PLAY_RECORDINGS: "Play recordings",
    },
    "Privacy and account": {
        P.READ_PRIVACY: "See the privacy centre",
        P.WRITE_PRIVACY: "Make requests, change how long things are kept",
        P.APPROVE_PRIVACY: "Approve what somebody else asked for",
        P.READ_AUDIT: "Read the audit log",
        P.SEE_MEMBERS: "See the team",
        P.CHANGE_MEMBERS: "Change the team and its roles",
        P.CHANGE_ACCOUNT: "Change the account, and close it",
        P.CHANGE_OWNERS: "Make and unmake owners",
    },
}
"""Each permission in words. Personal data stands apart: who works with traffic need not see people."""


@dataclass(frozen=True, slots=True)
class Column:
    """A role of the matrix."""

    name: str
    granted: frozenset[Permission]
    is_ours: bool
    members: int = 0


@get(HOME)
async def show(request: Request[Any, Any, Any], visit: Given[Visit], runtime: Given[Runtime]) -> Response[str]:
    """All roles, and a form for another."""
    visit.need(P.CHANGE_MEMBERS)
    return await page(runtime, visit, done=DONE.get(request.query_params.get("done", ""), ""))


@post(HOME, status_code=303)
async def make(visit: Given[Visit], body: RawBody, runtime: Given[Runtime]) -> Response[Any]:
    visit.need(P.CHANGE_MEMBERS)
    typed, ticked = read_ticked(body)
    try:
        name = custom_roles.read_role_name(typed)
        permissions = custom_roles.read_permissions(ticked)
        async with as_account(runtime.door, visit.account_id) as conn:
            await custom_roles.create_role(conn, visit.signed, name=name, permissions=permissions, by=visit.by)
    except (Invalid, Conflict, NotAllowed) as problem:
        return await page(runtime, visit, problem=problem, typed=typed, ticked=ticked)
    return Redirect(f"{HOME}?done=made", status_code=303)


@get(HOME + "/{role:str}")
async def show_one(role: FromPath[str], visit: Given[Visit], runtime: Given[Runtime]) -> Response[str]:
    visit.need(P.CHANGE_MEMBERS)
    return await role_page(runtime, visit, role)


@post(HOME + "/{role:str}", status_code=303)
async def change(role: FromPath[str], visit: Given[Visit], body: RawBody, runtime: Given[Runtime]) -> Response[Any]:
    visit.need(P.CHANGE_MEMBERS)
    _, ticked = read_ticked(body)
    try:
        permissions = custom_roles.read_permissions(ticked)
        async with as_account(runtime.door, visit.account_id) as conn:
            await custom_roles.change_role(conn, visit.signed, name=role, permissions=permissions, by=visit.by)
    except (Invalid, NotAllowed) as problem:
        return await role_page(runtime, visit, role, problem=problem, ticked=ticked)
    return Redirect(f"{HOME}?done=changed", status_code=303)


@post(HOME + "/{role:str}/remove", status_code=303)
async def remove(role: FromPath[str], visit: Given[Visit], runtime: Given[Runtime]) -> Response[Any]:
    visit.need(P.CHANGE_MEMBERS)
    try:
        async with as_account(runtime.door, visit.account_id) as conn:
            await custom_roles.remove_role(conn, visit.signed, name=role, by=visit.by)
    except (Conflict, NotAllowed) as problem:
        return await role_page(runtime, visit, role, problem=problem)
    return Redirect(f"{HOME}?done=removed", status_code=303)


# Parts


def read_ticked(body: bytes) -> tuple[str, list[str]]:
    """The name as typed, and the permissions that are ticked."""
    typed = read_form(body, ("name", *Permission)) if body else {"name": ""}
    return typed["name"], [one.value for one in Permission if typed.get(one)]


async def page(
    runtime: Runtime, visit: Visit, *, problem: Problem | None = None, typed: str = "",
    ticked: Sequence[str] = (), done: str = "",
) -> Response[str]:  # fmt: skip
    columns = [Column(name, granted, is_ours=True) for name, granted in PERMISSIONS.items()]
    return framed(
        visit, "roles.html", groups_of_permissions=GROUPS, personal=PERSONAL, giveable=giveable(visit),
        columns=[*columns, *await own_columns(runtime, visit)], typed=typed, ticked=ticked, problem=problem, done=done,
    )  # fmt: skip


async def role_page(
    runtime: Runtime, visit: Visit, role: str, *, problem: Problem | None = None, ticked: Sequence[str] | None = None
) -> Response[str]:
    found = next((one for one in await own_columns(runtime, visit) if one.name == role), None)
    if found is None:
        raise NotFound("role_not_found", "The account has made no such role.", param="role")
    return framed(
        visit, "role.html", column=found, groups_of_permissions=GROUPS, giveable=giveable(visit),
        ticked=[one.value for one in found.granted] if ticked is None else ticked, problem=problem,
        is_beyond=bool(found.granted - visit.signed.permissions),
    )  # fmt: skip


async def own_columns(runtime: Runtime, visit: Visit) -> list[Column]:
    async with as_account(runtime.door, visit.account_id) as conn:
        stored = await roles_store.list_roles(conn, account_id=visit.account_id)
    return [
        Column(one.name, granted_by(one.name, one.permissions), is_ours=False, members=one.members) for one in stored
    ]


def giveable(visit: Visit) -> frozenset[Permission]:
    """What who looks can put into a role."""
    return GIVEABLE & visit.signed.permissions


routes = [show, make, show_one, change, remove]
