"""Lists are read in windows: whatever their size, nothing is left out, told twice, or out of order."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sendigopro.accounts.retention_terms import DEFAULT
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import as_account
from sendigopro.messages import listing
from sendigopro.messages.listing import Found, MessageQuery, find_messages
from sendigopro.messages.model import Status
from tests.databases import Databases
from tests.messages.house import House, house_of

OTHER = "+447400123456"


@pytest.fixture
async def house(databases: Databases, tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(databases, tmp_path) as house:
        yield house


async def find(house: House, *, patience: float = 60.0, **asked: Any) -> Found:
    return await find_messages(
        partial(as_account, house.runtime.door), house.vault, MessageQuery(**asked), account_id=house.account_id,
        mode=house.test.mode, retention=DEFAULT, patience_seconds=patience,
    )  # fmt: skip


async def fill(house: House) -> list[dict[str, Any]]:
    """Thirty messages, each third to somebody else, each fourth with a tag, each fifth canceled, some live between."""
    made = []
    for n in range(30):
        asked: dict[str, Any] = {
            "to": OTHER if n % 3 == 0 else "+4915112345678",
            "tags": ["rare"] if n % 4 == 0 else [],
        }
        sent = await house.send(caller=house.live if n % 7 == 6 else None, **asked)
        message_id = ids.parse("msg", sent.id)
        if n % 5 == 0:
            await house.runtime.main.execute(
                "INSERT INTO main.outcomes (account_id, message_id, rank, at, attempt)"
                " VALUES ($1, $2, 10, now(), 1), ($1, $2, 50, now(), 1)",
                house.account_id, message_id,
            )  # fmt: skip
        made.append({"id": message_id, "n": n})
    return made


CASES: dict[str, tuple[dict[str, Any], Callable[[int], bool]]] = {
    "all": ({}, lambda _: True),
    "to": ({"recipient": OTHER}, lambda n: n % 3 == 0),
    "tag": ({"tag": "rare"}, lambda n: n % 4 == 0),
    "status": ({"status": Status.CANCELED}, lambda n: n % 5 == 0),
    "sent before": ({"status": Status.SENT}, lambda _: False),
    "both": ({"recipient": OTHER, "tag": "rare", "status": Status.CANCELED}, lambda n: n % 60 == 0),
    "queued": ({"status": Status.QUEUED, "recipient": OTHER}, lambda n: n % 3 == 0 and n % 5 != 0),
    "outbound": ({"direction": "outbound"}, lambda _: True),
    "inbound": ({"direction": "inbound"}, lambda _: False),
}


@pytest.mark.parametrize("size", [1, 4, 100])
async def test_windows_leave_nothing_out(house: House, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    made = await fill(house)
    monkeypatch.setattr(listing, "WINDOW_FIRST", 1)
    monkeypatch.setattr(listing, "WINDOW_MAX", size)
    monkeypatch.setattr(listing, "STATUS_WINDOW_MAX", size)
    for name, (asked, is_meant) in CASES.items():
        meant = [one["id"] for one in made if is_meant(one["n"]) and one["n"] % 7 != 6][::-1]
        for limit in (3, 50):
            assert await all_pages(house, "after", limit=limit, **asked) == meant, (name, limit)
            assert sorted(await all_pages(house, "before", limit=limit, **asked), reverse=True) == meant, (name, limit)


async def all_pages(house: House, cursor: str, **asked: Any) -> list[UUID]:
    """Page after page, from the newest to the oldest or the other way; without patience, so every cursor is tried."""
    place = {} if cursor == "after" else {"before": ids.typed("msg", UUID(int=0))}
    seen: list[UUID] = []
    for _ in range(200):
        found = await find(house, patience=-1.0, **asked, **place)
        seen += found.ids
        if not found.has_more:
            return seen
        edge = found.reached or (found.ids[-1] if cursor == "after" else found.ids[0])
        place = {cursor: ids.typed("msg", edge)}
    raise AssertionError("pages never end")
