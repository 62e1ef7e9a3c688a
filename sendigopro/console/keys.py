"""The pages of an account's API keys: which there are, making one, where it may be used from, and its end."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts import keys, store
from sendigopro.accounts.model import PURPOSES, ListedKey, check_networks
from sendigopro.accounts.roles import Permission
from sendigopro.accounts.sessions import need_proof
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.key_form import PERSONAL, Checked, Typed, checked, choices, fresh, read_typed, sample
from sendigopro.console.visit import Visit
from sendigopro.foundation import ids, strict_query
from sendigopro.foundation.postgres import DuplicateKeyError, as_account
from sendigopro.foundation.problems import Conflict, Invalid, NotAllowed, Problem
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = "/console/keys"
PREFIX = "key"


@dataclass(frozen=True, slots=True)
class Line:
    """A key as the pages show it."""

    id: str
    name: str
    key: ListedKey

    @property
    def is_personal(self) -> bool:
        """Whether it opens personal data."""
        return any(scope in ("subjects.read", "bodies.read", "recordings.play") for scope in self.key.scopes)


@get(HOME)
async def show(visit: Given[Visit], runtime: Given[Runtime], vault: Given[Vault]) -> Response[str]:
    """Those of the mode in view, the newest first; what was revoked stands at the end."""
    visit.need(Permission.READ_KEYS)
    found = await lines(visit, runtime, vault)
    return framed(visit, "keys.html", lines=sorted(found, key=lambda one: one.key.revoked_at is not None))


@get(HOME + "/new")
async def show_form(visit: Given[Visit]) -> Response[str]:
    visit.need(Permission.WRITE_KEYS)
    return form(visit, fresh())


@post(HOME, status_code=200)
async def make(visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]) -> Response[str]:
    """Make one, and show it: here and now, and never again."""
    visit.need(Permission.WRITE_KEYS)
    typed = read_typed(body)
    try:
        need_proof(visit.signed)
        wanted = checked(typed, visit)
        token = await made(visit, runtime, vault, wanted)
    except (Invalid, NotAllowed) as problem:
        return form(visit, typed, problem=problem)
    except DuplicateKeyError:
        twice = Conflict(
            "sent_twice", "This form was sent before, and made its key then. It is shown once only: if you have not"
            " kept it, revoke it and make another.",
        )  # fmt: skip
        return form(visit, fresh(), problem=twice)
    line = sample(runtime.settings.url, token, mode=visit.mode, scopes=wanted.scopes)
    return framed(visit, "key_made.html", token=token, sample=line, id=ids.typed(PREFIX, wanted.key_id))


async def made(visit: Visit, runtime: Runtime, vault: Vault, wanted: Checked) -> str:
    account_id, name = visit.account_id, None
    if wanted.name:
        name = await vault.seal_account(account_id, "api_keys", "name", wanted.key_id, wanted.name.encode())
    async with as_account(runtime.door, account_id) as conn:
        new = await keys.create_key(
            conn, account_id=account_id, mode=visit.mode, scopes=wanted.scopes, purpose=wanted.purpose,
            rate_per_second=wanted.rate_per_second, by=visit.by, key_id=wanted.key_id, name=name,
            networks=wanted.networks,
        )  # fmt: skip
    return new.token


@get(HOME + "/{key:str}")
async def show_one(
    key: FromPath[str], visit: Given[Visit], runtime: Given[Runtime], vault: Given[Vault]
) -> Response[str]:
    visit.need(Permission.READ_KEYS)
    return one_page(visit, await line_of(visit, runtime, vault, key))


@post(HOME + "/{key:str}/networks", status_code=303)
async def set_networks(
    key: FromPath[str], visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """From where it may be used, from its next request on."""
    visit.need(Permission.WRITE_KEYS)
    typed = read_form(body, ("networks",))["networks"]
    line = await line_of(visit, runtime, vault, key)
    try:
        need_proof(visit.signed)
        networks = check_networks(typed)
    except (Invalid, NotAllowed) as problem:
        return one_page(visit, line, networks=typed, problem=problem)
    async with as_account(runtime.door, visit.account_id) as conn:
        await keys.limit_key(conn, account_id=visit.account_id, key_id=line.key.id, networks=networks, by=visit.by)
    return Redirect(f"{HOME}/{line.id}", status_code=303)


@post(HOME + "/{key:str}/revoke", status_code=303)
async def revoke(
    key: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """It opens nothing more."""
    visit.need(Permission.WRITE_KEYS)
    line = await line_of(visit, runtime, vault, key)
    try:
        need_proof(visit.signed)
    except NotAllowed as problem:
        return one_page(visit, line, problem=problem)
    async with as_account(runtime.door, visit.account_id) as conn:
        await keys.revoke_key(conn, account_id=visit.account_id, key_id=line.key.id, by=visit.by)
    return Redirect(HOME, status_code=303)


def form(visit: Visit, typed: Typed, *, problem: Problem | None = None) -> Response[str]:
    return framed(
        visit, "key_form.html", typed=typed, groups_of_scopes=choices(visit), personal=PERSONAL, purposes=PURPOSES,
        problem=problem,
    )  # fmt: skip


def one_page(visit: Visit, line: Line, *, networks: str | None = None, problem: Problem | None = None) -> Response[str]:
    typed = "\n".join(map(str, line.key.networks)) if networks is None else networks
    return framed(visit, "key.html", line=line, networks=typed, problem=problem)


async def lines(visit: Visit, runtime: Runtime, vault: Vault) -> list[Line]:
    """The keys of the mode in view, the newest first."""
    async with as_account(runtime.door, visit.account_id) as conn:
        found = await store.list_keys(conn, account_id=visit.account_id)
    return [await line(vault, visit.account_id, one) for one in reversed(found) if one.mode == visit.mode]


async def line(vault: Vault, account_id: UUID, key: ListedKey) -> Line:
    name = ""
    if key.name is not None:
        name = (await vault.open_account(account_id, "api_keys", "name", key.id, key.name)).decode()
    return Line(ids.typed(PREFIX, key.id), name, key)


async def line_of(visit: Visit, runtime: Runtime, vault: Vault, key: str) -> Line:
    """One of them, or 404."""
    wanted = strict_query.path_id(PREFIX, key)
    async with as_account(runtime.door, visit.account_id) as conn:
        found = await store.list_keys(conn, account_id=visit.account_id)
    one = next((one for one in found if one.id == wanted), None)
    if one is None:
        raise strict_query.not_found(PREFIX)
    return await line(vault, visit.account_id, one)


routes = [show, show_form, make, show_one, set_networks, revoke]
