"""The page of the audit log: who changed what, by name, and the whole of it as a file that is verified offline."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.response import Stream

from sendigopro.accounts import people, people_store
from sendigopro.accounts.roles import Permission
from sendigopro.audit import store
from sendigopro.audit.model import Action, Actor, ActorKind, Head, Stored
from sendigopro.console.audit_view import Line, line_of, member_of
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Invalid, Problem
from sendigopro.privacy.audit_log import export
from sendigopro.privacy.desk import Desk
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = "/console/audit"
LINES: Final = 50
FILTERS: Final = ("action", "actor", "since", "until")


@get(HOME)
async def show(
    request: Request[Any, Any, Any], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[str]:
    """Newest first."""
    visit.need(Permission.READ_AUDIT)
    asked = {name: request.query_params.get(name, "") for name in (*FILTERS, "after")}
    try:
        found, head = await read(runtime, visit, asked)
    except Invalid as problem:
        return await page(runtime, vault, visit, asked=asked, found=[], head=Head(), problem=problem)
    return await page(runtime, vault, visit, asked=asked, found=found, head=head)


@post(HOME + "/export", status_code=200)
async def export_all(visit: Given[Visit], desk: Given[Desk]) -> Stream:
    """All of it, oldest first, closed by a signed head; that it was taken is an entry too, so it is a form."""
    visit.need(Permission.READ_AUDIT)
    head = await export.begin(desk, account_id=visit.account_id, by=visit.by)
    headers = {"Content-Disposition": 'attachment; filename="audit-log.ndjson"', "cache-control": "no-store"}
    lines = export.lines(desk, head, account_id=visit.account_id)
    return Stream(lines, media_type="application/x-ndjson", headers=headers)


# Parts


async def read(runtime: Runtime, visit: Visit, asked: Mapping[str, str]) -> tuple[list[Stored], Head]:
    action, actor = asked["action"], read_actor(asked["actor"])
    if action and action not in list(Action):
        raise Invalid("invalid_action", "There is no such action. Choose one of the list.", param="action")
    since, until = read_day(asked["since"], "since"), read_day(asked["until"], "until")
    after = ids.parse("aud", asked["after"], param="after") if asked["after"] else None
    async with as_account(runtime.door, visit.account_id) as conn:
        found = await store.list_entries(
            conn, account_id=visit.account_id, action=action or None, since=since,
            until=None if until is None else until + timedelta(days=1), after=after, before=None, limit=LINES + 1,
            actor=actor,
        )  # fmt: skip
        head, _ = await store.read_head(conn, account_id=visit.account_id)
    return found, head


async def page(
    runtime: Runtime, vault: Vault, visit: Visit, *, asked: Mapping[str, str], found: Sequence[Stored], head: Head,
    problem: Problem | None = None,
) -> Response[str]:  # fmt: skip
    shown = found[:LINES]
    members = await names_of(runtime, vault, visit)
    lines = [await seen(vault, one, members) for one in shown]
    kept = {name: asked[name] for name in FILTERS if asked[name]}
    return framed(
        visit, "audit.html", lines=lines, asked=asked, head=head, actions=list(Action), kinds=list(ActorKind),
        members=[(ids.typed("mem", person_id), name) for person_id, name in members.items()], problem=problem,
        is_filtered=bool(kept), export=f"{HOME}/export",
        older=urlencode({**kept, "after": ids.typed("aud", shown[-1].entry.id)}) if len(found) > LINES else "",
    )  # fmt: skip


async def seen(vault: Vault, stored: Stored, members: Mapping[UUID, str]) -> Line:
    beside = await export.beside_of(vault, stored)
    return line_of(stored, members, None if beside is None else beside["values"])


async def names_of(runtime: Runtime, vault: Vault, visit: Visit) -> dict[UUID, str]:
    """Members of this account: who belongs to others alone stays an id."""
    async with runtime.main.acquire() as conn:
        rows = await people_store.list_members(conn, account_id=visit.account_id)
        stored = [await people_store.read_person(conn, person_id=person_id) for person_id, _ in rows]
    opened = [await people.opened(vault, one) for one in stored if one is not None]
    return {UUID(bytes=one.id.bytes): one.name or one.mail for one in opened}


def read_actor(text: str) -> Actor | None:
    """A member, or everybody of a kind."""
    if not text:
        return None
    if (person_id := member_of(text)) is not None:
        return Actor(ActorKind.MEMBER, person_id)
    if text not in list(ActorKind):
        raise Invalid("invalid_actor", "There is nobody of this kind. Choose one of the list.", param="actor")
    return Actor(ActorKind(text))


def read_day(text: str, param: str) -> datetime | None:
    """The beginning of a day, as browsers write it."""
    if not text:
        return None
    try:
        return datetime.combine(datetime.strptime(text, "%Y-%m-%d").date(), time(), UTC)  # noqa: DTZ007  # a day has no zone
    except ValueError:
        raise Invalid("invalid_day", "Write the day like 2026-11-27.", param=param) from None


routes = [show, export_all]
