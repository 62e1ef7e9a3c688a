"""The pages of signing in and out."""

from typing import Any
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import RawBody
from litestar.response import Redirect

from sendigopro.accounts import grants
from sendigopro.accounts.member_log import by_member, note_member
from sendigopro.accounts.people import read_mail
from sendigopro.accounts.sessions import Sessions
from sendigopro.accounts.sign_in import HALF_WAY_LIFE, SecondFactorNeeded, SignedIn, SignIn, read, written
from sendigopro.audit.model import Action
from sendigopro.console import visitor
from sendigopro.console.forms import html, read_form, refuse_foreign
from sendigopro.console.new_credential import has_passkeys
from sendigopro.console.visitor import DEVICE, HALF_WAY, SESSION, SIGN_IN, safe_next
from sendigopro.foundation.problems import Invalid, NotAllowed, Problem, TooMany, Unauthenticated
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

CODE = f"{SIGN_IN}/code"
DONE = {"reset": "Your password is changed, and every sign-in before is over. Sign in with the new one."}


@get(SIGN_IN)
async def show_sign_in(
    request: Request[Any, Any, Any], runtime: Given[Runtime], sessions: Given[Sessions]
) -> Response[Any]:
    """Who is signed in already goes on."""
    wanted = safe_next(request.query_params.get("next", "/console"))
    if await visitor.signed_in_or_none(request, sessions) is not None:
        return Redirect(wanted, status_code=303)
    return form(runtime, wanted, done=DONE.get(request.query_params.get("done", ""), ""))


@post(SIGN_IN, status_code=303)
async def sign_in(
    request: Request[Any, Any, Any], *, body: RawBody, runtime: Given[Runtime], way_in: Given[SignIn]
) -> Response[Any]:
    """First step: address and password."""
    refuse_foreign(request, runtime)
    typed = read_form(body, ("email", "password", "next"))
    wanted = safe_next(typed["next"])
    try:
        done = await way_in.by_password(
            mail=read_mail(typed["email"]), password=typed["password"], place=visitor.place_of(request),
            peer=visitor.peer_of(request), device=visitor.device_of(request),
        )  # fmt: skip
    except (Invalid, Unauthenticated, NotAllowed, TooMany) as problem:
        return form(runtime, wanted, mail=typed["email"], problem=problem)
    if isinstance(done, SecondFactorNeeded):
        ticket = f"{done.ticket}.{written(typed['email'].strip().encode())}"
        half_way = visitor.cookie(request, HALF_WAY, ticket, seconds=int(HALF_WAY_LIFE.total_seconds()))
        return Redirect(f"{CODE}?next={quote(wanted, safe='')}", status_code=303, cookies=[half_way])
    return let_in(request, done, wanted)


@get(CODE)
async def show_code(request: Request[Any, Any, Any]) -> Response[Any]:
    """Second step, for who has an authenticator."""
    wanted = safe_next(request.query_params.get("next", "/console"))
    if visitor.cookie_name(request, HALF_WAY) not in request.cookies:
        return Redirect(SIGN_IN, status_code=303)
    return html("sign_in_code.html", next=wanted, problem=None)


@post(CODE, status_code=303)
async def check_code(
    request: Request[Any, Any, Any], *, body: RawBody, runtime: Given[Runtime], way_in: Given[SignIn]
) -> Response[Any]:
    refuse_foreign(request, runtime)
    typed = read_form(body, ("code", "next"))
    wanted = safe_next(typed["next"])
    ticket, _, packed = request.cookies.get(visitor.cookie_name(request, HALF_WAY), "").partition(".")
    try:
        done = await way_in.by_code(
            ticket=ticket, code=typed["code"], mail=mail_in(packed), place=visitor.place_of(request),
            peer=visitor.peer_of(request), device=visitor.device_of(request),
        )  # fmt: skip
    except (Invalid, TooMany) as problem:
        return html("sign_in_code.html", status=problem.status, next=wanted, problem=problem)
    except (Unauthenticated, NotAllowed) as problem:
        return form(runtime, wanted, problem=problem)
    return let_in(request, done, wanted)


@post("/console/sign-out", status_code=303)
async def sign_out(
    request: Request[Any, Any, Any], *, runtime: Given[Runtime], vault: Given[Vault], sessions: Given[Sessions]
) -> Response[Any]:
    """Here; of other browsers the security page knows."""
    refuse_foreign(request, runtime)
    signed = await visitor.signed_in_or_none(request, sessions)
    if signed is not None and signed.guest is not None:
        async with runtime.main.acquire() as conn, conn.transaction():
            await grants.leave(
                conn, account_id=signed.account_id, person_id=signed.person_id, session_id=signed.session_id,
                grant_id=signed.guest.grant_id, how="signed_out",
            )  # fmt: skip
        signed = await visitor.signed_in_or_none(request, sessions)
    if signed is not None:
        async with runtime.main.acquire() as conn, conn.transaction():
            await sessions.end(conn, person_id=signed.person_id, ids=[signed.session_id])
            await note_member(
                conn, vault, Action.SESSION_ENDED, account_id=signed.account_id, person_id=signed.person_id,
                by=by_member(signed.person_id), facts={"sessions": 1},
            )  # fmt: skip
    return Redirect(SIGN_IN, status_code=303, cookies=[visitor.gone(request, SESSION)])


def form(
    runtime: Runtime, wanted: str, *, mail: str = "", problem: Problem | None = None, done: str = ""
) -> Response[str]:
    """The page again, with what was typed, but for the password."""
    status = 200 if problem is None else int(problem.status)
    return html(
        "sign_in.html", status=status, next=wanted, mail=mail, problem=problem, done=done,
        has_passkeys=has_passkeys(runtime), lets_sign_up=runtime.settings.lets_sign_up,
    )  # fmt: skip


def let_in(request: Request[Any, Any, Any], done: SignedIn, wanted: str) -> Response[Any]:
    cookies = [
        visitor.session_cookie(request, done.session.token),
        visitor.cookie(request, DEVICE, done.device, seconds=visitor.DEVICE_SECONDS),
        visitor.gone(request, HALF_WAY),
    ]
    return Redirect(wanted, status_code=303, cookies=cookies)


def mail_in(packed: str) -> str:
    """The address of the first step, as our own cookie kept it."""
    try:
        return read(packed).decode()
    except ValueError:
        return ""


routes = [show_sign_in, sign_in, show_code, check_code, sign_out]
