"""To take a list of messages away as a file: asked here, written by a worker, fetched for a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect, Stream

from sendigopro.accounts.roles import Permission
from sendigopro.console.export_job import TABLE, frames_of
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.message_filter import Chip, read_filter
from sendigopro.console.reveal import reveal
from sendigopro.console.visit import Visit
from sendigopro.foundation import clock, ids, strict_query
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Conflict, Invalid, Problem
from sendigopro.foundation.randomness import random_bytes
from sendigopro.messages import export_store
from sendigopro.messages.export_store import Export
from sendigopro.runtime import Runtime
from sendigopro.vault.sealing import UnreadableError
from sendigopro.vault.vault import Vault

HOME: Final = "/console/exports"
PREFIX: Final = "exp"
KEPT: Final = timedelta(hours=24)
EXPORTS_MAX: Final = 20
KEY_BYTES: Final = 32
FORMATS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}
PERSONAL: Final = {"subjects": Permission.READ_SUBJECTS, "bodies": Permission.READ_BODIES}


@dataclass(frozen=True, slots=True)
class Line:
    """An export as its member sees it."""

    id: str
    format: str
    state: str
    done: int
    reached: datetime | None
    is_cut: bool
    created_at: datetime
    ends_at: datetime
    columns: str
    chips: list[Chip]


@get(HOME)
async def show(
    request: Request[Any, Any, Any], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """What was asked, how far it is, and a form for the filters in the address."""
    visit.need(Permission.READ_MESSAGES)
    return await page(runtime, vault, visit, asked=request.scope["query_string"].decode("latin-1"))


@post(HOME, status_code=303)
async def ask(visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]) -> Response[Any]:
    """Numbers and texts are in it for who may see them, and only when they ask."""
    visit.need(Permission.READ_MESSAGES)
    form = read_form(body, ("query", "format", *PERSONAL))
    wanted = {name for name in PERSONAL if form[name]}
    for name in wanted:
        visit.need(PERSONAL[name])
    chosen = read_filter(form["query"])
    try:
        chosen.query()
        check_format(form["format"])
        is_personal = bool(wanted) or "recipient" in chosen.values
        export = await new_export(
            vault, visit, query=chosen.query_string, kind=form["format"], wanted=wanted, is_personal=is_personal
        )
        await keep(runtime, export)
    except (Invalid, Conflict) as problem:
        return await page(runtime, vault, visit, asked=form["query"], problem=problem)
    return Redirect(HOME, status_code=303)


def check_format(kind: str) -> None:
    if kind not in FORMATS:
        raise Invalid("invalid_format", "Choose CSV or JSON lines.", param="format")


async def keep(runtime: Runtime, export: Export) -> None:
    async with as_account(runtime.door, export.account_id) as conn:
        if not await export_store.insert_export(conn, export, at_most=EXPORTS_MAX):
            raise Conflict("too_many_exports", f"You have {EXPORTS_MAX} exports. They end after a day; ask again then.")


async def new_export(
    vault: Vault, visit: Visit, *, query: str, kind: str, wanted: set[str], is_personal: bool
) -> Export:
    account_id, export_id, now = visit.account_id, ids.new(), clock.now()
    return Export(
        account_id, visit.signed.person_id, export_id, visit.mode, kind, "subjects" in wanted, "bodies" in wanted,
        is_personal, "waiting",
        await vault.seal_account(account_id, TABLE, "query", export_id, query.encode()),
        await vault.seal_account(account_id, TABLE, "key", export_id, random_bytes(KEY_BYTES)),
        0, None, is_cut=False, created_at=now, ends_at=now + KEPT,
    )  # fmt: skip


@post(HOME + "/{export:str}/download", status_code=200)
async def download(
    export: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """The file. What is personal in it is shown by this, so the audit log is told first."""
    visit.need(Permission.READ_MESSAGES)
    found = await theirs(runtime, visit, export)
    if found.state != "ready":
        raise Conflict("not_ready", "This export is not ready, or has ended. Look at the list of exports.")
    wanted = [PERSONAL[name] for name, has in (("subjects", found.with_subjects), ("bodies", found.with_bodies)) if has]
    for permission in wanted:
        visit.need(permission)
    try:
        frames = await frames_of(vault, found, runtime.settings.exports_folder)
    except (UnreadableError, OSError):
        raise Conflict("export_gone", "The file is gone. Ask for the export again.") from None
    if wanted:
        await reveal(runtime, visit, wanted=wanted, target=export, shown=found.done)
    name = f"messages-{visit.mode_name}-{found.created_at:%Y-%m-%d}.{found.format}"
    headers = {
        "cache-control": "no-store", "content-disposition": f'attachment; filename="{name}"',
        "x-content-type-options": "nosniff",
    }  # fmt: skip
    return Stream(frames, media_type=FORMATS[found.format], headers=headers)


@post(HOME + "/{export:str}/delete", status_code=303)
async def delete(export: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime]) -> Response[Any]:
    """Its key goes at once, its file with the next sweep."""
    visit.need(Permission.READ_MESSAGES)
    found = await theirs(runtime, visit, export)
    async with as_account(runtime.door, visit.account_id) as conn:
        await export_store.end_export(conn, account_id=visit.account_id, person_id=found.person_id, export_id=found.id)
    return Redirect(HOME, status_code=303)


async def theirs(runtime: Runtime, visit: Visit, text: str) -> Export:
    """Of who looks, in the mode in view, and not over; or 404."""
    export_id: UUID = strict_query.path_id(PREFIX, text)
    async with as_account(runtime.door, visit.account_id) as conn:
        found = await export_store.read_export(
            conn, account_id=visit.account_id, person_id=visit.signed.person_id, export_id=export_id
        )
    if found is None or found.mode != visit.mode or found.ends_at <= clock.now():
        raise strict_query.not_found(PREFIX)
    return found


async def page(
    runtime: Runtime, vault: Vault, visit: Visit, *, asked: str, problem: Problem | None = None
) -> Response[Any]:
    async with as_account(runtime.door, visit.account_id) as conn:
        exports = await export_store.list_exports(
            conn, account_id=visit.account_id, person_id=visit.signed.person_id, mode=visit.mode, now=clock.now()
        )
    lines = [await line_of(vault, one) for one in exports]
    chosen = read_filter(asked)
    return framed(
        visit, "exports.html", problem=problem, lines=lines, chosen=chosen,
        may={name: visit.may(permission) for name, permission in PERSONAL.items()},
        is_working=any(one.state == "waiting" for one in lines),
    )  # fmt: skip


async def line_of(vault: Vault, one: Export) -> Line:
    chips: list[Chip] = []
    if one.query is not None:
        asked = (await vault.open_account(one.account_id, TABLE, "query", one.id, one.query)).decode()
        # A number in it is somebody's: this page masks nothing, so it does not say which.
        chips = [Chip(c.label, "one" if c.label == "Number" else c.value, "") for c in read_filter(asked).chips]
    columns = " and ".join(name for name, has in (("numbers", one.with_subjects), ("texts", one.with_bodies)) if has)
    return Line(
        ids.typed(PREFIX, one.id), one.format, one.state, one.done, one.reached, one.is_cut, one.created_at,
        one.ends_at, columns or "masked", chips,
    )  # fmt: skip


routes = [show, ask, download, delete]
