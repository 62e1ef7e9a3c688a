"""A house whose events are heard: endpoints, receivers, a worker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import standardwebhooks

from sendigopro.audit.model import Actor, ActorKind, By
from sendigopro.events import store as events
from sendigopro.events.model import Batch, Event
from sendigopro.foundation import clock, ids
from sendigopro.foundation.addresses import SystemLookup
from sendigopro.messages.model import Mode
from sendigopro.webhooks.deliver import Deliveries
from sendigopro.webhooks.endpoints import Endpoints
from sendigopro.webhooks.model import Endpoint
from tests.databases import Databases
from tests.messages.house import House, house_of
from tests.webhooks.receivers import Receiver, Request

LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 20.0


@dataclass(slots=True)
class Desk:
    """Everything a test of webhooks touches."""

    house: House
    endpoints: Endpoints

    @property
    def account_id(self) -> UUID:
        return self.house.account_id

    @property
    def deliveries(self) -> Deliveries:
        assert self.house.worker is not None
        return self.house.worker.webhooks

    async def tell(self, peer: Receiver, *types: str, path: str = "/hook") -> tuple[Endpoint, str]:
        """An endpoint of the test mode, and its secret."""
        return await self.endpoints.create(
            self.account_id, Mode.TEST, url=peer.url(path), event_types=types, description="test"
        )

    async def happen(self, *types: str, owner: str = "", facts: dict[str, Any] | None = None) -> list[Event]:
        """Write events that nobody has in memory, about messages that are no more."""
        made = [
            Event(
                ids.new_bytes(),
                type_,
                ids.new_bytes(),
                clock.now_us(),
                {"rank": 60, "status": "delivered", **(facts or {})},
            )
            for type_ in types
        ]
        async with self.house.runtime.main.acquire() as conn, conn.transaction():
            batch = Batch(self.account_id, Mode.TEST, events=made)
            await events.publish(conn, [batch], owner=owner, lease_seconds=300 if owner else 0)
        return made

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        return await self.house.fetch(query, *args)

    async def until(self, query: str, *args: Any) -> asyncpg.Record:
        """Wait until a query finds a row."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (rows := await self.fetch(query, *args)):
                await asyncio.sleep(LOOK_SECONDS)
        return rows[0]

    async def gone(self, query: str) -> None:
        """Wait until a query finds nothing."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.fetch(query):
                await asyncio.sleep(LOOK_SECONDS)

    async def outbox_is_empty(self) -> None:
        await self.gone("SELECT 1 FROM main.outbox")

    async def events_are_shown(self) -> None:
        """Wait until every transaction older than the newest event has ended: only then may it be read by cursor."""
        await self.gone("SELECT 1 FROM main.events WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())")

    async def hurry(self) -> None:
        """Let a day pass for whatever waits to be tried again."""
        await self.fetch("UPDATE main.webhook_retries SET due_at = now()")


@asynccontextmanager
async def desk_of(databases: Databases, folder: Path, *, allow_private: bool = True) -> AsyncIterator[Desk]:
    async with house_of(databases, folder, allow_private_webhooks=allow_private) as house:
        lookup = SystemLookup()
        runtime = house.runtime
        by = By(Actor(ActorKind.KEY, house.test.key_id))
        pools = {"main": runtime.main, "door": runtime.door}
        yield Desk(house, Endpoints(**pools, vault=house.vault, lookup=lookup, allow_private=allow_private, by=by))
        lookup.close()


def verified(request: Request, secret: str) -> dict[str, Any]:
    """What a receiver reads with the standard library of receivers; it raises unless the signature is right."""
    told: dict[str, Any] = standardwebhooks.Webhook(secret).verify(request.body, request.headers)
    assert told == msgspec.json.decode(request.body)
    assert told["id"] == request.headers["webhook-id"]
    return told


def paths(peer: Receiver, chosen: Callable[[Request], bool] = lambda _: True) -> list[str]:
    return [request.path for request in peer.requests if chosen(request)]
