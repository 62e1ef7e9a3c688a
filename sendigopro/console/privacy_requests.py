"""Requests of people: made for who asked, followed, approved by a second person, taken back, shown to be done."""

from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect, Stream

from sendigopro.accounts.roles import Permission
from sendigopro.accounts.sessions import need_proof
from sendigopro.audit.model import ActorKind
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation import ids, strict_query
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Conflict, Invalid, NotAllowed, Problem, Unprocessable
from sendigopro.privacy import erase, requests_store
from sendigopro.privacy import model as requests
from sendigopro.privacy.desk import Desk
from sendigopro.privacy.fetch import fetch
from sendigopro.privacy.handle import handle
from sendigopro.privacy.model import CANCELABLE, GRACE_HOURS_MAX, Asked
from sendigopro.privacy.receipt_key import public_key_pem
from sendigopro.privacy.shapes import read_identifier

HOME = "/console/privacy/requests"
P = Permission
LINES: Final = 25
REASON_MAX: Final = 500
FIELDS: Final = ("type", "identifier", "corrected", "reason", "grace_hours", "lift")
TYPES: Final = {
    "erase": "Erase: forget them, for good", "export": "Export: a package for the person",
    "access": "Access: what is held",
    "restrict": "Restrict: keep it, but send nothing", "object": "Object: no more of what they did not ask for",
    "withdraw": "Withdraw consent", "rectify": "Rectify: it is another number",
}  # fmt: skip
TONES: Final = {
    "completed": "good", "rejected": "bad", "canceled": "", "awaiting_approval": "warn", "on_hold": "warn",
    "in_grace": "warn", "erasing": "going", "processing": "going",
}  # fmt: skip
DONE: Final = {
    "approved": "Approved. It goes on by itself.",
    "canceled": "Taken back. Nothing is forgotten, and what stood before stands again.",
}


@get(HOME)
async def show(request: Request[Any, Any, Any], visit: Given[Visit], desk: Given[Desk]) -> Response[str]:
    """Newest first, and a form for another."""
    visit.need(P.READ_PRIVACY)
    after = request.query_params.get("after", "")
    return await page(desk, visit, after=ids.parse("prq", after, param="after") if after else None)


@post(HOME, status_code=303)
async def make(visit: Given[Visit], *, body: RawBody, desk: Given[Desk]) -> Response[Any]:
    """As a key would; whom it is about stays in the form alone when something is wrong."""
    visit.need(P.WRITE_PRIVACY)
    typed = read_form(body, FIELDS)
    try:
        need_proof(visit.signed)
        made, _ = await handle(desk, read_asked(visit, typed))
    except (Invalid, Unprocessable, NotAllowed, Conflict) as problem:
        return await page(desk, visit, typed=typed, problem=problem)
    return Redirect(f"{HOME}/{ids.typed('prq', made.id)}", status_code=303)


@get(HOME + "/{request_id:str}")
async def show_one(
    request: Request[Any, Any, Any], request_id: FromPath[str], visit: Given[Visit], desk: Given[Desk]
) -> Response[str]:
    visit.need(P.READ_PRIVACY)
    return await request_page(desk, visit, request_id, done=DONE.get(request.query_params.get("done", ""), ""))


@post(HOME + "/{request_id:str}/approve", status_code=303)
async def approve(request_id: FromPath[str], visit: Given[Visit], desk: Given[Desk]) -> Response[Any]:
    """The second person agrees."""
    visit.need(P.APPROVE_PRIVACY)
    wanted = strict_query.path_id("prq", request_id)
    try:
        need_proof(visit.signed)
        await erase.approve(desk, account_id=visit.account_id, mode=visit.mode, request_id=wanted, by=visit.by)
    except (NotAllowed, Conflict) as problem:
        return await request_page(desk, visit, request_id, problem=problem)
    return Redirect(f"{HOME}/{request_id}?done=approved", status_code=303)


@post(HOME + "/{request_id:str}/cancel", status_code=303)
async def cancel(request_id: FromPath[str], visit: Given[Visit], desk: Given[Desk]) -> Response[Any]:
    visit.need(P.WRITE_PRIVACY)
    wanted = strict_query.path_id("prq", request_id)
    try:
        await erase.cancel(desk, account_id=visit.account_id, mode=visit.mode, request_id=wanted, by=visit.by)
    except Conflict as problem:
        return await request_page(desk, visit, request_id, problem=problem)
    return Redirect(f"{HOME}/{request_id}?done=canceled", status_code=303)


@get(HOME + "/{request_id:str}/receipt")
async def receipt(request_id: FromPath[str], visit: Given[Visit], desk: Given[Desk]) -> Response[bytes]:
    """As a file, byte for byte as it was signed."""
    visit.need(P.READ_PRIVACY)
    _, signed = await read_one(desk, visit, strict_query.path_id("prq", request_id))
    if signed is None:
        raise Conflict("no_receipt", "There is no receipt. An erasure has one when it is completed.")
    headers = {"Content-Disposition": f'attachment; filename="receipt-{request_id}.json"', "cache-control": "no-store"}
    return Response(signed, media_type=MediaType.JSON, headers=headers)


