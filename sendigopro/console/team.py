"""The page of an account's members: who they are, in which role, and who is let go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts import custom_roles, invitations, passkey_store, people, people_store
from sendigopro.accounts.member_log import PREFIX, by_member, note_member
from sendigopro.accounts.people import ROLES, Person
from sendigopro.accounts.roles import Permission, need_all, need_permission
from sendigopro.accounts.sessions import Signed, need_proof
from sendigopro.audit.model import Action
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn, as_account
from sendigopro.foundation.problems import Conflict, Invalid, NotAllowed, NotFound, Problem
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = "/console/team"
OWNER = "owner"
DEFAULT_ROLE = "developer"
DONE = {
    "invited": "The invitation is on its way. Its link is good for a week.",
    "withdrawn": "The invitation is withdrawn: its link opens nothing any more.",
    "transferred": "The account is handed over. You are an admin of it now.",
}
"""What the address of the page says was done."""


@dataclass(frozen=True, slots=True)
class Member:
    """A line of the page."""

    id: str
    person: Person
    role: str
    is_you: bool
    may_be_changed: bool
    second_factor: str


@get(HOME)
async def show(
    request: Request[Any, Any, Any], visit: Given[Visit], runtime: Given[Runtime], vault: Given[Vault]
) -> Response[str]:
    """Everybody of the account in view."""
    visit.need(Permission.SEE_MEMBERS)
    return await page(runtime, vault, visit, done=DONE.get(request.query_params.get("done", ""), ""))


@post(HOME + "/{member:str}/role", status_code=303)
async def set_role(
    member: FromPath[str], visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """From their next request on."""
    signed = visit.signed
    person_id, role = ids.parse(PREFIX, member, param="member"), read_form(body, ("role",))["role"]
    try:
        async with as_account(runtime.door, signed.account_id) as conn:
            before = await changeable(conn, signed, person_id, becomes=role)
            await people_store.set_role(conn, account_id=signed.account_id, person_id=person_id, role=role)
            if role != before:
                await note_member(
                    conn, vault, Action.MEMBER_CHANGED, account_id=signed.account_id, person_id=person_id,
                    by=by_member(signed.person_id), facts={"role": role, "before": before},
                )  # fmt: skip
    except (NotAllowed, Conflict, Invalid) as problem:
        return await page(runtime, vault, visit, problem=problem)
    return Redirect(HOME, status_code=303)


@post(HOME + "/{member:str}/remove", status_code=303)
async def remove(
    member: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """Their next request is refused. Who belongs to no account any more is forgotten within the hour."""
    signed = visit.signed
    person_id = ids.parse(PREFIX, member, param="member")
    try:
        async with as_account(runtime.door, signed.account_id) as conn:
            before = await changeable(conn, signed, person_id, becomes=None)
            await people_store.delete_member(conn, account_id=signed.account_id, person_id=person_id)
            await note_member(
                conn, vault, Action.MEMBER_REMOVED, account_id=signed.account_id, person_id=person_id,
                by=by_member(signed.person_id), facts={"before": before},
            )  # fmt: skip
    except (NotAllowed, Conflict) as problem:
        return await page(runtime, vault, visit, problem=problem)
    return Redirect(HOME, status_code=303)


async def changeable(conn: Conn, signed: Signed, person_id: UUID, *, becomes: str | None) -> str:
    """The role somebody has, if who is signed in may take it from them; owners are locked, so one is always left."""
    need_proof(signed)
    owners = await people_store.lock_owners(conn, account_id=signed.account_id)
    held = await custom_roles.held_now(conn, signed)
    need_permission(held, Permission.CHANGE_MEMBERS)
    role = await people_store.lock_role(conn, account_id=signed.account_id, person_id=person_id)
    if role is None:
        raise NotFound("member_not_found", "There is no such member in this account.", param="member")
    if OWNER in (role, becomes):
        need_permission(held, Permission.CHANGE_OWNERS)
    for one in (role, becomes):
        if one is not None:
            need_all(held, await custom_roles.granted_in(conn, account_id=signed.account_id, role=one))
    if owners == [person_id] and becomes != OWNER and not signed.is_of_parent:
        raise Conflict("last_owner", "An account needs an owner. Make somebody else one first.", param="role")
    return role


async def page(
    runtime: Runtime, vault: Vault, visit: Visit, *, problem: Problem | None = None, at: str = "members",
    typed: Mapping[str, str] | None = None, link: str = "", done: str = "",
) -> Response[str]:  # fmt: skip
    """`at`: in which part something is wrong; `typed`: into the form for inviting; `link`: of an invitation, once."""
    signed = visit.signed
    async with runtime.main.acquire() as conn:
        rows = await people_store.list_members(conn, account_id=signed.account_id)
        with_passkeys = await passkey_store.count(conn, person_ids=[person_id for person_id, _ in rows])
        waiting = await invitations.pending(conn, vault, signed.account_id)
        stored = [(await people_store.read_person(conn, person_id=person_id), role) for person_id, role in rows]
    may_change, may_own = (visit.may(one) for one in (Permission.CHANGE_MEMBERS, Permission.CHANGE_OWNERS))
    members = [
        Member(
            ids.typed(PREFIX, one.id), await people.opened(vault, one), role, one.id == signed.person_id,
            may_change and (may_own or role != OWNER),
            "passkey" if one.id in with_passkeys else "authenticator" if one.totp_secret is not None else "",
        )
        for one, role in stored
        if one is not None
    ]  # fmt: skip
    async with as_account(runtime.door, signed.account_id) as conn:
        own_roles = await custom_roles.names(conn, account_id=signed.account_id)
    roles = [one for one in (*ROLES, *own_roles) if may_own or one != OWNER]
    return framed(
        visit, "team.html", members=members, roles=roles, problem=problem, at=at, may_invite=may_change,
        may_hand_over=may_own, invitations=[(ids.typed(invitations.PREFIX, one.id), one) for one in waiting],
        typed=typed or {"email": "", "role": DEFAULT_ROLE}, link=link, done=done,
    )  # fmt: skip


routes = [show, set_role, remove]
