"""Through the door an account sees itself and nobody else, whatever a statement forgets to ask for."""

import pytest

from sendigopro.foundation import ids
from sendigopro.foundation.postgres import as_account
from tests.messages.house import House

WALLED = [
    "messages", "message_bodies", "outcomes", "part_reports", "message_tags", "chunks", "waiting", "moved", "events",
    "tallies", "senders",
]  # fmt: skip


@pytest.mark.parametrize("table", WALLED)
async def test_the_door_shows_no_row_of_another_account(house: House, table: str) -> None:
    await house.send(tags=["one"])
    everything = f"SELECT DISTINCT account_id FROM main.{table}"  # noqa: S608  # one of the tables above

    async with as_account(house.runtime.door, house.account_id) as conn:
        own = {row["account_id"] for row in await conn.fetch(everything)}
    async with as_account(house.runtime.door, ids.new()) as conn:
        foreign = await conn.fetch(everything)
    without = await house.runtime.door.fetch(everything)

    assert own <= {house.account_id}
    assert foreign == []
    assert without == []
