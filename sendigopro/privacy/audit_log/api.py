"""The doors of the audit log: who changed what, newest first, and the whole of it as a file."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency as Given
from litestar.response import Stream

from sendigopro.accounts.model import Caller
from sendigopro.accounts.scopes import need
from sendigopro.audit import store
from sendigopro.audit.chain import told
from sendigopro.audit.model import Action, ActorKind, By, Stored
from sendigopro.foundation import ids, strict_query
from sendigopro.foundation.lists import Listed
from sendigopro.foundation.operations import Operation
from sendigopro.foundation.postgres import as_account
from sendigopro.privacy.audit_log import export
from sendigopro.privacy.desk import Desk
from sendigopro.vault.vault import Vault

READ = "audit.read"
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class AuditQuery(strict_query.Page, forbid_unknown_fields=True, kw_only=True):
    """How the log may be narrowed."""

    action: Annotated[Action, msgspec.Meta(description="What was done.")] | None = None
    since: Annotated[Moment, msgspec.Meta(description="Done at this time or later.")] | None = None
    until: Annotated[Moment, msgspec.Meta(description="Done before this time.")] | None = None


class ActorObject(msgspec.Struct, kw_only=True):
    """Who did it."""

    kind: ActorKind
    id: str | None


class EntryObject(msgspec.Struct, kw_only=True):
    """One thing that was done."""

    id: str
    object: Literal["audit_entry"] = "audit_entry"
    n: int
    """Its place in the account's chain, without gaps."""
    at: datetime
    actor: ActorObject
    action: str
    target: str | None
    facts: dict[str, Any]
    personal: Mapping[str, str] | None
    """What names somebody; null when there is nothing, or when it was erased."""
    request_id: str | None
    hash: str
    """SHA-256 of the hash before and this entry."""


@get("/v1/audit-log")
async def list_entries(
    request: Request[Any, Any, Any], caller: Given[Caller], desk: Given[Desk]
) -> Listed[EntryObject]:
    """Newest first."""
    need(caller, READ)
    query = strict_query.read(request.scope["query_string"], AuditQuery)
    after = ids.parse("aud", query.after, param="after") if query.after is not None else None
    before = ids.parse("aud", query.before, param="before") if query.before is not None else None
    async with as_account(desk.door, caller.account_id) as conn:
        found = await store.list_entries(
            conn, account_id=caller.account_id, action=query.action, since=query.since, until=query.until,
            after=after, before=before, limit=query.limit + 1,
        )  # fmt: skip
    has_more, is_backward = len(found) > query.limit, before is not None
    shown = found[-query.limit :] if is_backward else found[: query.limit]
    data = [await entry_object(desk.vault, one) for one in shown]
    return Listed(data=data, has_more=has_more, next_cursor=data[-1].id if has_more and not is_backward else None)


@get("/v1/audit-log/export")
async def export_log(caller: Given[Caller], by: Given[By], desk: Given[Desk]) -> Stream:
    """All of it, oldest first, a line each; the last line is signed."""
    need(caller, READ)
    head = await export.begin(desk, account_id=caller.account_id, by=by)
    headers = {"Content-Disposition": 'attachment; filename="audit-log.ndjson"'}
    lines = export.lines(desk, head, account_id=caller.account_id)
    return Stream(lines, media_type="application/x-ndjson", headers=headers)


async def entry_object(vault: Vault, stored: Stored) -> EntryObject:
    said, beside = told(stored.entry), await export.beside_of(vault, stored)
    return EntryObject(
        id=said["id"],
        n=stored.entry.n,
        at=stored.entry.at,
        actor=ActorObject(**said["actor"]),
        action=said["action"],
        target=stored.entry.target,
        facts=said["facts"],
        personal=None if beside is None else beside["values"],
        request_id=stored.entry.request_id,
        hash=stored.hash.hex(),
    )


routes = [list_entries, export_log]

TAG = "Audit log"
operations = (
    Operation(
        method="GET",
        path="/v1/audit-log",
        name="list_audit_entries",
        summary="List who changed what, newest first",
        tag=TAG,
        answers={200: Listed[EntryObject]},
        query=AuditQuery,
        problems=(400, 403),
    ),
    Operation(
        method="GET",
        path="/v1/audit-log/export",
        name="export_audit_log",
        summary="Fetch the whole audit log as a file that can be verified offline",
        description=(
            "A JSON object a line, oldest first; the last line is the signed head. Verify it with "
            "`sendigopro audit verify`, or docs/verify_audit_log.py, and the key of /v1/privacy/receipt-key. That it "
            "was fetched is an entry too."
        ),
        tag=TAG,
        answers={200: None},
        file_type="application/x-ndjson",
        problems=(403,),
    ),
)
