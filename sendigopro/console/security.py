"""The page on which somebody looks after their own sign-in: password, authenticator, where they are signed in."""

from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import RawBody
from litestar.response import Redirect

from sendigopro.accounts import passkey_store, passkeys, people, people_store, second_factor
from sendigopro.accounts import store as accounts
from sendigopro.accounts.create import name_of
from sendigopro.accounts.member_log import by_member, note_member
from sendigopro.accounts.passwords import check_password, hash_password, is_right
from sendigopro.accounts.people import Membership, Person
from sendigopro.accounts.people_store import StoredPerson
from sendigopro.accounts.sessions import Sessions, Signed, need_own_proof, need_proof
from sendigopro.accounts.sign_in import SignIn, read, written
from sendigopro.audit.model import Action, Facts
from sendigopro.console import visitor
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.new_credential import has_passkeys
from sendigopro.console.visit import Visit
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Conn, as_account
from sendigopro.foundation.problems import Invalid, NotAllowed, NotFound, Problem, Unauthenticated
from sendigopro.runtime import Runtime
from sendigopro.vault.sealing import UnreadableError
from sendigopro.vault.vault import Vault

HOME = "/console/security"
PENDING = ("people", "totp_pending")
"""A secret that is not proved yet goes to the browser and back sealed: nothing is stored for who does not finish."""

DONE = {
    "password": "Your password is changed. You are signed out everywhere else.",
    "passkey": "The passkey is added. You are signed out everywhere else.",
    "passkey_removed": "The passkey is removed. Remove it from your device as well.",
    "removed": "The authenticator is off, and its codes on paper are worth nothing.",
    "sessions": "Signed out there.",
}
"""What the address of the page says was done."""

AnyRequest = Request[Any, Any, Any]


@dataclass(slots=True)
class Desk:
    """Who looks at the page, and what it is made from."""

    runtime: Runtime
    vault: Vault
    sessions: Sessions
    visit: Visit

    @property
    def signed(self) -> Signed:
        return self.visit.signed

    @property
    def person(self) -> Person:
        return self.visit.person


@get(HOME)
async def show(
    request: AnyRequest, visit: Given[Visit], runtime: Given[Runtime], vault: Given[Vault], sessions: Given[Sessions]
) -> Response[Any]:
    """Everything of one's own sign-in."""
    desk = Desk(runtime, vault, sessions, visit)
    return await page(desk, done=DONE.get(request.query_params.get("done", ""), ""))


@post(HOME + "/proof", status_code=303)
async def prove(
    request: AnyRequest, visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault],
    sessions: Given[Sessions], way_in: Given[SignIn],
) -> Response[Any]:  # fmt: skip
    """Show the password once more: ten minutes for what is dangerous, under a new token."""
    desk = Desk(runtime, vault, sessions, visit)
    typed = read_form(body, ("password",))
    try:
        await way_in.check_own_password(
            await stored_of(desk), desk.person.mail, typed["password"], peer=visitor.peer_of(request)
        )
    except Problem as problem:
        return await page(desk, problem=problem, at="proof")
    async with runtime.main.acquire() as conn:
        token = await sessions.prove(conn, desk.signed, factors=desk.signed.factors)
    return Redirect(HOME, status_code=303, cookies=[visitor.session_cookie(request, token)])


@post(HOME + "/password", status_code=303)
async def change_password(
    request: AnyRequest,
    visit: Given[Visit],
    *,
    body: RawBody,
    runtime: Given[Runtime],
    vault: Given[Vault],
    sessions: Given[Sessions],
) -> Response[Any]:
    """A new one; every other browser is signed out."""
    desk = Desk(runtime, vault, sessions, visit)
    typed = read_form(body, ("password", "again"))
    try:
        need_own_proof(desk.signed)
        await check_new_password(desk, typed["password"], again=typed["again"])
    except (Invalid, NotAllowed) as problem:
        return await page(desk, problem=problem, at="password")
    password_hash = await hash_password(typed["password"])
    async with runtime.main.acquire() as conn, conn.transaction():
        await people_store.set_password(conn, person_id=desk.person.id, password_hash=password_hash)
        token = await secured(desk, conn, "password", factors=desk.signed.factors)
    return Redirect(f"{HOME}?done=password", status_code=303, cookies=[visitor.session_cookie(request, token)])


