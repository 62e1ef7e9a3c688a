"""A served house whose people may ask for things, and a worker's hand that forgets them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from sendigopro.events.bus import Bus
from sendigopro.foundation import clock, ids
from sendigopro.foundation.phones import PhoneNumber, parse_phone
from sendigopro.messages import settle_store
from sendigopro.messages.load import Loader
from sendigopro.messages.settle_store import UnmatchedRow
from sendigopro.privacy.desk import Desk, desk_of
from sendigopro.privacy.job import Erasures
from sendigopro.privacy.journal import Journal
from sendigopro.vault.vault import PLATFORM
from tests.databases import Databases
from tests.messages.house import House, house_of
from tests.web.conftest import Site, site_of
from tests.web.serving import Reply

ANNA = "+4915112345678"
BEN = "+4915187654321"
NOBODY = "+4915199999999"


@dataclass(slots=True)
class Office:
    """Doors, and the worker's part of forgetting, one step at a time."""

    site: Site
    desk: Desk
    erasures: Erasures

    @property
    def house(self) -> House:
        return self.site.house

    async def ask(self, type_: str, identifier: str = ANNA, **more: Any) -> Reply:
        """POST a request."""
        headers = {name: more.pop(name) for name in ("key", "Idempotency_Key") if name in more}
        body = {"type": type_, "identifier": identifier, **more}
        return await self.site.ask("POST", "/v1/privacy/requests", body, **headers)

    async def asked(self, type_: str, identifier: str = ANNA, **more: Any) -> dict[str, Any]:
        """The same, accepted."""
        answered = await self.ask(type_, identifier, **more)
        assert answered.status == 202, answered.body
        return decoded(answered)

    async def get(self, request_id: str, what: str = "", **more: Any) -> Reply:
        return await self.site.ask("GET", f"/v1/privacy/requests/{request_id}{what}", **more)

    async def finish(self) -> None:
        """What a worker does, until nothing is left."""
        while await self.erasures.step():
            pass

    async def rows(self, query: str, *args: Any) -> list[Any]:
        return await self.house.fetch(query, *args)

    async def subject_of(self, number: str, mode: int = 0) -> UUID | None:
        """Whom the vault knows under a number, asked by somebody who has nobody in memory."""
        self.house.vault.drop_subjects()
        found = await self.house.vault.find(self.house.account_id, mode, phone_of(number))
        return found.id if found is not None else None


def decoded(answered: Reply) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(answered.body)
    return found


def phone_of(number: str) -> PhoneNumber:
    return parse_phone(number)


def request_id(found: dict[str, Any]) -> UUID:
    return ids.parse("prq", found["id"])


async def set_aside(
    house: House,
    number: str,
    *,
    age: timedelta = timedelta(hours=1),
    carrier_id: UUID | None = None,
    reference: int | None = None,
) -> UUID:
    """A carrier's report of this number that matches no message; its id."""
    await house.vault.load_account(PLATFORM)
    mac = house.vault.suppression_mac(PLATFORM, phone_of(number).phone)
    row = UnmatchedRow(
        ids.new(), carrier_id or ids.new(), f"ref of {number}", 50, "000", mac, reference, clock.now() - age
    )
    async with house.runtime.main.acquire() as conn:
        await settle_store.insert_unmatched(conn, [row], retry_seconds=3600.0)
    return UUID(bytes=row.id.bytes)


def loader_of(house: House) -> Loader:
    return Loader(pool=house.runtime.main, vault=house.vault, directory=house.directory)


def erasures_of(house: House, desk: Desk) -> Erasures:
    return Erasures(desk, loader=loader_of(house), bus=Bus(), owner="worker-1", late_seconds=0.0)


@pytest.fixture
async def office(databases: Databases, tmp_path: Path) -> AsyncIterator[Office]:
    async with house_of(databases, tmp_path) as house, site_of(house, databases) as site:
        desk = desk_of(house.runtime, house.vault, Journal(house.runtime.settings.journal_folder))
        yield Office(site, desk, erasures_of(house, desk))
