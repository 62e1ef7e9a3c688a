"""The handset: virtual phones that show what was sent in test mode, live, and can answer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect, Stream

from sendigopro import settings
from sendigopro.accounts.roles import Permission
from sendigopro.accounts.sessions import Sessions
from sendigopro.channels.contract import Inbound
from sendigopro.channels.directory import Directory
from sendigopro.channels.model import Sender
from sendigopro.channels.sms.sandbox import PLANS, SLOW
from sendigopro.console import handset_key, handset_store
from sendigopro.console.forms import html, refuse_foreign
from sendigopro.console.frame import framed
from sendigopro.console.handset_view import Bubble, PhoneLine, bubble_of, phone_of
from sendigopro.console.pages import render
from sendigopro.console.visit import Visit, visit_of
from sendigopro.foundation import clock, ids, strict_query
from sendigopro.foundation.personal import Body
from sendigopro.foundation.postgres import CONNECTION_LOST
from sendigopro.foundation.problems import Invalid, Unauthenticated
from sendigopro.messages.receive import Receiver
from sendigopro.messages.view import MessageObject, Viewer
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = "/console/handset"
COOKIE = "sendigopro_handset"
BODY_MAX = 1600
PHONES_MAX, RECENT_MAX, THREAD_MAX, CHANGES_MAX = 100, 2_000, 100, 200
LOOK_SECONDS = 0.3
# A message's id is older than its commit; this much of the past is asked for again, and what was told is left out.
OVERLAP = timedelta(seconds=10)
# Streams end by themselves and browsers come back: so a stopping server never waits for one.
STREAM_SECONDS = 25.0


@dataclass(slots=True)
class Handset:
    """What the pages of one account are made from."""

    account_id: UUID
    runtime: Runtime
    vault: Vault
    viewer: Viewer
    directory: Directory
    visit: Visit | None = None
    """Of who is signed in; None behind a link that opens the handset alone."""

    async def phones(self) -> list[PhoneLine]:
        """Who was written to lately, with the last word."""
        async with self.runtime.main.acquire() as conn:
            pairs = await handset_store.list_phones(
                conn, account_id=self.account_id, recent=RECENT_MAX, limit=PHONES_MAX
            )
        subjects = await self.vault.open_subjects(self.account_id, [subject_id for subject_id, _ in pairs])
        messages = await self.viewer.describe(self.account_id, [message_id for _, message_id in pairs])
        return [
            phone_of(subjects[subject_id], messages[message_id])
            for subject_id, message_id in pairs
            if subject_id in subjects and message_id in messages
        ]

    async def thread(self, subject_id: UUID) -> tuple[list[MessageObject], Sender | None]:
        """One phone's messages, oldest first, and the sender that a reply goes to."""
        async with self.runtime.main.acquire() as conn:
            rows = await handset_store.read_thread(
                conn, account_id=self.account_id, subject_id=subject_id, limit=THREAD_MAX
            )
        described = await self.viewer.describe(self.account_id, [message_id for message_id, _ in rows])
        senders = [self.directory.sender_by_id(sender_id) for _, sender_id in rows if sender_id is not None]
        known = [sender for sender in senders if sender is not None]
        return [described[message_id] for message_id, _ in rows if message_id in described], known[
            -1
        ] if known else None


@get(HOME)
async def show_all(
    request: Request[Any, Any, Any],
    *,
    runtime: Given[Runtime],
    vault: Given[Vault],
    viewer: Given[Viewer],
    directory: Given[Directory],
    sessions: Given[Sessions],
) -> Response[Any]:
    """All phones."""
    handset = await open_handset(request, runtime, vault, viewer=viewer, directory=directory, sessions=sessions)
    if isinstance(handset, Response):
        return handset
    phones = await handset.phones()
    return page(runtime, handset, phones=phones, current=None)


@get(HOME + "/stream")
async def stream(
    request: Request[Any, Any, Any],
    *,
    runtime: Given[Runtime],
    vault: Given[Vault],
    viewer: Given[Viewer],
    directory: Given[Directory],
    sessions: Given[Sessions],
) -> Response[Any]:
    """What changes, as server-sent events."""
    account_id = await account_of(request, runtime, vault, sessions)
    handset = Handset(account_id, runtime, vault, viewer, directory)
    query = parse_qs(request.scope["query_string"].decode("latin-1"))
    phone = query.get("phone", [""])[0]
    watched = strict_query.path_id("sub", phone) if phone else None
    since = read_since(query.get("since", [""])[0])
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return Stream(tell(handset, watched, since=since), media_type="text/event-stream", headers=headers)


