"""The doors of senders: who an account's messages may come from."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency as Given
from litestar.params import RawBody

from sendigopro.accounts.model import Caller
from sendigopro.accounts.scopes import need
from sendigopro.audit.model import By
from sendigopro.channels import store
from sendigopro.channels.directory import Directory
from sendigopro.channels.model import Sender
from sendigopro.channels.senders import SMS, add_sender, kind_of, normalise
from sendigopro.foundation import ids, strict_json, strict_query
from sendigopro.foundation.lists import Listed
from sendigopro.foundation.operations import Operation
from sendigopro.foundation.postgres import as_account
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault


class NewSender(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Who messages shall come from."""

    value: Annotated[
        str,
        msgspec.Meta(
            min_length=1, max_length=21, description="A number in E.164, a short code, or a name.", examples=["Acme"]
        ),
    ]
    channel: Literal["sms"] = "sms"
    is_default: Annotated[bool, msgspec.Meta(description="Used by messages that name no sender.")] = False


class SenderObject(msgspec.Struct, kw_only=True):
    """Who messages may come from."""

    id: str
    object: Literal["sender"] = "sender"
    channel: Literal["sms"] = "sms"
    value: str
    kind: Literal["number", "short_code", "name"]
    is_default: bool


NEW = msgspec.json.Decoder(NewSender)


@post("/v1/senders", status_code=201)
async def create_sender(
    caller: Given[Caller],
    by: Given[By],
    *,
    runtime: Given[Runtime],
    vault: Given[Vault],
    directory: Given[Directory],
    body: RawBody,
) -> SenderObject:
    """Add a sender; adding it again changes nothing but whether it is the default."""
    need(caller, "senders.write")
    wanted = strict_json.decode(body, NEW)
    sender = Sender(caller.account_id, ids.new(), SMS, normalise(wanted.value), wanted.is_default)
    kept = await add_sender(runtime.main, vault, sender, by=by)
    await directory.refresh()
    return describe(kept)


@get("/v1/senders")
async def list_senders(
    request: Request[Any, Any, Any], caller: Given[Caller], runtime: Given[Runtime]
) -> Listed[SenderObject]:
    """All of them, oldest first."""
    need(caller, "senders.read")
    page = strict_query.read(request.scope["query_string"], strict_query.Page)
    async with as_account(runtime.door, caller.account_id) as conn:
        senders = await store.read_senders(conn, account_id=caller.account_id)
    after = None if page.after is None else ids.parse("snd", page.after, param="after")
    before = None if page.before is None else ids.parse("snd", page.before, param="before")
    between = [one for one in senders if (after is None or one.id > after) and (before is None or one.id < before)]
    from_end = before is not None and after is None
    shown = between[-page.limit :] if from_end else between[: page.limit]
    data = [describe(one) for one in shown]
    has_more = len(between) > len(shown)
    return Listed(data=data, has_more=has_more, next_cursor=data[-1].id if has_more and not from_end else None)


def describe(sender: Sender) -> SenderObject:
    return SenderObject(
        id=ids.typed("snd", sender.id), value=sender.value, kind=kind_of(sender.value), is_default=sender.is_default
    )


routes = [create_sender, list_senders]

EXAMPLE = {
    "id": "snd_01h455vb4pex5vsknk084sn02q",
    "object": "sender",
    "channel": "sms",
    "value": "Acme",
    "kind": "name",
    "is_default": True,
}
operations = (
    Operation(
        method="POST",
        path="/v1/senders",
        name="create_sender",
        summary="Add a sender",
        tag="Senders",
        answers={201: SenderObject},
        answer_example=EXAMPLE,
        request=NewSender,
        request_example={"value": "Acme", "is_default": True},
        problems=(400, 403, 409),
    ),
    Operation(
        method="GET",
        path="/v1/senders",
        name="list_senders",
        summary="List senders, oldest first",
        tag="Senders",
        answers={200: Listed[SenderObject]},
        query=strict_query.Page,
        problems=(400, 403),
    ),
)
