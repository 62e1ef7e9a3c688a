"""Messages are looked up by their own rows alone, however many others their account has."""

from typing import Any
from uuid import UUID

import pytest

from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Pool, connect_pool
from sendigopro.messages import read_store, store
from sendigopro.messages.view import MessageObject
from tests.messages.house import House

ASKED = 20


async def send(house: House, count: int) -> list[UUID]:
    """Queue messages, each in a chunk of its own."""
    sent = [await house.send_many([{"to": f"+49151{number:08d}"}]) for number in range(count)]
    return [ids.parse("msg", one.id) for (one,) in sent if isinstance(one, MessageObject)]


async def look_up(pool: Pool, house: House, message_ids: list[UUID]) -> list[Any]:
    async with pool.acquire() as conn, conn.transaction():
        found = await store.read_messages(conn, account_id=house.account_id, message_ids=message_ids)
        states = await read_store.read_states(conn, account_id=house.account_id, message_ids=message_ids)
        days = sorted({row["body_expires_on"] for row in found})
        sent = await store.read_to_send(conn, account_ids=[house.account_id], message_ids=message_ids, days=days)
        assert {row["id"] for row in found} == {row["id"] for row in sent} == set(states)
        rows: list[Any] = await conn.fetch(
            """
            SELECT indexrelname, pg_stat_get_xact_numscans(indexrelid) FROM pg_stat_user_indexes
            WHERE relname LIKE 'messages_d%' AND pg_stat_get_xact_numscans(indexrelid) > 0
            UNION ALL
            SELECT relname, seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'chunks'
            """
        )
        return rows


@pytest.mark.parametrize("first", ["SELECT 1", "VACUUM ANALYZE main.messages, main.chunks"])
async def test_reading_messages_reads_their_rows_alone_however_young_the_tables_were(house: House, first: str) -> None:
    """Planned while the tables were young, it read the rest of the account's day in another index."""
    async with house.owner() as owner:
        await owner.execute(first)
    pool = await connect_pool(house.runtime.settings.main("pipeline"), size=1, name="young", is_hot=True)
    (early,) = await send(house, 1)
    await look_up(pool, house, [early])

    message_ids = await send(house, 100)
    read = dict(tuple(row) for row in await look_up(pool, house, message_ids[:ASKED]))
    await pool.close()

    assert read.pop("chunks") == 1 + ASKED  # with the early one
    assert {name.endswith("_pkey") for name in read} == {True}
