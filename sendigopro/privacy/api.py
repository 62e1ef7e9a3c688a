"""The doors of people's requests: ask, look, fetch the receipt, approve, cancel."""

from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Stream

from sendigopro.accounts.model import Caller
from sendigopro.accounts.scopes import need
from sendigopro.audit.model import By
from sendigopro.foundation import ids, strict_json, strict_query
from sendigopro.foundation.lists import Listed
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Conflict, Invalid
from sendigopro.privacy import erase, requests_store
from sendigopro.privacy.desk import Desk
from sendigopro.privacy.fetch import fetch
from sendigopro.privacy.handle import handle
from sendigopro.privacy.model import Asked
from sendigopro.privacy.operations import OPERATIONS
from sendigopro.privacy.receipt_key import public_key_pem
from sendigopro.privacy.shapes import (
    NewRequest,
    ReceiptKeyObject,
    RequestObject,
    check_fields,
    read_identifier,
    request_object,
)

READ, WRITE, APPROVE = "privacy.read", "privacy.write", "privacy.approve"
NEW = msgspec.json.Decoder(NewRequest)
KEY_LENGTH_MAX = 255


@post("/v1/privacy/requests", status_code=202)
async def create_request(
    request: Request[Any, Any, Any], caller: Given[Caller], by: Given[By], desk: Given[Desk], body: RawBody
) -> Response[RequestObject]:
    """Do what a person asks, or begin it."""
    need(caller, WRITE)
    wanted = strict_json.decode(body, NEW)
    check_fields(wanted)
    person = read_identifier(wanted.identifier, param="identifier")
    corrected = wanted.corrected_identifier
    key = read_key(request.headers.get("idempotency-key"))
    vault = desk.vault
    asked = Asked(
        account_id=caller.account_id,
        mode=caller.mode,
        key_id=caller.key_id,
        type=wanted.type,
        person=person,
        corrected=None if corrected is None else read_identifier(corrected, param="corrected_identifier"),
        reason=wanted.reason,
        grace_hours=wanted.grace_hours,
        is_lift=wanted.lift,
        key_mac=None if key is None else await vault.idempotency_mac(caller.account_id, f"privacy:{caller.mode}:{key}"),
        body_mac=None if key is None else await vault.body_mac(caller.account_id, body),
        http_request_id=by.request_id,
    )
    made, was_asked_before = await handle(desk, asked)
    headers = {"Idempotent-Replayed": "true"} if was_asked_before else {}
    return Response(request_object(made), status_code=202, headers=headers)


@get("/v1/privacy/requests")
async def list_requests(
    request: Request[Any, Any, Any], caller: Given[Caller], desk: Given[Desk]
) -> Listed[RequestObject]:
    """Newest first."""
    need(caller, READ)
    page = strict_query.read(request.scope["query_string"], strict_query.Page)
    after = ids.parse("prq", page.after, param="after") if page.after is not None else None
    before = ids.parse("prq", page.before, param="before") if page.before is not None else None
    async with as_account(desk.door, caller.account_id) as conn:
        found = await requests_store.list_requests(
            conn, account_id=caller.account_id, mode=caller.mode, after=after, before=before, limit=page.limit + 1
        )
    has_more, is_backward = len(found) > page.limit, before is not None
    shown = found[-page.limit :] if is_backward else found[: page.limit]
    data = [request_object(one) for one in shown]
    return Listed(data=data, has_more=has_more, next_cursor=data[-1].id if has_more and not is_backward else None)


@get("/v1/privacy/requests/{request_id:str}")
async def get_request(request_id: FromPath[str], caller: Given[Caller], desk: Given[Desk]) -> RequestObject:
    """One request."""
    need(caller, READ)
    wanted = strict_query.path_id("prq", request_id)
    async with as_account(desk.door, caller.account_id) as conn:
        found = await requests_store.read_request(
            conn, account_id=caller.account_id, mode=caller.mode, request_id=wanted
        )
    if found is None:
        raise strict_query.not_found("prq")
    return request_object(found)


@get("/v1/privacy/requests/{request_id:str}/receipt")
async def get_receipt(request_id: FromPath[str], caller: Given[Caller], desk: Given[Desk]) -> Response[bytes]:
    """The signed receipt, byte for byte as it was signed."""
    need(caller, READ)
    wanted = strict_query.path_id("prq", request_id)
    async with as_account(desk.door, caller.account_id) as conn:
        found = await requests_store.read_request(
            conn, account_id=caller.account_id, mode=caller.mode, request_id=wanted
        )
        receipt = await requests_store.read_receipt(
            conn, account_id=caller.account_id, mode=caller.mode, request_id=wanted
        )
    if found is None:
        raise strict_query.not_found("prq")
    if receipt is None:
        raise Conflict(
            "no_receipt", f"This request of the type {found.type} is {found.status}. An erasure has one when completed."
        )
    return Response(receipt, media_type=MediaType.JSON)


@get("/v1/privacy/requests/{request_id:str}/package")
async def get_package(request_id: FromPath[str], caller: Given[Caller], by: Given[By], desk: Given[Desk]) -> Stream:
    """What is held of the person, as a ZIP: it is whom and what, so the key needs both scopes of personal data too."""
    need(caller, READ)
    need(caller, "subjects.read")
    need(caller, "bodies.read")
    wanted = strict_query.path_id("prq", request_id)
    chunks = await fetch(desk, account_id=caller.account_id, mode=caller.mode, request_id=wanted, by=by)
    headers = {"Content-Disposition": f'attachment; filename="{request_id}.zip"'}
    return Stream(chunks, media_type="application/zip", headers=headers)


@post("/v1/privacy/requests/{request_id:str}/approve", status_code=200)
async def approve_request(
    request_id: FromPath[str], caller: Given[Caller], by: Given[By], desk: Given[Desk]
) -> RequestObject:
    """The second person agrees."""
    need(caller, APPROVE)
    wanted = strict_query.path_id("prq", request_id)
    return request_object(
        await erase.approve(desk, account_id=caller.account_id, mode=caller.mode, request_id=wanted, by=by)
    )


@post("/v1/privacy/requests/{request_id:str}/cancel", status_code=200)
async def cancel_request(
    request_id: FromPath[str], caller: Given[Caller], by: Given[By], desk: Given[Desk]
) -> RequestObject:
    """Nothing is forgotten after all."""
    need(caller, WRITE)
    wanted = strict_query.path_id("prq", request_id)
    return request_object(
        await erase.cancel(desk, account_id=caller.account_id, mode=caller.mode, request_id=wanted, by=by)
    )


@get("/v1/privacy/receipt-key")
async def get_receipt_key(caller: Given[Caller], desk: Given[Desk]) -> ReceiptKeyObject:
    """What receipts are verified with."""
    need(caller, READ)
    return ReceiptKeyObject(public_key=await public_key_pem(desk.main, desk.vault))


def read_key(text: str | None) -> str | None:
    """An Idempotency-Key, as the hot doors read it."""
    if text is None:
        return None
    if not (1 <= len(text) <= KEY_LENGTH_MAX and text.isascii() and text.isprintable()):
        raise Invalid(
            "invalid_idempotency_key",
            f"Idempotency-Key must be 1 to {KEY_LENGTH_MAX} printable ASCII characters, for example a UUID.",
            param="Idempotency-Key",
        )
    return text


routes = [
    create_request,
    list_requests,
    get_request,
    get_receipt,
    get_package,
    approve_request,
    cancel_request,
    get_receipt_key,
]
operations = OPERATIONS