@get(HOME + "/{phone:str}")
async def show_one(
    phone: FromPath[str],
    request: Request[Any, Any, Any],
    *,
    runtime: Given[Runtime],
    vault: Given[Vault],
    viewer: Given[Viewer],
    directory: Given[Directory],
    sessions: Given[Sessions],
) -> Response[Any]:
    """One phone's thread."""
    handset = await open_handset(request, runtime, vault, viewer=viewer, directory=directory, sessions=sessions)
    if isinstance(handset, Response):
        return handset
    subject_id = strict_query.path_id("sub", phone)
    phones = await handset.phones()
    messages, sender = await handset.thread(subject_id)
    current = next((one for one in phones if one.id == phone), None)
    if current is None:
        subject = (await vault.open_subjects(handset.account_id, [subject_id])).get(subject_id)
        if subject is None or not messages:
            return Redirect(HOME)
        current = phone_of(subject, messages[-1])
    bubbles = [bubble_of(message) for message in messages]
    return page(runtime, handset, phones=phones, current=current, bubbles=bubbles, answers_to=sender)


@post(HOME + "/{phone:str}/reply", status_code=303)
async def reply(
    phone: FromPath[str],
    request: Request[Any, Any, Any],
    *,
    body: RawBody,
    runtime: Given[Runtime],
    vault: Given[Vault],
    viewer: Given[Viewer],
    directory: Given[Directory],
    receiver: Given[Receiver],
    sessions: Given[Sessions],
) -> Redirect:
    """Answer from a phone: it enters by the same way as a carrier's."""
    refuse_foreign(request, runtime)
    account_id = await account_of(request, runtime, vault, sessions)
    subject_id = strict_query.path_id("sub", phone)
    text = read_text(body)
    handset = Handset(account_id, runtime, vault, viewer, directory)
    _, sender = await handset.thread(subject_id)
    subject = (await vault.open_subjects(account_id, [subject_id])).get(subject_id)
    if subject is None or sender is None:
        raise strict_query.not_found("sub")
    inbound = Inbound(sender=subject.phone, recipient=sender.value, body=Body(text))
    await receiver.receive(sender, mode=handset_store.TEST, inbound=inbound)
    return Redirect(f"{HOME}/{phone}", status_code=303)


def read_text(body: bytes) -> str:
    """The text out of a form."""
    try:
        text = parse_qs(body.decode("ascii"), strict_parsing=True, errors="strict", max_num_fields=3)["body"][0].strip()
    except (ValueError, KeyError):
        raise Invalid("invalid_reply", "The reply is empty, or no form.", param="body") from None
    text = text.replace("\r\n", "\n")
    if not text or len(text) > BODY_MAX or "\0" in text:
        raise Invalid("invalid_reply", f"A reply has 1 to {BODY_MAX} characters.", param="body")
    return text


async def let_in(request: Request[Any, Any, Any], vault: Vault, key: str) -> Response[Any]:
    try:
        await handset_key.account_of(vault, key)
    except Unauthenticated:
        return closed("This link is not good any more")
    cookie = Cookie(
        key=COOKIE,
        value=key,
        path="/console",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        max_age=int(handset_key.LIFETIME.total_seconds()),
    )
    return Redirect(HOME, status_code=303, cookies=[cookie], headers={"referrer-policy": "no-referrer"})


async def open_handset(
    request: Request[Any, Any, Any],
    runtime: Runtime,
    vault: Vault,
    *,
    viewer: Viewer,
    directory: Directory,
    sessions: Sessions,
) -> Handset | Response[Any]:
    """The handset of who looks; with a key that was good once, the page that says so."""
    try:
        visit = await visit_of(request, runtime, vault, sessions)
    except Unauthenticated:
        key = request.cookies.get(COOKIE, "")
        if not key:
            raise
        try:
            account_id = await handset_key.account_of(vault, key)
        except Unauthenticated:
            return closed("This link is not good any more")
        return Handset(account_id, runtime, vault, viewer, directory, None)
    visit.need(Permission.USE_HANDSET)
    return Handset(visit.account_id, runtime, vault, viewer, directory, visit)


