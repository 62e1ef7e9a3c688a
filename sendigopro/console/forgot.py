"""The pages for who has forgotten a password."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import RawBody
from litestar.response import Redirect

from sendigopro.accounts import forgotten, mails
from sendigopro.accounts.people import read_mail
from sendigopro.console import new_credential, visitor
from sendigopro.console.forms import html, read_form, refuse_foreign
from sendigopro.console.visitor import SIGN_IN
from sendigopro.foundation.problems import Invalid, Problem, TooMany, Unauthenticated
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME, RESET = mails.FORGOT_PATH, mails.RESET_PATH

AnyRequest = Request[Any, Any, Any]


@get(HOME)
async def show(runtime: Given[Runtime]) -> Response[str]:
    """The form, or whom to ask where no mail can be sent."""
    return form(runtime, "")


@post(HOME, status_code=200)
async def ask(request: AnyRequest, *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]) -> Response[str]:
    """The same page for every address."""
    refuse_foreign(request, runtime)
    typed = read_form(body, ("email",))["email"]
    if not runtime.settings.sends_mail:
        return form(runtime, typed)
    try:
        mail = read_mail(typed)
        await forgotten.ask(runtime.main, vault, mail=mail, url=runtime.settings.url, peer=visitor.peer_of(request))
    except (Invalid, TooMany) as problem:
        return form(runtime, typed, problem=problem)
    return html("check_mail.html", mail=mail, again=HOME, life="an hour")


@get(RESET)
async def show_reset(request: AnyRequest, runtime: Given[Runtime], vault: Given[Vault]) -> Response[str]:
    """What the link opens; nothing is done by opening it."""
    token = request.query_params.get("token", "")
    try:
        async with runtime.main.acquire() as conn, conn.transaction():
            person = await forgotten.find(conn, vault, token)
    except Unauthenticated as problem:
        return over(problem)
    return reset_page(token, person.mail)


@post(RESET, status_code=303)
async def reset(request: AnyRequest, *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]) -> Response[Any]:
    """The new password; then everybody signs in anew."""
    refuse_foreign(request, runtime)
    typed = read_form(body, ("token", "password"))
    try:
        async with runtime.main.acquire() as conn, conn.transaction():
            person = await forgotten.find(conn, vault, typed["token"])
    except Unauthenticated as problem:
        return over(problem)
    try:
        password = await new_credential.read_password(typed["password"], about=[person.mail, person.name])
        async with runtime.main.acquire() as conn, conn.transaction():
            await forgotten.reset(conn, vault, token=typed["token"], password=password, url=runtime.settings.url)
    except Invalid as problem:
        return reset_page(typed["token"], person.mail, problem=problem)
    except Unauthenticated as problem:
        return over(problem)
    return Redirect(f"{SIGN_IN}?done=reset", status_code=303, cookies=[visitor.gone(request, visitor.SESSION)])


def form(runtime: Runtime, typed: str, *, problem: Problem | None = None) -> Response[str]:
    status = 200 if problem is None else int(problem.status)
    return html("forgot.html", status=status, mail=typed, sends_mail=runtime.settings.sends_mail, problem=problem)


def reset_page(token: str, mail: str, *, problem: Problem | None = None) -> Response[str]:
    status = 200 if problem is None else int(problem.status)
    return html("reset.html", status=status, token=token, mail=mail, problem=problem)


def over(problem: Problem) -> Response[str]:
    return html("link_over.html", status=int(problem.status), problem=problem, kind="reset")


routes = [show, ask, show_reset, reset]
