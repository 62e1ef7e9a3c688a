"""Passkeys in the browser: to sign in with, to prove oneself once more with, to add and to remove."""

from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts import passkey_store, passkeys
from sendigopro.accounts.passkeys import PREFIX, PROOF, SIGN_IN
from sendigopro.accounts.sessions import Sessions, need_own_proof
from sendigopro.accounts.sign_in import SignIn
from sendigopro.audit.model import Action
from sendigopro.console import security, sign_in, visitor
from sendigopro.console.forms import read_form, refuse_foreign
from sendigopro.console.new_credential import asked, place_of, ticket_of
from sendigopro.console.security import HOME, Desk, note, page
from sendigopro.console.visit import Visit
from sendigopro.console.visitor import safe_next
from sendigopro.foundation import ids
from sendigopro.foundation.problems import Conflict, Invalid, NotAllowed, NotFound, Unauthenticated
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

DOOR = f"{visitor.SIGN_IN}/passkey"

AnyRequest = Request[Any, Any, Any]


@post(DOOR + "/options", status_code=200)
async def ask_to_sign_in(request: AnyRequest, *, runtime: Given[Runtime], vault: Given[Vault]) -> Response[str]:
    """For whichever passkey the browser has for us: nobody says who they are before."""
    refuse_foreign(request, runtime)
    return asked(request, await passkeys.ask(vault, place_of(runtime), SIGN_IN))


@post(DOOR, status_code=303)
async def sign_in_by_passkey(
    request: AnyRequest, *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault], way_in: Given[SignIn]
) -> Response[Any]:
    """One step: it is two factors."""
    refuse_foreign(request, runtime)
    typed = read_form(body, ("passkey", "next"))
    wanted, place = safe_next(typed["next"]), place_of(runtime)
    try:
        async with runtime.main.acquire() as conn, conn.transaction():
            person_id = await passkeys.read_shown(
                conn, vault, place, SIGN_IN, ticket=ticket_of(request), answer=typed["passkey"]
            )
        done = await way_in.let_in(person_id, visitor.place_of(request), factors=2)
    except (Unauthenticated, NotAllowed) as problem:
        return sign_in.form(runtime, wanted, problem=problem)
    return sign_in.let_in(request, done, wanted)


@post(HOME + "/proof/passkey/options", status_code=200)
async def ask_to_prove(
    request: AnyRequest, visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[str]:
    """For one of one's own."""
    person = visit.person
    async with runtime.main.acquire() as conn:
        known = await passkey_store.list_of(conn, person_id=person.id)
    if not known:
        raise NotFound("no_passkeys", "You have no passkey.")
    return asked(request, await passkeys.ask(vault, place_of(runtime), PROOF, person_id=person.id, known=known))


@post(HOME + "/proof/passkey", status_code=303)
async def prove_by_passkey(
    request: AnyRequest, visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault],
    sessions: Given[Sessions],
) -> Response[Any]:  # fmt: skip
    """Ten minutes for what is dangerous, as with the password."""
    desk = Desk(runtime, vault, sessions, visit)
    answer = read_form(body, ("passkey",))["passkey"]
    try:
        async with runtime.main.acquire() as conn, conn.transaction():
            await passkeys.read_shown(conn, vault, place_of(runtime), PROOF, ticket=ticket_of(request), answer=answer)
            token = await sessions.prove(conn, desk.signed, factors=2)
    except Unauthenticated as problem:
        return await page(desk, problem=problem, at="proof")
    return Redirect(HOME, status_code=303, cookies=[visitor.session_cookie(request, token)])


@post(HOME + "/passkeys/options", status_code=200)
async def ask_for_new(
    request: AnyRequest, visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[str]:
    """What an authenticator is to make."""
    person = visit.person
    need_own_proof(visit.signed)
    async with runtime.main.acquire() as conn:
        known = await passkey_store.list_of(conn, person_id=person.id)
    question = await passkeys.ask_to_register(
        vault, place_of(runtime), person_id=person.id, mail=person.mail, name=person.name, known=known
    )
    return asked(request, question)


@post(HOME + "/passkeys", status_code=303)
async def add(
    request: AnyRequest, visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault],
    sessions: Given[Sessions],
) -> Response[Any]:  # fmt: skip
    """One more; other browsers are signed out, as when any credential changes."""
    desk = Desk(runtime, vault, sessions, visit)
    typed = read_form(body, ("passkey", "passkey_name"))
    try:
        need_own_proof(desk.signed)
        async with runtime.main.acquire() as conn, conn.transaction():
            await passkeys.refuse_too_many(conn, person_id=desk.person.id)
            made = await passkeys.read_new(
                conn, vault, place_of(runtime), ticket=ticket_of(request), answer=typed["passkey"],
                person_id=desk.person.id, name=typed["passkey_name"] or visitor.place_of(request).browser,
            )  # fmt: skip
            await passkeys.put(conn, vault, person_id=desk.person.id, passkey=made)
            token = await security.secured(desk, conn, "passkey_added", factors=2)
    except (Invalid, NotAllowed, Conflict) as problem:
        return await page(desk, problem=problem, at="passkeys")
    return Redirect(f"{HOME}?done=passkey", status_code=303, cookies=[visitor.session_cookie(request, token)])


@post(HOME + "/passkeys/{passkey:str}/remove", status_code=303)
async def remove(
    passkey: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault],
    sessions: Given[Sessions],
) -> Response[Any]:  # fmt: skip
    """But never the last thing somebody can sign in with."""
    desk = Desk(runtime, vault, sessions, visit)
    passkey_id = ids.parse(PREFIX, passkey, param="passkey")
    try:
        need_own_proof(desk.signed)
        async with runtime.main.acquire() as conn, conn.transaction():
            if await passkeys.remove(conn, person_id=desk.person.id, passkey_id=passkey_id):
                await note(desk, conn, Action.MEMBER_SECURED, facts={"what": "passkey_removed"})
    except (NotAllowed, Conflict) as problem:
        return await page(desk, problem=problem, at="passkeys")
    return Redirect(f"{HOME}?done=passkey_removed", status_code=303)


routes = [
    ask_to_sign_in,
    sign_in_by_passkey,
    ask_to_prove,
    prove_by_passkey,
    ask_for_new,
    add,
    remove,
]
