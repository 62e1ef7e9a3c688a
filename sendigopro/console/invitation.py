"""The page of who is invited: to come in as somebody new, or as who they are already."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import RawBody
from litestar.response import Redirect

from sendigopro.accounts import invitations, mails, passkeys, people_store
from sendigopro.accounts import store as accounts
from sendigopro.accounts.create import name_of
from sendigopro.accounts.invitations import Invitation
from sendigopro.accounts.member_log import by_member, note_member
from sendigopro.accounts.newcomers import factors_of
from sendigopro.accounts.people import read_name
from sendigopro.accounts.people_store import StoredPerson
from sendigopro.accounts.sessions import Sessions
from sendigopro.accounts.sign_in import SignIn
from sendigopro.audit.model import Action
from sendigopro.console import new_credential, visitor
from sendigopro.console.forms import html, read_form, refuse_foreign
from sendigopro.console.sign_in import let_in
from sendigopro.console.visit import Visit
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Conflict, Invalid, NotAllowed, Problem, Unauthenticated
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = mails.INVITATION_PATH
FIELDS = ("token", "name", *new_credential.FIELDS)

AnyRequest = Request[Any, Any, Any]


@get(HOME)
async def show(
    request: AnyRequest, runtime: Given[Runtime], vault: Given[Vault], sessions: Given[Sessions]
) -> Response[str]:
    """Nothing is done by opening it."""
    token = request.query_params.get("token", "")
    try:
        found = await find(runtime, vault, token)
    except Unauthenticated as problem:
        return over(problem)
    return await page(request, runtime, vault, sessions, found=found, token=token)


@post(HOME + "/passkey", status_code=200)
async def ask_for_passkey(
    request: AnyRequest, *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[str]:
    """What an authenticator is to make."""
    refuse_foreign(request, runtime)
    place, typed = new_credential.place_of(runtime), read_form(body, FIELDS)
    found = await find(runtime, vault, typed["token"])
    question = await passkeys.ask_to_register(
        vault, place, person_id=found.id, mail=found.mail, name=read_name(typed["name"])
    )
    return new_credential.asked(request, question)


@post(HOME, status_code=303)
async def accept_as_new(
    request: AnyRequest, *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault], sessions: Given[Sessions],
    way_in: Given[SignIn],
) -> Response[Any]:  # fmt: skip
    """Somebody who has no sign-in yet."""
    refuse_foreign(request, runtime)
    typed = read_form(body, FIELDS)
    token = typed["token"]
    try:
        found = await find(runtime, vault, token)
    except Unauthenticated as problem:
        return over(problem)
    try:
        name = read_name(typed["name"])
        credential = await new_credential.read_credential(
            request, runtime, vault, typed, about=[found.mail, name], person_id=found.id
        )
        async with runtime.main.acquire() as conn, conn.transaction():
            await invitations.accept_as_new(conn, vault, token=token, name=name, credential=credential)
    except (Invalid, Conflict) as problem:
        return await page(
            request, runtime, vault, sessions, found=found, token=token, name=typed["name"], problem=problem
        )
    except Unauthenticated as problem:
        return over(problem)
    done = await way_in.let_in(found.id, visitor.place_of(request), factors=factors_of(credential))
    return let_in(request, done, "/console")


@post(HOME + "/accept", status_code=303)
async def accept(
    request: AnyRequest, visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault],
    sessions: Given[Sessions],
) -> Response[Any]:  # fmt: skip
    """Somebody who is signed in: the account comes into view."""
    token, signed = read_form(body, ("token",))["token"], visit.signed
    try:
        found = await find(runtime, vault, token)
        async with runtime.main.acquire() as conn, conn.transaction():
            stored = await people_store.read_person(conn, person_id=signed.person_id)
            assert stored is not None  # else the session would have ended
            await invitations.accept_as(conn, vault, stored, token=token)
            await people_store.view_account(
                conn, person_id=stored.id, session_id=signed.session_id, account_id=found.account_id
            )
            await note_member(
                conn, vault, Action.SESSION_STARTED, account_id=found.account_id, person_id=stored.id,
                by=by_member(stored.id),
                facts={"session": ids.typed("ses", signed.session_id), "factors": signed.factors},
            )  # fmt: skip
    except Unauthenticated as problem:
        return over(problem)
    except (NotAllowed, Conflict) as problem:
        return await page(request, runtime, vault, sessions, found=found, token=token, problem=problem)
    return Redirect("/console", status_code=303)


async def find(runtime: Runtime, vault: Vault, token: str) -> Invitation:
    async with runtime.main.acquire() as conn:
        return await invitations.find(conn, vault, token)


async def page(
    request: AnyRequest, runtime: Runtime, vault: Vault, sessions: Sessions, *, found: Invitation, token: str,
    name: str = "", problem: Problem | None = None,
) -> Response[str]:  # fmt: skip
    async with as_account(runtime.door, found.account_id) as conn:
        sealed = await accounts.read_name(conn, account_id=found.account_id)
    visiting = await visitor_of(request, runtime, sessions)
    return html(
        "invitation.html", status=200 if problem is None else int(problem.status), problem=problem, token=token,
        role=found.role, typed_name=name,
        account="" if sealed is None else await name_of(vault, found.account_id, sealed),
        is_signed_in=visiting is not None,
        is_for_them=visiting is not None and await invitations.is_for(vault, found, visiting),
        has_passkeys=new_credential.has_passkeys(runtime),
    )  # fmt: skip


async def visitor_of(request: AnyRequest, runtime: Runtime, sessions: Sessions) -> StoredPerson | None:
    signed = await visitor.signed_in_or_none(request, sessions)
    if signed is None:
        return None
    async with runtime.main.acquire() as conn:
        return await people_store.read_person(conn, person_id=signed.person_id)


def over(problem: Problem) -> Response[str]:
    return html("link_over.html", status=int(problem.status), problem=problem, kind="invitation")


routes = [show, ask_for_passkey, accept_as_new, accept]
