"""What the Team page does about who is to come: invite, send again, withdraw; and who is to own the account."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts import custom_roles, invitations, people, people_store
from sendigopro.accounts.invitations import Sending
from sendigopro.accounts.member_log import PREFIX as MEMBER_PREFIX
from sendigopro.accounts.member_log import by_member, note_member
from sendigopro.accounts.roles import Permission, need_permission
from sendigopro.accounts.sessions import Signed, need_proof
from sendigopro.audit.model import Action
from sendigopro.console.forms import read_form
from sendigopro.console.team import HOME, OWNER, changeable, page
from sendigopro.console.visit import Visit
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn, as_account
from sendigopro.foundation.problems import Conflict, Invalid, NotAllowed, NotFound, TooMany
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

FORMER_OWNER = "admin"
"""What who hands an account over is from then on."""

Send = Callable[[Conn, str], Awaitable[str | None]]


@post(HOME + "/invitations", status_code=303)
async def invite(visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]) -> Response[Any]:
    """By mail; where no mail can be sent the link is shown, once, to be handed over."""
    signed = visit.signed
    typed = read_form(body, ("email", "role"))

    async def send(conn: Conn, account: str) -> str | None:
        mail = people.read_mail(typed["email"])
        await refuse_members(runtime, vault, signed, mail)
        return await invitations.invite(
            conn, vault, signed, mail=mail, role=typed["role"], account=account, sending=sending_of(runtime)
        )

    return await sent(runtime, vault, visit, send, typed=typed)


@post(HOME + "/invitations/{invitation:str}/resend", status_code=303)
async def resend(
    invitation: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """With a new link, for another week."""
    signed = visit.signed
    invitation_id = ids.parse(invitations.PREFIX, invitation, param="invitation")

    async def send(conn: Conn, account: str) -> str | None:
        return await invitations.resend(
            conn, vault, signed, invitation_id, account=account, sending=sending_of(runtime)
        )

    return await sent(runtime, vault, visit, send)


@post(HOME + "/invitations/{invitation:str}/withdraw", status_code=303)
async def withdraw(
    invitation: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """Its link opens nothing any more."""
    signed = visit.signed
    invitation_id = ids.parse(invitations.PREFIX, invitation, param="invitation")
    try:
        async with as_account(runtime.door, signed.account_id) as conn:
            await invitations.withdraw(conn, signed, invitation_id)
    except NotAllowed as problem:
        return await page(runtime, vault, visit, problem=problem, at="invitations")
    return Redirect(f"{HOME}?done=withdrawn", status_code=303)


@post(HOME + "/{member:str}/transfer", status_code=303)
async def transfer(
    member: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """One act: they own the account, and who hands it over is an admin from then on."""
    signed = visit.signed
    person_id = ids.parse(MEMBER_PREFIX, member, param="member")
    try:
        refuse_oneself(signed, person_id)
        async with as_account(runtime.door, signed.account_id) as conn:
            before = await changeable(conn, signed, person_id, becomes=OWNER)
            own = await people_store.lock_role(conn, account_id=signed.account_id, person_id=signed.person_id)
            need_permission(await custom_roles.held_now(conn, signed), Permission.CHANGE_OWNERS)
            for who, role, was in ((person_id, OWNER, before), (signed.person_id, FORMER_OWNER, own)):
                await people_store.set_role(conn, account_id=signed.account_id, person_id=who, role=role)
                await note_member(
                    conn, vault, Action.MEMBER_CHANGED, account_id=signed.account_id, person_id=who,
                    by=by_member(signed.person_id), facts={"role": role, "before": was, "transfer": True},
                )  # fmt: skip
    except (Invalid, NotAllowed, Conflict) as problem:
        return await page(runtime, vault, visit, problem=problem)
    return Redirect(f"{HOME}?done=transferred", status_code=303)


# Parts


async def sent(
    runtime: Runtime, vault: Vault, visit: Visit, send: Send, *, typed: dict[str, str] | None = None
) -> Response[Any]:
    """The page afterwards: with what is wrong, or the link that goes by hand, or word that it is under way."""
    try:
        need_proof(visit.signed)
        async with as_account(runtime.door, visit.account_id) as conn:
            link = await send(conn, visit.account_name)
    except (Invalid, NotAllowed, NotFound, Conflict, TooMany) as problem:
        return await page(runtime, vault, visit, problem=problem, at="invitations", typed=typed)
    if link is not None:
        return await page(runtime, vault, visit, link=link)
    return Redirect(f"{HOME}?done=invited", status_code=303)


def refuse_oneself(signed: Signed, person_id: UUID) -> None:
    if person_id == signed.person_id:
        raise Invalid("own_transfer", "The account is yours already. Choose another member.", param="member")


async def refuse_members(runtime: Runtime, vault: Vault, signed: Signed, mail: str) -> None:
    mac = await people.mail_mac(vault, mail)
    async with runtime.main.acquire() as conn:
        known = await people_store.find_person(conn, mail_mac=mac)
        if known is not None and await people_store.role_of(conn, account_id=signed.account_id, person_id=known.id):
            raise Conflict("member_already", "This address belongs to a member already.", param="email")


def sending_of(runtime: Runtime) -> Sending:
    return Sending(runtime.settings.url, by_mail=runtime.settings.sends_mail)


routes = [invite, resend, withdraw, transfer]