@post(HOME + "/authenticator", status_code=200)
async def begin_authenticator(
    visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault], sessions: Given[Sessions]
) -> Response[Any]:
    """Show a picture to scan."""
    desk = Desk(runtime, vault, sessions, visit)
    try:
        need_own_proof(desk.signed)
    except NotAllowed as problem:
        return await page(desk, problem=problem, at="authenticator")
    return await authenticator_page(desk, second_factor.new_secret())


@post(HOME + "/authenticator/confirm", status_code=200)
async def confirm_authenticator(
    request: AnyRequest,
    visit: Given[Visit],
    *,
    body: RawBody,
    runtime: Given[Runtime],
    vault: Given[Vault],
    sessions: Given[Sessions],
) -> Response[Any]:
    """The first code proves it; then it is needed, and the codes on paper are shown, once."""
    desk = Desk(runtime, vault, sessions, visit)
    typed = read_form(body, ("pending", "code"))
    try:
        need_own_proof(desk.signed)
        secret = await read_pending(desk, typed["pending"])
    except (Invalid, NotAllowed) as problem:
        return await page(desk, problem=problem, at="authenticator")
    step = second_factor.step_of(secret, typed["code"], now=clock.now(), last_step=0)
    if step is None:
        wrong = Invalid("wrong_code", "This code is wrong. Is the clock of your phone right? Take the next one.")
        return await authenticator_page(desk, secret, problem=wrong)
    codes = second_factor.new_recovery_codes()
    async with runtime.main.acquire() as conn, conn.transaction():
        sealed = await people.seal_totp_secret(vault, desk.person.id, secret)
        await people_store.set_totp(conn, person_id=desk.person.id, secret=sealed, step=step)
        await people_store.replace_recovery_codes(
            conn, person_id=desk.person.id, hashes=[second_factor.recovery_hash(code) for code in codes]
        )
        token = await secured(desk, conn, "authenticator", factors=2)
    shown = framed(desk.visit, "recovery_codes.html", codes=codes, person=desk.person)
    shown.set_cookie(visitor.session_cookie(request, token))
    return shown


@post(HOME + "/authenticator/remove", status_code=303)
async def remove_authenticator(
    visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault], sessions: Given[Sessions]
) -> Response[Any]:
    """And the codes on paper with it."""
    desk = Desk(runtime, vault, sessions, visit)
    try:
        need_own_proof(desk.signed)
    except NotAllowed as problem:
        return await page(desk, problem=problem, at="authenticator")
    async with runtime.main.acquire() as conn, conn.transaction():
        await people_store.set_totp(conn, person_id=desk.person.id, secret=None, step=0)
        await people_store.replace_recovery_codes(conn, person_id=desk.person.id, hashes=[])
        await note(desk, conn, Action.MEMBER_SECURED, facts={"what": "authenticator_removed"})
    return Redirect(f"{HOME}?done=removed", status_code=303)


@post(HOME + "/sessions/end", status_code=303)
async def end_sessions(
    visit: Given[Visit],
    *,
    body: RawBody,
    runtime: Given[Runtime],
    vault: Given[Vault],
    sessions: Given[Sessions],
) -> Response[Any]:
    """One, or all others."""
    desk = Desk(runtime, vault, sessions, visit)
    wanted = read_form(body, ("session",))["session"]
    chosen = None if wanted == "others" else [ids.parse("ses", wanted, param="session")]
    async with runtime.main.acquire() as conn, conn.transaction():
        ended = await sessions.end(conn, person_id=desk.person.id, ids=chosen, but=desk.signed.session_id)
        if ended:
            await note(desk, conn, Action.SESSION_ENDED, facts={"sessions": ended})
    return Redirect(f"{HOME}?done=sessions", status_code=303)


@post(HOME + "/account", status_code=303)
async def view_account(
    visit: Given[Visit],
    *,
    body: RawBody,
    runtime: Given[Runtime],
    vault: Given[Vault],
    sessions: Given[Sessions],
) -> Response[Any]:
    """Turn to another account one works for."""
    desk = Desk(runtime, vault, sessions, visit)
    wanted = ids.parse("acc", read_form(body, ("account",))["account"], param="account")
    async with runtime.main.acquire() as conn, conn.transaction():
        is_theirs = await people_store.view_account(
            conn, person_id=desk.person.id, session_id=desk.signed.session_id, account_id=wanted
        )
        if not is_theirs:
            raise NotFound("account_not_found", "You belong to no such account.", param="account")
        await note_member(
            conn, vault, Action.SESSION_STARTED, account_id=wanted, person_id=desk.person.id,
            by=by_member(desk.person.id),
            facts={"session": ids.typed("ses", desk.signed.session_id), "factors": desk.signed.factors},
        )  # fmt: skip
    return Redirect(HOME, status_code=303)


