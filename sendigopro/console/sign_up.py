"""The pages of signing up: what is asked, the mail, and the link in it."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import RawBody

from sendigopro.accounts import mails, passkeys, sign_up
from sendigopro.accounts.newcomers import factors_of
from sendigopro.accounts.sign_in import SignIn
from sendigopro.accounts.sign_up import SignUp
from sendigopro.accounts.store import announce_change
from sendigopro.channels import store as channels
from sendigopro.channels.model import Sender
from sendigopro.console import new_credential, visitor
from sendigopro.console.forms import html, read_form, refuse_foreign
from sendigopro.console.sign_in import let_in
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import as_owner
from sendigopro.foundation.problems import Conflict, Invalid, NotAllowed, Problem, TooMany, Unauthenticated
from sendigopro.messages.model import Channel
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = mails.SIGN_UP_PATH
CONFIRM = mails.CONFIRM_PATH
FIELDS = ("name", "email", "company", "job", "of_age")
FIRST_SENDER = "SendiGoPro"

AnyRequest = Request[Any, Any, Any]


@get(HOME)
async def show(runtime: Given[Runtime]) -> Response[str]:
    """The form, or why there is none."""
    return form(dict.fromkeys(FIELDS, "")) if runtime.settings.lets_sign_up else closed(runtime)


@post(HOME, status_code=200)
async def ask(request: AnyRequest, *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]) -> Response[str]:
    """The same page for every address that could be one."""
    refuse_foreign(request, runtime)
    if not runtime.settings.lets_sign_up:
        return closed(runtime)
    typed = read_form(body, FIELDS)
    try:
        wanted = sign_up.read_wanted(
            mail=typed["email"], name=typed["name"], company=typed["company"], job=typed["job"],
            is_of_age=bool(typed["of_age"]),
        )  # fmt: skip
        await sign_up.ask(runtime.main, vault, wanted, url=runtime.settings.url, peer=visitor.peer_of(request))
    except (Invalid, TooMany) as problem:
        return form(typed, problem=problem)
    return html("check_mail.html", mail=wanted.mail, again=HOME, life="a day")


@get(CONFIRM)
async def show_confirm(request: AnyRequest, runtime: Given[Runtime], vault: Given[Vault]) -> Response[str]:
    """What the link in the mail opens. Nothing is done by opening it: programs that scan mails do that too."""
    token = request.query_params.get("token", "")
    try:
        async with runtime.main.acquire() as conn:
            found = await sign_up.find(conn, vault, token)
    except Unauthenticated as problem:
        return over(problem)
    return confirm_page(runtime, found, token)


@post(CONFIRM + "/passkey", status_code=200)
async def ask_for_passkey(
    request: AnyRequest, *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[str]:
    """What an authenticator is to make."""
    refuse_foreign(request, runtime)
    place = new_credential.place_of(runtime)
    async with runtime.main.acquire() as conn:
        found = await sign_up.find(conn, vault, read_form(body, ("token", *new_credential.FIELDS))["token"])
    question = await passkeys.ask_to_register(
        vault, place, person_id=found.id, mail=found.wanted.mail, name=found.wanted.name
    )
    return new_credential.asked(request, question)


@post(CONFIRM, status_code=303)
async def confirm(
    request: AnyRequest, *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault], way_in: Given[SignIn]
) -> Response[Any]:
    """The person, their account and their first sign-in."""
    refuse_foreign(request, runtime)
    typed = read_form(body, ("token", *new_credential.FIELDS))
    token = typed["token"]
    try:
        async with runtime.main.acquire() as conn:
            found = await sign_up.find(conn, vault, token)
    except Unauthenticated as problem:
        return over(problem)
    wanted = found.wanted
    about = [wanted.mail, wanted.name, wanted.company]
    try:
        credential = await new_credential.read_credential(
            request, runtime, vault, typed, about=about, person_id=found.id
        )
        async with as_owner(runtime.settings.main("owner")) as conn:  # who else may make an account
            person_id, account_id = await sign_up.confirm(
                conn,
                vault,
                token=token,
                credential=credential,
                currency=runtime.settings.currency,
                go_live=runtime.settings.go_live,
            )
            await channels.add_sender(conn, Sender(account_id, ids.new(), Channel.SMS, FIRST_SENDER, is_default=True))
            await announce_change(conn, what="accounts")
    except Invalid as problem:
        return confirm_page(runtime, found, token, problem=problem)
    except (Unauthenticated, Conflict) as problem:
        return over(problem)
    done = await way_in.let_in(person_id, visitor.place_of(request), factors=factors_of(credential))
    return let_in(request, done, "/console")


def form(typed: dict[str, str], *, problem: Problem | None = None) -> Response[str]:
    status = 200 if problem is None else int(problem.status)
    return html("sign_up.html", status=status, typed=typed, problem=problem)


def confirm_page(runtime: Runtime, found: SignUp, token: str, *, problem: Problem | None = None) -> Response[str]:
    return html(
        "confirm.html", status=200 if problem is None else int(problem.status), wanted=found.wanted, token=token,
        has_passkeys=new_credential.has_passkeys(runtime), problem=problem,
    )  # fmt: skip


def over(problem: Problem) -> Response[str]:
    return html("link_over.html", status=int(problem.status), problem=problem, kind="sign_up")


def closed(runtime: Runtime) -> Response[str]:
    problem = NotAllowed("sign_up_closed", "Sign-up is closed here.")
    return html("sign_up_closed.html", status=int(problem.status), sends_mail=runtime.settings.sends_mail)


routes = [show, ask, show_confirm, ask_for_passkey, confirm]
