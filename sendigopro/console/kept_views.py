"""Lists of messages that a member has given a name, to be opened again."""

from dataclasses import dataclass
from typing import Any, Final

from litestar import Response, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts.roles import Permission
from sendigopro.console import views_store
from sendigopro.console.forms import read_form
from sendigopro.console.message_filter import Filter, read_filter
from sendigopro.console.views_store import StoredView
from sendigopro.console.visit import Visit
from sendigopro.foundation import ids, strict_query
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Conflict, Invalid
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME: Final = "/console/messages"
TABLE: Final = "saved_views"
PREFIX: Final = "sv"
VIEWS_MAX: Final = 50
NAME_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class View:
    """A view as its member sees it."""

    id: str
    name: str
    query: str


async def read(runtime: Runtime, vault: Vault, visit: Visit) -> list[View]:
    """All of who looks."""
    account_id = visit.account_id
    async with as_account(runtime.door, account_id) as conn:
        stored = await views_store.list_views(
            conn, account_id=account_id, person_id=visit.signed.person_id, limit=VIEWS_MAX
        )
    return [
        View(
            ids.typed(PREFIX, one.id),
            (await vault.open_account(account_id, TABLE, "name", one.id, one.name)).decode(),
            (await vault.open_account(account_id, TABLE, "query", one.id, one.query)).decode(),
        )
        for one in stored
    ]


@post(HOME + "/views", status_code=303)
async def save(visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]) -> Response[Any]:
    """Keep the filters in view under a name, without a number."""
    visit.need(Permission.READ_MESSAGES)
    form = read_form(body, ("name", "query"))
    name, chosen = read_name(form["name"]), kept_part(form["query"])
    account_id, view_id = visit.account_id, ids.new()
    view = StoredView(
        view_id,
        await vault.seal_account(account_id, TABLE, "name", view_id, name.encode()),
        await vault.seal_account(account_id, TABLE, "query", view_id, chosen.query_string.encode()),
    )
    async with as_account(runtime.door, account_id) as conn:
        is_kept = await views_store.insert_view(
            conn, view, account_id=account_id, person_id=visit.signed.person_id, at_most=VIEWS_MAX
        )
    if not is_kept:
        raise Conflict("too_many_views", f"You have {VIEWS_MAX} saved views. Delete one first.")
    return Redirect(f"{HOME}?{chosen.query_string}", status_code=303)


@post(HOME + "/views/{view:str}/rename", status_code=303)
async def rename(
    view: FromPath[str], visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """Call it otherwise."""
    visit.need(Permission.READ_MESSAGES)
    account_id, view_id = visit.account_id, strict_query.path_id(PREFIX, view)
    name = read_name(read_form(body, ("name",))["name"])
    sealed = await vault.seal_account(account_id, TABLE, "name", view_id, name.encode())
    async with as_account(runtime.door, account_id) as conn:
        is_theirs = await views_store.rename_view(
            conn, account_id=account_id, person_id=visit.signed.person_id, view_id=view_id, name=sealed
        )
    if not is_theirs:
        raise strict_query.not_found(PREFIX)
    return Redirect(HOME, status_code=303)


@post(HOME + "/views/{view:str}/delete", status_code=303)
async def delete(view: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime]) -> Response[Any]:
    """The name goes; the messages stay."""
    visit.need(Permission.READ_MESSAGES)
    account_id, view_id = visit.account_id, strict_query.path_id(PREFIX, view)
    async with as_account(runtime.door, account_id) as conn:
        is_theirs = await views_store.delete_view(
            conn, account_id=account_id, person_id=visit.signed.person_id, view_id=view_id
        )
    if not is_theirs:
        raise strict_query.not_found(PREFIX)
    return Redirect(HOME, status_code=303)


def kept_part(query: str) -> Filter:
    """The filters without the number, each of which means something."""
    chosen = read_filter(read_filter(query).kept)
    chosen.query()
    return chosen


def read_name(text: str) -> str:
    name = " ".join(text.split())
    if not 1 <= len(name) <= NAME_MAX:
        raise Invalid("invalid_name", f"A saved view needs a name of 1 to {NAME_MAX} characters.", param="name")
    return name


routes = [save, rename, delete]