# Parts


async def stored_of(desk: Desk) -> StoredPerson:
    async with desk.runtime.main.acquire() as conn:
        stored = await people_store.read_person(conn, person_id=desk.signed.person_id)
    if stored is None:
        raise Unauthenticated("signed_out", "You are not signed in, or no longer. Sign in again.")
    return stored


async def secured(desk: Desk, conn: Conn, what: str, *, factors: int) -> str:
    """A credential was changed: everybody else is signed out, and this browser gets the new token."""
    await desk.sessions.end(conn, person_id=desk.person.id, ids=None, but=desk.signed.session_id)
    token = await desk.sessions.prove(conn, desk.signed, factors=factors)
    await note(desk, conn, Action.MEMBER_SECURED, facts={"what": what})
    return token


async def note(desk: Desk, conn: Conn, action: Action, *, facts: Facts) -> None:
    """In the audit log of the account in view, with the change itself."""
    person_id = desk.person.id
    await note_member(
        conn, desk.vault, action, account_id=desk.signed.account_id, person_id=person_id, by=by_member(person_id),
        facts=facts,
    )  # fmt: skip


async def check_new_password(desk: Desk, password: str, *, again: str) -> None:
    """Raise `Invalid` that says what is wrong with it."""
    check_password(password, about=[desk.person.mail, desk.person.name])
    if password != again:
        raise Invalid("not_the_same", "The two are not the same. Type the new password twice.", param="again")
    if await is_right(password, (await stored_of(desk)).password_hash):
        raise Invalid("same_password", "That is the password you have. Choose another.", param="password")


async def page(desk: Desk, *, problem: Problem | None = None, at: str = "", done: str = "") -> Response[str]:
    async with desk.runtime.main.acquire() as conn:
        known = await passkey_store.list_of(conn, person_id=desk.person.id)
        codes_left = await people_store.count_recovery_codes(conn, person_id=desk.person.id)
        works_for = await people.memberships(conn, person_id=desk.person.id)
    listed = await desk.sessions.list(desk.signed)
    try:
        need_proof(desk.signed)
        is_proved = True
    except NotAllowed:
        is_proved = False
    return framed(
        desk.visit,
        "security.html",
        person=desk.person,
        role=desk.signed.role,
        accounts=[await seen_account(desk, one) for one in works_for],
        sessions=[(ids.typed("ses", one.id), one) for one in listed],
        codes_left=codes_left,
        passkeys=[(ids.typed(passkeys.PREFIX, one.id), await passkeys.name_of(desk.vault, one), one) for one in known],
        has_passkeys=has_passkeys(desk.runtime),
        is_proved=is_proved,
        problem=problem,
        at=at,
        done=done,
    )


async def seen_account(desk: Desk, one: Membership) -> dict[str, object]:
    """An account as its member sees it."""
    async with as_account(desk.runtime.door, one.account_id) as conn:
        sealed = await accounts.read_name(conn, account_id=one.account_id)
    name = "" if sealed is None else await name_of(desk.vault, one.account_id, sealed)
    is_this = one.account_id == desk.signed.account_id
    return {"id": ids.typed("acc", one.account_id), "name": name, "role": one.role, "is_this": is_this}


async def authenticator_page(desk: Desk, secret: bytes, *, problem: Problem | None = None) -> Response[str]:
    sealed = await desk.vault.seal_account(desk.signed.account_id, *PENDING, desk.person.id, secret)
    return framed(
        desk.visit, "authenticator.html", person=desk.person,
        picture=second_factor.picture(second_factor.address(secret, mail=desk.person.mail)),
        spelt=second_factor.spelt(secret), pending=written(sealed), problem=problem,
    )  # fmt: skip


async def read_pending(desk: Desk, text: str) -> bytes:
    try:
        return await desk.vault.open_account(desk.signed.account_id, *PENDING, desk.person.id, read(text))
    except (ValueError, UnreadableError):
        raise Invalid("begin_again", "This page is too old. Begin with a new picture.") from None


routes = [
    show,
    prove,
    change_password,
    begin_authenticator,
    confirm_authenticator,
    remove_authenticator,
    end_sessions,
    view_account,
]
