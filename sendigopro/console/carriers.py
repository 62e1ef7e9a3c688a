"""The page of the carriers that an account's messages take: bound or not, what waits, what lately became of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency as Given
from litestar.response import Stream

from sendigopro.accounts.roles import Permission
from sendigopro.channels.directory import Directory
from sendigopro.channels.model import Carrier
from sendigopro.console.carriers_view import CarrierState, state_of
from sendigopro.console.frame import framed
from sendigopro.console.pages import render
from sendigopro.console.visit import Visit
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import CONNECTION_LOST, as_account
from sendigopro.messages import carrier_store
from sendigopro.messages.model import Channel
from sendigopro.runtime import Runtime

HOME = "/console/carriers"
LOOK_SECONDS: Final = 3.0
STREAM_SECONDS: Final = 60.0
"""Then the browser asks again, and who may look no more is refused."""


@get(HOME)
async def show(visit: Given[Visit], runtime: Given[Runtime], directory: Given[Directory]) -> Response[str]:
    """Those of the account's route, of the data in view."""
    visit.need(Permission.READ_MESSAGES)
    return framed(visit, "carriers.html", carriers=await look(runtime, directory, visit), at=clock.now())


@get(HOME + "/stream")
async def stream(visit: Given[Visit], runtime: Given[Runtime], directory: Given[Directory]) -> Response[Any]:
    """The same table again and again, for a page that stays open."""
    visit.need(Permission.READ_MESSAGES)
    headers = {"cache-control": "no-store"}
    return Stream(tell(runtime, directory, visit), media_type="text/event-stream", headers=headers)


async def tell(runtime: Runtime, directory: Directory, visit: Visit) -> AsyncIterator[bytes]:
    """A table whenever it is another one."""
    yield b"retry: 3000\n\n"
    ends_at, told = clock.monotonic() + STREAM_SECONDS, ""
    while clock.monotonic() < ends_at:
        try:
            table = render("carriers_table.html", carriers=await look(runtime, directory, visit), at=clock.now())
        except CONNECTION_LOST:
            yield b": the database is away\n\n"
        else:
            if table != told:
                told = table
                data = "\n".join(f"data: {line}" for line in table.splitlines())
                yield f"event: carriers\n{data}\n\n".encode()
        await asyncio.sleep(LOOK_SECONDS)


async def look(runtime: Runtime, directory: Directory, visit: Visit) -> list[CarrierState]:
    """The carriers are the installation's: an account is shown whether they work, and its own messages."""
    route = directory.route(visit.account_id, visit.mode, Channel.SMS)
    return await states(runtime, route, visit.account_id)


async def states(runtime: Runtime, carriers: Sequence[Carrier], account_id: UUID) -> list[CarrierState]:
    since = ids.first_at(clock.now() - carrier_store.RECENTLY)
    async with runtime.main.acquire() as conn:
        binds = await carrier_store.read_binds(conn, carrier_ids=[one.id for one in carriers])
    async with as_account(runtime.door, account_id) as conn:
        lanes = await carrier_store.read_lanes(conn, account_id=account_id)
        recent = await carrier_store.read_recent(
            conn, account_ids=[account_id], since=since, limit=carrier_store.RECENT_MAX
        )
        delays = await carrier_store.read_delays(
            conn, account_id=account_id, since=since, limit=carrier_store.DELAYS_MAX
        )
    return [state_of(one, binds=binds, lanes=lanes, recent=recent, delays=delays) for one in carriers]


routes = [show, stream]
