"""The page of one message: facts, what happened, why, and what can still be done with it."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts.model import mode_name
from sendigopro.accounts.roles import Permission
from sendigopro.channels.directory import Directory
from sendigopro.console.caller import caller_of
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.message_words import again, fetching, price_of, steps_of, tone_of
from sendigopro.console.once import send_once
from sendigopro.console.reveal import may_ask, reveal
from sendigopro.console.visit import Visit
from sendigopro.events.bus import Bus
from sendigopro.foundation import ids, strict_query
from sendigopro.foundation.limits import Limits
from sendigopro.foundation.problems import Conflict, Problem
from sendigopro.messages import cancel, read_api, redact
from sendigopro.messages.accept import TTL_MAX_SECONDS, Acceptor, NewMessage
from sendigopro.messages.load import Loader
from sendigopro.messages.masking import NOTHING, Sees, masked
from sendigopro.messages.model import Status
from sendigopro.messages.view import MessageObject, Viewer
from sendigopro.runtime import Runtime

HOME: Final = "/console/messages"
WAITS: Final = {Status.SCHEDULED, Status.QUEUED, Status.SENDING}
MAY_REMAIN_OPEN: Final = {Status.SENT, Status.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Desk:
    """What the page of one visitor is made from."""

    visit: Visit
    runtime: Runtime
    viewer: Viewer
    directory: Directory

    async def find(self, text: str) -> tuple[UUID, MessageObject]:
        """Unmasked, for our own use; of this account and mode, or 404."""
        message_id = strict_query.path_id("msg", text)
        message = (await self.viewer.describe(self.visit.account_id, [message_id])).get(message_id)
        if message is None or message.mode != mode_name(self.visit.mode):
            raise strict_query.not_found("msg")
        return message_id, message

    async def page(self, message_id: str, sees: Sees, *, problem: Problem | None = None) -> Response[Any]:
        """What the API would answer to somebody who sees as much."""
        found, message = await self.find(message_id)
        message = masked(message, sees)
        caller = caller_of(self.visit, self.runtime, sees=sees)
        explanation = await read_api.explanation_of(self.runtime, self.directory, found, caller=caller, message=message)
        may_write = self.visit.may(Permission.WRITE_MESSAGES)
        key = f"sk_{mode_name(self.visit.mode)}_…"
        url = self.runtime.settings.url
        return framed(
            self.visit,
            "message.html",
            problem=problem,
            message=message,
            masked=message.masked or [],
            tone=tone_of(message.status),
            price=price_of(message),
            explanation=explanation,
            steps=steps_of(explanation.events),
            json=msgspec.json.format(msgspec.json.encode(message), indent=2).decode(),
            create=again(message, url=url, key=key),
            fetch=fetching(message.id, url=url, key=key),
            may_show=may_ask(self.visit) and sees == NOTHING,
            is_shown=sees != NOTHING,
            may_cancel=may_write and message.direction == "outbound" and message.status in WAITS,
            may_resend=may_write and message.direction == "outbound",
            may_redact=may_write and message.status not in WAITS and message.segments > 0,
            may_delete=may_write and message.status not in WAITS | MAY_REMAIN_OPEN,
            once=ids.new().hex,
        )


def desk_of(visit: Visit, runtime: Runtime, viewer: Viewer, directory: Directory) -> Desk:
    visit.need(Permission.READ_MESSAGES)
    return Desk(visit, runtime, viewer, directory)


@get(HOME + "/{message_id:str}")
async def show(
    message_id: FromPath[str],
    visit: Given[Visit],
    runtime: Given[Runtime],
    viewer: Given[Viewer],
    directory: Given[Directory],
) -> Response[Any]:
    """Masked for everybody."""
    return await desk_of(visit, runtime, viewer, directory).page(message_id, NOTHING)


@post(HOME + "/{message_id:str}", status_code=200)
async def show_all(
    message_id: FromPath[str],
    visit: Given[Visit],
    runtime: Given[Runtime],
    viewer: Given[Viewer],
    directory: Given[Directory],
) -> Response[Any]:
    """The same page with number and text, as far as the role may see them; the audit log says so."""
    desk = desk_of(visit, runtime, viewer, directory)
    _, message = await desk.find(message_id)
    sees = await reveal(runtime, visit, target=message.id, shown=1)
    return await desk.page(message_id, sees)


@post(HOME + "/{message_id:str}/cancel", status_code=303)
async def cancel_message(
    message_id: FromPath[str],
    visit: Given[Visit],
    *,
    runtime: Given[Runtime],
    viewer: Given[Viewer],
    directory: Given[Directory],
    loader: Given[Loader],
    bus: Given[Bus],
) -> Response[Any]:
    """It never leaves; or the page says why it is too late."""
    desk = changing(visit, runtime, viewer, directory)
    found, message = await desk.find(message_id)
    if message.status is not Status.CANCELED:
        try:
            await cancel.cancel(
                runtime.main, loader, bus, account_id=visit.account_id, message_id=found, owner=runtime.name
            )
        except Conflict as problem:
            return await desk.page(message_id, NOTHING, problem=problem)
    return Redirect(f"{HOME}/{message_id}", status_code=303)


@post(HOME + "/{message_id:str}/redact", status_code=303)
async def redact_text(
    message_id: FromPath[str],
    visit: Given[Visit],
    runtime: Given[Runtime],
    viewer: Given[Viewer],
    directory: Given[Directory],
) -> Response[Any]:
    """What it said is gone; that it went stays."""
    desk = changing(visit, runtime, viewer, directory)
    found, _ = await desk.find(message_id)
    try:
        await redact.redact_body(runtime.main, account_id=visit.account_id, message_id=found)
    except Conflict as problem:
        return await desk.page(message_id, NOTHING, problem=problem)
    return Redirect(f"{HOME}/{message_id}", status_code=303)


@get(HOME + "/{message_id:str}/delete")
async def ask_to_delete(
    message_id: FromPath[str],
    visit: Given[Visit],
    runtime: Given[Runtime],
    viewer: Given[Viewer],
    directory: Given[Directory],
) -> Response[Any]:
    """What goes and what stays, before it is done."""
    desk = changing(visit, runtime, viewer, directory)
    _, message = await desk.find(message_id)
    return framed(visit, "message_delete.html", message=masked(message, NOTHING))


@post(HOME + "/{message_id:str}/delete", status_code=303)
async def delete_message(
    message_id: FromPath[str],
    visit: Given[Visit],
    runtime: Given[Runtime],
    viewer: Given[Viewer],
    directory: Given[Directory],
) -> Response[Any]:
    """Every row of it."""
    desk = changing(visit, runtime, viewer, directory)
    found, _ = await desk.find(message_id)
    try:
        await redact.delete_message(runtime.main, account_id=visit.account_id, message_id=found)
    except Conflict as problem:
        return await desk.page(message_id, NOTHING, problem=problem)
    return Redirect(HOME, status_code=303)


@post(HOME + "/{message_id:str}/resend", status_code=303)
async def resend(
    message_id: FromPath[str],
    visit: Given[Visit],
    *,
    body: RawBody,
    runtime: Given[Runtime],
    viewer: Given[Viewer],
    directory: Given[Directory],
    acceptor: Given[Acceptor],
    limits: Given[Limits],
) -> Response[Any]:
    """The same once more, as a new message; who asks need not see it, and is not shown it."""
    desk = changing(visit, runtime, viewer, directory)
    once = read_form(body, ("once",))["once"]
    _, message = await desk.find(message_id)
    caller = caller_of(visit, runtime)
    limits.take(caller.counted)
    try:
        sent = await send_once(acceptor, caller, resent(message), once=once)
    except Problem as problem:
        return await desk.page(message_id, NOTHING, problem=problem)
    return Redirect(f"{HOME}/{sent.id}", status_code=303)


def changing(visit: Visit, runtime: Runtime, viewer: Viewer, directory: Directory) -> Desk:
    desk = desk_of(visit, runtime, viewer, directory)
    visit.need(Permission.WRITE_MESSAGES)
    return desk


def resent(message: MessageObject) -> NewMessage:
    """The same recipient, text, sender and purpose; `Conflict` when any of it is gone."""
    if message.direction == "inbound":
        raise Conflict("not_sent_by_you", "This message came in. Answer it with a new message.")
    if message.to is None:
        raise Conflict("recipient_forgotten", "Nobody knows any more whom this went to, so it cannot be sent again.")
    if message.body is None:
        raise Conflict("text_gone", "The text can no longer be read, so it cannot be sent again. Write a new message.")
    begins = message.send_at or message.created_at
    seconds = min(TTL_MAX_SECONDS, max(1, round((message.expires_at - begins).total_seconds())))
    return msgspec.convert(
        {
            "to": message.to, "body": message.body, "from": message.sender, "purpose": message.purpose,
            "ttl_seconds": seconds, "tags": message.tags, "metadata": message.metadata,
        },
        NewMessage,
    )  # fmt: skip


routes = [show, show_all, cancel_message, redact_text, ask_to_delete, delete_message, resend]
