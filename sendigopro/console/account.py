"""The page of the account: its name, what it settled, from where it is opened, and its end."""

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import RawBody
from litestar.response import Redirect

from sendigopro.accounts import account_store, closing, networks
from sendigopro.accounts.account_store import Account
from sendigopro.accounts.create import check_name
from sendigopro.accounts.model import PURPOSES, check_purpose
from sendigopro.accounts.roles import Permission
from sendigopro.accounts.sessions import need_proof
from sendigopro.accounts.store import announce_change
from sendigopro.audit.model import Action
from sendigopro.audit.record import record
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Conflict, Invalid, NotAllowed, Problem, Unauthenticated
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = "/console/account"
ON_UNCLEAR: Final = {
    "hold": "Hold it: better none than twice",
    "resend": "Send it once more: better twice than none",
}
DONE: Final = {
    "saved": "Saved.",
    "networks": "The console is opened from these networks only, from the next request on.",
    "any": "The console is opened from anywhere.",
    "kept": "The account is kept. Its keys open again what they did.",
}


@get(HOME)
async def show(
    request: Request[Any, Any, Any], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[str]:
    visit.need(Permission.CHANGE_ACCOUNT)
    return await page(runtime, vault, visit, done=DONE.get(request.query_params.get("done", ""), ""))


@post(HOME, status_code=303)
async def save(visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]) -> Response[Any]:
    """Its name, and what holds where a message or a key does not say."""
    need_open(visit)
    typed = read_form(body, ("name", "on_unclear", "default_purpose"))
    try:
        check_name(typed["name"])
        check_purpose(typed["default_purpose"])
        check_policy(typed["on_unclear"])
    except Invalid as problem:
        return await page(runtime, vault, visit, typed=typed, problem=problem)
    name = typed["name"].strip()
    sealed = await vault.seal_account(visit.account_id, "accounts", "name", visit.account_id, name.encode())
    async with as_account(runtime.door, visit.account_id) as conn:
        await account_store.set_settings(
            conn, account_id=visit.account_id, name=sealed, on_unclear=typed["on_unclear"],
            default_purpose=typed["default_purpose"],
        )  # fmt: skip
        await announce_change(conn, what="keys")
        await record(
            conn, account_id=visit.account_id, actor=visit.by.actor, request_id=visit.by.request_id,
            action=Action.ACCOUNT_CHANGED,
            facts={"on_unclear": typed["on_unclear"], "default_purpose": typed["default_purpose"],
                   "is_renamed": name != visit.account_name},
        )  # fmt: skip
    return Redirect(f"{HOME}?done=saved", status_code=303)


@post(HOME + "/networks", status_code=303)
async def set_networks(
    visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """From where the console is opened; who sets it stays in."""
    need_open(visit)
    typed = read_form(body, ("networks",))
    try:
        need_proof(visit.signed)
        wanted = networks.read_networks(typed["networks"])
        async with as_account(runtime.door, visit.account_id) as conn:
            await networks.set_networks(
                conn, vault, account_id=visit.account_id, networks=wanted, peer=visit.peer, by=visit.by
            )
    except (Invalid, NotAllowed) as problem:
        return await page(runtime, vault, visit, typed=typed, problem=problem)
    return Redirect(f"{HOME}?done={'networks' if wanted else 'any'}", status_code=303)


@post(HOME + "/close", status_code=303)
async def close(visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]) -> Response[Any]:
    """Who knows its name, and has just shown a credential, may begin its end."""
    need_open(visit)
    typed = read_form(body, ("typed_name",))
    try:
        need_proof(visit.signed)
        check_typed_name(visit, typed["typed_name"])
        async with runtime.main.acquire() as conn:
            children = await account_store.count_children(conn, account_id=visit.account_id)
        async with as_account(runtime.door, visit.account_id) as conn:
            await closing.begin_closing(
                conn, account_id=visit.account_id, children=children, grace_days=runtime.settings.closing_days,
                by=visit.by,
            )  # fmt: skip
    except (Invalid, NotAllowed, Conflict) as problem:
        return await page(runtime, vault, visit, typed=typed, problem=problem)
    return Redirect(HOME, status_code=303)


@post(HOME + "/keep", status_code=303)
async def keep(visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]) -> Response[Any]:
    """Closing is undone, while there is time."""
    visit.need(Permission.CHANGE_ACCOUNT)
    try:
        need_proof(visit.signed)
        async with as_account(runtime.door, visit.account_id) as conn:
            await closing.undo_closing(conn, account_id=visit.account_id, by=visit.by)
    except (NotAllowed, Conflict) as problem:
        return await page(runtime, vault, visit, problem=problem)
    return Redirect(f"{HOME}?done=kept", status_code=303)


# Parts


def need_open(visit: Visit) -> None:
    """Nothing of an account that is being closed is changed, but for its end."""
    visit.need(Permission.CHANGE_ACCOUNT)
    if visit.closes_at is not None:
        raise NotAllowed("account_closing", "This account is being closed: it can be read, exported, and kept.")


def check_policy(word: str) -> None:
    if word not in ON_UNCLEAR:
        raise Invalid("invalid_on_unclear", "Choose what becomes of a message in doubt.", param="on_unclear")


def check_typed_name(visit: Visit, typed: str) -> None:
    if typed.strip() != visit.account_name:
        told = "This is not the account's name. Type it as it stands above."
        raise Invalid("not_its_name", told, param="typed_name")


async def page(
    runtime: Runtime, vault: Vault, visit: Visit, *, typed: dict[str, str] | None = None,
    problem: Problem | None = None, done: str = "",
) -> Response[str]:  # fmt: skip
    async with as_account(runtime.door, visit.account_id) as conn:
        account = await account_store.read_account(conn, account_id=visit.account_id)
    if account is None:
        raise Unauthenticated("signed_out", "You are not signed in, or no longer. Sign in again.")
    listed = await networks.open_networks(vault, account.id, account.networks)
    return framed(
        visit, "account.html", account=account, typed=shown(visit, account, listed) | (typed or {}), purposes=PURPOSES,
        policies=ON_UNCLEAR, networks=listed, grace_days=runtime.settings.closing_days, problem=problem, done=done,
    )  # fmt: skip


def shown(visit: Visit, account: Account, listed: list[str]) -> dict[str, str]:
    return {
        "name": visit.account_name, "on_unclear": account.on_unclear, "default_purpose": account.default_purpose,
        "networks": "\n".join(listed), "typed_name": "",
    }  # fmt: skip


routes = [show, save, set_networks, close, keep]
