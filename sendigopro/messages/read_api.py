"""The doors around stored messages: list, look, explain, cancel, redact, delete."""

from functools import partial
from typing import Any
from uuid import UUID

from litestar import Request, delete, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath

from sendigopro.accounts.model import Caller
from sendigopro.accounts.reading import Readings
from sendigopro.accounts.scopes import need
from sendigopro.audit.model import By
from sendigopro.channels.directory import Directory
from sendigopro.events.bus import Bus
from sendigopro.foundation import ids, strict_query
from sendigopro.foundation.lists import Listed
from sendigopro.foundation.operations import Operation
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Conflict
from sendigopro.messages import cancel, listing, read_store, redact, store
from sendigopro.messages.explain import Explanation, MessageEvent, explain, timeline
from sendigopro.messages.listing import MessageQuery
from sendigopro.messages.load import Loader
from sendigopro.messages.masking import masked, sees_of
from sendigopro.messages.model import Mode, Status
from sendigopro.messages.view import MessageObject, Viewer
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

READ, WRITE = "messages.read", "messages.write"


@get("/v1/messages")
async def list_messages(
    request: Request[Any, Any, Any],
    caller: Given[Caller],
    runtime: Given[Runtime],
    *,
    vault: Given[Vault],
    viewer: Given[Viewer],
    directory: Given[Directory],
    readings: Given[Readings],
    by: Given[By],
) -> Listed[MessageObject]:
    """Newest first."""
    need(caller, READ)
    await readings.note(caller, by)
    query = strict_query.read(request.scope["query_string"], MessageQuery)
    found = await listing.find_messages(
        partial(as_account, runtime.door), vault, query, account_id=caller.account_id, mode=caller.mode,
        retention=directory.retention(caller.account_id),
    )  # fmt: skip
    described = await viewer.describe(caller.account_id, found.ids)
    sees = sees_of(caller.scopes)
    data = [masked(described[one], sees) for one in found.ids if one in described]
    cursor = None if found.reached is None else ids.typed("msg", found.reached)
    if cursor is None and found.has_more and data:
        cursor = data[-1].id
    return Listed(data=data, has_more=found.has_more, next_cursor=cursor)


@get("/v1/messages/{message_id:str}")
async def get_message(
    message_id: FromPath[str], caller: Given[Caller], viewer: Given[Viewer], readings: Given[Readings], by: Given[By]
) -> MessageObject:
    """One message."""
    need(caller, READ)
    await readings.note(caller, by)
    _, message = await find(message_id, caller, viewer)
    return message


@get("/v1/messages/{message_id:str}/events")
async def list_message_events(
    message_id: FromPath[str],
    caller: Given[Caller],
    runtime: Given[Runtime],
    viewer: Given[Viewer],
    directory: Given[Directory],
) -> Listed[MessageEvent]:
    """What happened to it, oldest first; never so much that it needs pages."""
    need(caller, READ)
    found, message = await find(message_id, caller, viewer)
    return Listed(data=await read_timeline(runtime, directory, found, caller=caller, message=message))


@get("/v1/messages/{message_id:str}/explain")
async def explain_message(
    message_id: FromPath[str],
    caller: Given[Caller],
    runtime: Given[Runtime],
    viewer: Given[Viewer],
    directory: Given[Directory],
) -> Explanation:
    """Why it is what it is, in words."""
    need(caller, READ)
    found, message = await find(message_id, caller, viewer)
    return await explanation_of(runtime, directory, found, caller=caller, message=message)


@post("/v1/messages/{message_id:str}/cancel", status_code=200)
async def cancel_message(
    message_id: FromPath[str],
    caller: Given[Caller],
    *,
    runtime: Given[Runtime],
    viewer: Given[Viewer],
    loader: Given[Loader],
    bus: Given[Bus],
    readings: Given[Readings],
    by: Given[By],
) -> MessageObject:
    """Stop it before it leaves: 200 means that it never will. Repeating it is the same 200."""
    need(caller, WRITE)
    await readings.note(caller, by)
    found, message = await find(message_id, caller, viewer)
    if message.direction == "inbound":
        raise Conflict("too_late", "This message came in; there is nothing to cancel.")
    if message.status is not Status.CANCELED:
        await cancel.cancel(
            runtime.main, loader, bus, account_id=caller.account_id, message_id=found, owner=runtime.name
        )
    return masked((await viewer.describe(caller.account_id, [found]))[found], sees_of(caller.scopes))


