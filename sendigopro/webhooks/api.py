"""The doors of webhooks: endpoints, their secrets, attempts made, and events to be read by cursor."""

from typing import Any

import msgspec
from litestar import MediaType, Request, Response, delete, get, patch, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody

from sendigopro.accounts.model import Caller
from sendigopro.accounts.reading import Readings
from sendigopro.accounts.scopes import need
from sendigopro.audit.model import By
from sendigopro.foundation import ids, strict_json, strict_query
from sendigopro.foundation.addresses import look_up
from sendigopro.foundation.lists import Listed
from sendigopro.foundation.problems import Invalid
from sendigopro.messages.masking import sees_of
from sendigopro.messages.view import Viewer
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault
from sendigopro.webhooks import listing
from sendigopro.webhooks.endpoints import Endpoints
from sendigopro.webhooks.operations import OPERATIONS, WEBHOOK_EVENTS
from sendigopro.webhooks.shapes import (
    AttemptObject,
    AttemptQuery,
    EndpointChange,
    EndpointObject,
    EventQuery,
    MadeEndpointObject,
    NewEndpoint,
    ReplayObject,
    ReplayRequest,
    SecretObject,
    TestObject,
    attempt_id,
    attempt_object,
    endpoint_object,
    made_endpoint_object,
    replay_object,
)

READ, WRITE, EVENTS = "webhooks.read", "webhooks.write", "events.read"
NEW = msgspec.json.Decoder(NewEndpoint)
CHANGE = msgspec.json.Decoder(EndpointChange)
REPLAY = msgspec.json.Decoder(ReplayRequest)


def endpoints_of(runtime: Runtime, vault: Vault, by: By) -> Endpoints:
    return Endpoints(
        main=runtime.main,
        door=runtime.door,
        vault=vault,
        lookup=look_up,
        allow_private=runtime.settings.allow_private_webhooks,
        by=by,
    )


@post("/v1/webhook-endpoints", status_code=201)
async def create_endpoint(
    caller: Given[Caller], by: Given[By], runtime: Given[Runtime], vault: Given[Vault], body: RawBody
) -> MadeEndpointObject:
    """Make an endpoint; its secret is in the answer."""
    need(caller, WRITE)
    wanted = strict_json.decode(body, NEW)
    endpoint, secret = await endpoints_of(runtime, vault, by).create(
        caller.account_id,
        caller.mode,
        url=wanted.url,
        event_types=wanted.event_types,
        description=wanted.description,
    )
    return made_endpoint_object(endpoint, secret)


@get("/v1/webhook-endpoints")
async def list_endpoints(
    request: Request[Any, Any, Any], caller: Given[Caller], by: Given[By], runtime: Given[Runtime], vault: Given[Vault]
) -> Listed[EndpointObject]:
    """Newest first."""
    need(caller, READ)
    page = strict_query.read(request.scope["query_string"], strict_query.Page)
    after = ids.parse("we", page.after, param="after") if page.after is not None else None
    before = ids.parse("we", page.before, param="before") if page.before is not None else None
    found = await endpoints_of(runtime, vault, by).page(
        caller.account_id, caller.mode, after=after, before=before, limit=page.limit + 1
    )
    has_more, is_backward = len(found) > page.limit, before is not None
    shown = found[-page.limit :] if is_backward else found[: page.limit]
    data = [endpoint_object(one) for one in shown]
    return Listed(data=data, has_more=has_more, next_cursor=data[-1].id if has_more and not is_backward else None)


@get("/v1/webhook-endpoints/{endpoint_id:str}")
async def get_endpoint(
    endpoint_id: FromPath[str], caller: Given[Caller], by: Given[By], runtime: Given[Runtime], vault: Given[Vault]
) -> EndpointObject:
    """One endpoint."""
    need(caller, READ)
    wanted = strict_query.path_id("we", endpoint_id)
    return endpoint_object(await endpoints_of(runtime, vault, by).get(caller.account_id, caller.mode, wanted))


@patch("/v1/webhook-endpoints/{endpoint_id:str}")
async def change_endpoint(
    endpoint_id: FromPath[str],
    caller: Given[Caller],
    by: Given[By],
    *,
    runtime: Given[Runtime],
    vault: Given[Vault],
    body: RawBody,
) -> EndpointObject:
    """Change what is given."""
    need(caller, WRITE)
    wanted = strict_query.path_id("we", endpoint_id)
    change = strict_json.decode(body, CHANGE)
    changed = await endpoints_of(runtime, vault, by).change(
        caller.account_id,
        caller.mode,
        wanted,
        url=None if change.url is msgspec.UNSET else change.url,
        event_types=None if change.event_types is msgspec.UNSET else change.event_types,
        description=None if change.description is msgspec.UNSET else change.description,
        is_enabled=None if change.is_enabled is msgspec.UNSET else change.is_enabled,
    )
    return endpoint_object(changed)


@delete("/v1/webhook-endpoints/{endpoint_id:str}")
async def delete_endpoint(
    endpoint_id: FromPath[str], caller: Given[Caller], by: Given[By], runtime: Given[Runtime], vault: Given[Vault]
) -> None:
    """Tell it nothing more and forget it."""
    need(caller, WRITE)
    wanted = strict_query.path_id("we", endpoint_id)
    await endpoints_of(runtime, vault, by).delete(caller.account_id, caller.mode, wanted)