async def account_of(request: Request[Any, Any, Any], runtime: Runtime, vault: Vault, sessions: Sessions) -> UUID:
    """Whose phones: of who is signed in, or of the key that `up` printed, which opens nothing else."""
    try:
        visit = await visit_of(request, runtime, vault, sessions)
    except Unauthenticated:
        return await handset_key.account_of(vault, request.cookies.get(COOKIE, ""))
    visit.need(Permission.USE_HANDSET)
    return visit.account_id


def closed(title: str) -> Response[str]:
    return html("closed.html", status=401, title=title)


def page(
    runtime: Runtime,
    handset: Handset,
    *,
    phones: list[PhoneLine],
    current: PhoneLine | None,
    bubbles: list[Bubble] | None = None,
    answers_to: Sender | None = None,
) -> Response[str]:
    values: dict[str, Any] = {
        "phones": phones,
        "current": current,
        "bubbles": bubbles or [],
        "answers_to": answers_to.value if answers_to else None,
        "stream": f"{HOME}/stream?since={ids.first_at(clock.now() - OVERLAP).hex}"
        + (f"&phone={current.id}" if current else ""),
        "url": runtime.settings.url,
        "test_key": test_key_of(runtime, handset.account_id),
        "numbers": [(number, plan.told) for number, plan in PLANS.items() if is_shown(number)],
    }
    if handset.visit is not None:
        return framed(handset.visit, "handset.html", **values)
    return html("handset.html", visit=None, **values)


def is_shown(number: str) -> bool:
    """All magic numbers but most of the ninety-nine slow ones."""
    slow = {f"+15005551{seconds:03}" for seconds in SLOW}
    return number not in slow or number in ("+15005551005", "+15005551060")


def test_key_of(runtime: Runtime, account_id: UUID) -> str | None:
    """The first account's test key, which `up` keeps in instance.json for exactly this."""
    first = settings.read_instance(runtime.settings.data_dir).get("first", {})
    is_first = first.get("account_id") in (str(account_id), ids.typed("acc", account_id))
    return str(first["test_key"]) if is_first and first.get("test_key") else None


def read_since(text: str) -> UUID:
    """When the page was made: whatever came since is told, also again, for a bubble only replaces itself."""
    try:
        return UUID(hex=text)
    except ValueError:
        return ids.first_at(clock.now() - OVERLAP)


async def tell(handset: Handset, watched: UUID | None, *, since: UUID) -> AsyncIterator[bytes]:
    """Bubbles of the phone in view and the list of phones, whenever either changed."""
    yield b"retry: 1000\n\n"
    told: set[UUID] = set()
    ends_at = clock.monotonic() + STREAM_SECONDS
    while clock.monotonic() < ends_at:
        try:
            fresh, told = await look(handset, told, since=since)
            since = ids.first_at(clock.now() - OVERLAP)
            if fresh:
                for part in await describe(handset, fresh, watched):
                    yield part
        except CONNECTION_LOST:
            yield b": the database is away\n\n"
        await asyncio.sleep(LOOK_SECONDS)


async def look(handset: Handset, told: set[UUID], *, since: UUID) -> tuple[set[UUID], set[UUID]]:
    """Messages that are new or changed since the last look, and all that has been told of by now."""
    async with handset.runtime.main.acquire() as conn:
        changes = await handset_store.read_changes(conn, account_id=handset.account_id, since=since, limit=CHANGES_MAX)
    seen = {*changes.message_ids, *changes.batch_ids}
    fresh = {one for one in changes.message_ids if one not in told}
    if any(one not in told for one in changes.batch_ids):
        fresh.update(changes.told_of)
    return fresh, seen


async def describe(handset: Handset, fresh: set[UUID], watched: UUID | None) -> list[bytes]:
    async with handset.runtime.main.acquire() as conn:
        subjects = await handset_store.subjects_of(conn, account_id=handset.account_id, message_ids=list(fresh))
    shown = sorted(one for one in fresh if watched is not None and subjects.get(one) == watched)
    messages = await handset.viewer.describe(handset.account_id, shown)
    parts = [
        event("bubble", render("bubble.html", bubble=bubble_of(messages[one]))) for one in shown if one in messages
    ]
    phones = await handset.phones()
    if not phones:
        return parts
    current = next((one for one in phones if watched is not None and one.id == ids.typed("sub", watched)), None)
    return [*parts, event("phones", render("phones.html", phones=phones, current=current))]


def event(name: str, html: str) -> bytes:
    """One server-sent event."""
    data = "\n".join(f"data: {line}" for line in html.splitlines())
    return f"event: {name}\n{data}\n\n".encode()


routes = [show_all, stream, show_one, reply]
