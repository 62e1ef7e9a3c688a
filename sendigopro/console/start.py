"""A first message within a minute: a key of one's own, the sample with it, and a page that sees it arrive."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.response import Stream

from sendigopro.accounts import account_store
from sendigopro.accounts.keys import create_key
from sendigopro.accounts.model import DEFAULT_PURPOSE, TEST
from sendigopro.accounts.roles import Permission
from sendigopro.console import home_store
from sendigopro.console.frame import framed
from sendigopro.console.samples import samples_of
from sendigopro.console.visit import Visit
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import CONNECTION_LOST, as_account
from sendigopro.runtime import Runtime

START: Final = "/console/start"
SCOPES: Final = (
    Permission.READ_MESSAGES, Permission.WRITE_MESSAGES, Permission.READ_SUBJECTS, Permission.READ_BODIES,
    Permission.READ_EVENTS, Permission.READ_WEBHOOKS, Permission.WRITE_WEBHOOKS, Permission.READ_SENDERS,
)  # fmt: skip
"""What a first key is for, as far as whoever makes it may do it too."""
FIRST: Final = {"to": "+15005550006", "body": "Hello from SendiGoPro"}
PLACEHOLDER: Final = "sk_test_…"
LOOK_SECONDS: Final = 0.3
STREAM_SECONDS: Final = 25.0


@get(START)
async def show(visit: Given[Visit], runtime: Given[Runtime]) -> Response[str]:
    """The steps, with a placeholder where the key will stand."""
    visit.need(Permission.READ_MESSAGES)
    return page(visit, runtime, key=None)


@post(START, status_code=200)
async def make_key(visit: Given[Visit], runtime: Given[Runtime]) -> Response[str]:
    """The same page, with a key that is shown this once."""
    visit.need(Permission.WRITE_KEYS)
    scopes = [one.value for one in SCOPES if visit.may(one)]
    async with as_account(runtime.door, visit.account_id) as conn:
        account = await account_store.read_account(conn, account_id=visit.account_id)
        purpose = DEFAULT_PURPOSE if account is None else account.default_purpose
        made = await create_key(
            conn, account_id=visit.account_id, mode=TEST, scopes=scopes, purpose=purpose, by=visit.by
        )
    return page(visit, runtime, key=made.token)


@get(START + "/stream")
async def stream(request: Request[Any, Any, Any], visit: Given[Visit], runtime: Given[Runtime]) -> Response[Any]:
    """One event, when a test message came after the page was made; streams end and browsers come back."""
    visit.need(Permission.READ_MESSAGES)
    since = read_since(request.query_params.get("since", ""))
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return Stream(tell(visit.account_id, runtime, since), media_type="text/event-stream", headers=headers)


async def tell(account_id: UUID, runtime: Runtime, since: UUID) -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\n"
    ends_at = clock.monotonic() + STREAM_SECONDS
    while clock.monotonic() < ends_at:
        try:
            async with as_account(runtime.door, account_id) as conn:
                found = await home_store.newest_message(conn, account_id=account_id, mode=TEST, after=since)
            if found is not None:
                yield f"event: arrived\ndata: {ids.typed('msg', found)}\n\n".encode()
                return
        except CONNECTION_LOST:
            yield b": the database is away\n\n"
        await asyncio.sleep(LOOK_SECONDS)


def read_since(text: str) -> UUID:
    try:
        return UUID(hex=text)
    except ValueError:
        return ids.first_at(clock.now())


def page(visit: Visit, runtime: Runtime, *, key: str | None) -> Response[str]:
    address = f"{runtime.settings.url}/v1/messages"
    return framed(
        visit,
        "start.html",
        key=key,
        may_make=visit.may(Permission.WRITE_KEYS),
        samples=samples_of("POST", address, key or PLACEHOLDER, FIRST),
        since=ids.first_at(clock.now()).hex,
    )


routes = [show, make_key, stream]