@get("/console/privacy/receipt-key")
async def receipt_key(visit: Given[Visit], desk: Given[Desk]) -> Response[str]:
    """What receipts and audit logs of this installation are verified with."""
    visit.need(P.READ_PRIVACY)
    headers = {"Content-Disposition": 'attachment; filename="receipt-key.pem"', "cache-control": "no-store"}
    return Response(await public_key_pem(desk.main, desk.vault), media_type=MediaType.TEXT, headers=headers)


@post(HOME + "/{request_id:str}/package", status_code=200)
async def package(request_id: FromPath[str], visit: Given[Visit], desk: Given[Desk]) -> Response[Any]:
    """A form, not a link: it is everything about somebody, and fetching it is on the audit log."""
    visit.need(P.READ_PRIVACY)
    visit.need(P.READ_SUBJECTS)
    visit.need(P.READ_BODIES)
    if visit.guest is not None:
        raise NotAllowed("guest_reads_only", "You were let in to look. A package leaves with a member of the account.")
    wanted = strict_query.path_id("prq", request_id)
    try:
        chunks = await fetch(desk, account_id=visit.account_id, mode=visit.mode, request_id=wanted, by=visit.by)
    except Conflict as problem:
        return await request_page(desk, visit, request_id, problem=problem)
    headers = {"Content-Disposition": f'attachment; filename="{request_id}.zip"', "cache-control": "no-store"}
    return Stream(chunks, media_type="application/zip", headers=headers)


# Parts


def read_asked(visit: Visit, typed: dict[str, str]) -> Asked:
    """What the form asks for; `Invalid` beside the field."""
    if typed["type"] not in TYPES:
        raise Invalid("invalid_type", "Choose what is asked for.", param="type")
    kind = msgspec.convert(typed["type"], requests.Type)
    hours = typed["grace_hours"].strip() or "0"
    if not (hours.isascii() and hours.isdigit() and len(hours) <= len(str(GRACE_HOURS_MAX))):
        raise Invalid("invalid_grace", f"Write hours from 0 to {GRACE_HOURS_MAX}.", param="grace_hours")
    if int(hours) > GRACE_HOURS_MAX or (int(hours) and kind != "erase"):
        raise Invalid("invalid_grace", f"0 to {GRACE_HOURS_MAX} hours, for an erasure alone.", param="grace_hours")
    if bool(typed["corrected"].strip()) != (kind == "rectify"):
        raise Invalid(
            "invalid_value", "The right number is needed to rectify, and for nothing else.", param="corrected"
        )
    if len(typed["reason"]) > REASON_MAX:
        raise Invalid("invalid_reason", f"Say it in {REASON_MAX} letters.", param="reason")
    return Asked(
        account_id=visit.account_id, mode=visit.mode, key_id=visit.signed.person_id, asks=ActorKind.MEMBER, type=kind,
        person=read_identifier(typed["identifier"].strip(), param="identifier"),
        corrected=read_identifier(typed["corrected"].strip(), param="corrected") if kind == "rectify" else None,
        reason=typed["reason"].strip() or None, grace_hours=int(hours),
        is_lift=bool(typed["lift"]) and kind == "restrict",
    )  # fmt: skip


async def page(
    desk: Desk, visit: Visit, *, after: UUID | None = None, typed: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Response[str]:  # fmt: skip
    async with as_account(desk.door, visit.account_id) as conn:
        found = await requests_store.list_requests(
            conn, account_id=visit.account_id, mode=visit.mode, after=after, before=None, limit=LINES + 1
        )
    shown = found[:LINES]
    return framed(
        visit, "privacy_requests.html", tab="requests", requests=[(ids.typed("prq", one.id), one) for one in shown],
        next_after=ids.typed("prq", shown[-1].id) if len(found) > LINES else "", types=TYPES, tones=TONES,
        typed=typed or dict.fromkeys(FIELDS, ""), problem=problem, reason_max=REASON_MAX, grace_max=GRACE_HOURS_MAX,
    )  # fmt: skip


async def request_page(
    desk: Desk, visit: Visit, request_id: str, *, problem: Problem | None = None, done: str = ""
) -> Response[str]:
    found, signed = await read_one(desk, visit, strict_query.path_id("prq", request_id))
    may_fetch = visit.may(P.READ_SUBJECTS) and visit.may(P.READ_BODIES)
    has_package = found.type in ("access", "export") and found.status == "completed" and found.outcome is None
    return framed(
        visit, "privacy_request.html", tab="requests", id=request_id, request=found, types=TYPES, tones=TONES,
        is_own=found.asked_by == visit.signed.person_id, is_cancelable=found.status in CANCELABLE,
        receipt=msgspec.json.format(signed, indent=2).decode() if signed else "", has_package=has_package,
        may_fetch=may_fetch, problem=problem, done=done,
    )  # fmt: skip


async def read_one(desk: Desk, visit: Visit, request_id: UUID) -> tuple[requests.Request, bytes | None]:
    async with as_account(desk.door, visit.account_id) as conn:
        found = await requests_store.read_request(
            conn, account_id=visit.account_id, mode=visit.mode, request_id=request_id
        )
        signed = await requests_store.read_receipt(
            conn, account_id=visit.account_id, mode=visit.mode, request_id=request_id
        )
    if found is None:
        raise strict_query.not_found("prq")
    return found, signed


routes = [show, make, show_one, approve, cancel, receipt, receipt_key, package]