@delete("/v1/messages/{message_id:str}/body", status_code=204)
async def delete_body(
    message_id: FromPath[str], caller: Given[Caller], runtime: Given[Runtime], viewer: Given[Viewer]
) -> None:
    """Forget what it said; what became of it stays."""
    need(caller, WRITE)
    found, _ = await find(message_id, caller, viewer)
    await redact.redact_body(runtime.main, account_id=caller.account_id, message_id=found)


@delete("/v1/messages/{message_id:str}", status_code=204)
async def delete_message(
    message_id: FromPath[str], caller: Given[Caller], runtime: Given[Runtime], viewer: Given[Viewer]
) -> None:
    """Forget the whole message; anonymous counts stay."""
    need(caller, WRITE)
    found, _ = await find(message_id, caller, viewer)
    await redact.delete_message(runtime.main, account_id=caller.account_id, message_id=found)


async def find(text: str, caller: Caller, viewer: Viewer) -> tuple[UUID, MessageObject]:
    """The message of this account and mode, as the key may see it, or 404: another's is no different from none."""
    message_id = strict_query.path_id("msg", text)
    message = (await viewer.describe(caller.account_id, [message_id])).get(message_id)
    if message is None or message.mode != ("live" if caller.mode == Mode.LIVE else "test"):
        raise strict_query.not_found("msg")
    return message_id, masked(message, sees_of(caller.scopes))


async def explanation_of(
    runtime: Runtime, directory: Directory, message_id: UUID, *, caller: Caller, message: MessageObject
) -> Explanation:
    """Of a message as it may be seen; 404 when it has gone meanwhile."""
    async with as_account(runtime.door, caller.account_id) as conn:
        rows = await store.read_messages(conn, account_id=caller.account_id, message_ids=[message_id])
    if not rows:
        raise strict_query.not_found("msg")
    events = await read_timeline(runtime, directory, message_id, caller=caller, message=message)
    route = directory.route(caller.account_id, caller.mode, rows[0]["channel"])
    return explain(message, events, route=route, body_expires_on=rows[0]["body_expires_on"])


async def read_timeline(
    runtime: Runtime, directory: Directory, message_id: UUID, *, caller: Caller, message: MessageObject
) -> list[MessageEvent]:
    async with as_account(runtime.door, caller.account_id) as conn:
        outcomes = await read_store.read_outcomes(conn, account_id=caller.account_id, message_id=message_id)
    return timeline(message, outcomes, carriers=directory.carriers)


routes = [
    list_messages,
    get_message,
    list_message_events,
    explain_message,
    cancel_message,
    delete_body,
    delete_message,
]

ID = {"message_id": "msg_01h455vb4pex5vsknk084sn02q"}
ONE = "/v1/messages/{message_id}"
operations = (
    Operation(
        method="GET",
        path="/v1/messages",
        name="list_messages",
        summary="List messages, newest first",
        tag="Messages",
        answers={200: Listed[MessageObject]},
        query=MessageQuery,
        problems=(400, 403),
    ),
    Operation(
        method="GET",
        path=ONE,
        name="get_message",
        summary="Look at one message",
        tag="Messages",
        answers={200: MessageObject},
        path_ids=ID,
        problems=(403, 404),
    ),
    Operation(
        method="GET",
        path=f"{ONE}/events",
        name="list_message_events",
        summary="What happened to a message, oldest first",
        tag="Messages",
        answers={200: Listed[MessageEvent]},
        path_ids=ID,
        problems=(403, 404),
    ),
    Operation(
        method="GET",
        path=f"{ONE}/explain",
        name="explain_message",
        summary="Why a message is what it is, in words",
        tag="Messages",
        answers={200: Explanation},
        path_ids=ID,
        problems=(403, 404),
    ),
    Operation(
        method="POST",
        path=f"{ONE}/cancel",
        name="cancel_message",
        summary="Stop a message that has not left",
        tag="Messages",
        description="200 means that it never leaves. 409 `too_late`: it may have left already, or has ended.",
        answers={200: MessageObject},
        path_ids=ID,
        problems=(403, 404, 409),
    ),
    Operation(
        method="DELETE",
        path=f"{ONE}/body",
        name="delete_message_body",
        summary="Forget what a message said, and keep what became of it",
        tag="Messages",
        answers={204: None},
        path_ids=ID,
        problems=(403, 404, 409),
    ),
    Operation(
        method="DELETE",
        path=ONE,
        name="delete_message",
        summary="Forget a whole message",
        tag="Messages",
        answers={204: None},
        path_ids=ID,
        problems=(403, 404, 409),
    ),
)