@get("/v1/webhook-endpoints/callback")
async def get_callback(
    caller: Given[Caller], by: Given[By], runtime: Given[Runtime], vault: Given[Vault]
) -> SecretObject:
    """What webhooks to messages' own callback URLs are signed with."""
    need(caller, WRITE)
    return SecretObject(secret=await endpoints_of(runtime, vault, by).callback_secret(caller.account_id, caller.mode))


@post("/v1/webhook-endpoints/callback/rotate", status_code=200)
async def rotate_callback(
    caller: Given[Caller], by: Given[By], runtime: Given[Runtime], vault: Given[Vault]
) -> SecretObject:
    """A new one; the old one signs too for a day."""
    need(caller, WRITE)
    return SecretObject(secret=await endpoints_of(runtime, vault, by).rotate_callback(caller.account_id, caller.mode))


@get("/v1/webhook-endpoints/{endpoint_id:str}/secret")
async def get_secret(
    endpoint_id: FromPath[str], caller: Given[Caller], by: Given[By], runtime: Given[Runtime], vault: Given[Vault]
) -> SecretObject:
    """The secret once more."""
    need(caller, WRITE)
    wanted = strict_query.path_id("we", endpoint_id)
    return SecretObject(secret=await endpoints_of(runtime, vault, by).secret(caller.account_id, caller.mode, wanted))


@post("/v1/webhook-endpoints/{endpoint_id:str}/rotate", status_code=200)
async def rotate_secret(
    endpoint_id: FromPath[str], caller: Given[Caller], by: Given[By], runtime: Given[Runtime], vault: Given[Vault]
) -> SecretObject:
    """A new secret; the old one signs too for a day."""
    need(caller, WRITE)
    wanted = strict_query.path_id("we", endpoint_id)
    return SecretObject(secret=await endpoints_of(runtime, vault, by).rotate(caller.account_id, caller.mode, wanted))


@post("/v1/webhook-endpoints/{endpoint_id:str}/test", status_code=202)
async def test_endpoint(
    endpoint_id: FromPath[str], caller: Given[Caller], by: Given[By], runtime: Given[Runtime], vault: Given[Vault]
) -> TestObject:
    """Send it a `webhook.test`."""
    need(caller, WRITE)
    wanted = strict_query.path_id("we", endpoint_id)
    event_id = await endpoints_of(runtime, vault, by).test(caller.account_id, caller.mode, wanted)
    return TestObject(event_id=ids.typed("evt", event_id))


@post("/v1/webhook-endpoints/{endpoint_id:str}/replay", status_code=202)
async def replay(
    endpoint_id: FromPath[str],
    caller: Given[Caller],
    by: Given[By],
    *,
    runtime: Given[Runtime],
    vault: Given[Vault],
    body: RawBody,
) -> ReplayObject:
    """Tell one event, or everything since a moment, once more."""
    need(caller, WRITE)
    wanted = strict_query.path_id("we", endpoint_id)
    asked = strict_json.decode(body, REPLAY)
    if (asked.event_id is None) == (asked.since is None):
        raise Invalid("invalid_replay", "Give either event_id or since.", param="event_id")
    endpoints = endpoints_of(runtime, vault, by)
    if asked.since is not None:
        made = await endpoints.replay_since(caller.account_id, caller.mode, wanted, since=asked.since)
        return replay_object(made)
    event_id = ids.parse("evt", str(asked.event_id), param="event_id")
    await endpoints.replay_event(caller.account_id, caller.mode, wanted, event_id=event_id)
    return ReplayObject(id=None, event_id=asked.event_id)


@get("/v1/webhook-deliveries")
async def list_deliveries(
    request: Request[Any, Any, Any], caller: Given[Caller], runtime: Given[Runtime]
) -> Listed[AttemptObject]:
    """Attempts, newest first."""
    need(caller, READ)
    query = strict_query.read(request.scope["query_string"], AttemptQuery)
    found = await listing.read_attempts(runtime.door, query, account_id=caller.account_id, mode=caller.mode)
    has_more = len(found) > query.limit
    shown = found[: query.limit]
    return Listed(
        data=[attempt_object(one) for one in shown],
        has_more=has_more,
        next_cursor=attempt_id(shown[-1]) if has_more else None,
    )


@get("/v1/events")
async def list_events(
    request: Request[Any, Any, Any],
    caller: Given[Caller],
    runtime: Given[Runtime],
    viewer: Given[Viewer],
    *,
    readings: Given[Readings],
    by: Given[By],
) -> Response[bytes]:
    """The oldest first. `next_cursor` is there even at the end: ask again with it for what comes next."""
    need(caller, EVENTS)
    await readings.note(caller, by)
    query = strict_query.read(request.scope["query_string"], EventQuery)
    page = await listing.read_events(
        runtime.main, viewer, query, account_id=caller.account_id, mode=caller.mode, sees=sees_of(caller.scopes)
    )
    listed: Listed[msgspec.Raw] = Listed(
        data=[msgspec.Raw(body) for body in page.bodies], has_more=page.has_more, next_cursor=page.next_cursor
    )
    return Response(msgspec.json.encode(listed), media_type=MediaType.JSON)


routes = [
    create_endpoint,
    list_endpoints,
    get_callback,
    rotate_callback,
    get_endpoint,
    change_endpoint,
    delete_endpoint,
    get_secret,
    rotate_secret,
    test_endpoint,
    replay,
    list_deliveries,
    list_events,
]
operations = OPERATIONS
webhook_events = WEBHOOK_EVENTS
