"""Accounts take turns at a carrier, however much one of them has queued."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

from sendigopro.foundation import clock, ids
from sendigopro.messages import queue_store, store
from sendigopro.messages.model import Chunk
from tests.messages.house import House

PRIORITY = 3


async def queue(house: House, accounts: Sequence[UUID], *, chunks: int, messages: int) -> None:
    (carrier_id,) = house.directory.carriers
    rows = [
        store.ChunkRow(
            account_id, ids.new(), 1, carrier_id, PRIORITY, [ids.new() for _ in range(messages)], clock.today(),
            clock.now() + timedelta(hours=1),
        )
        for account_id in accounts
        for _ in range(chunks)
    ]  # fmt: skip
    async with house.runtime.main.acquire() as conn:
        await store.insert_chunks(conn, rows)


async def lease(house: House, *, after: UUID, messages_max: int) -> list[Chunk]:
    (carrier_id,) = house.directory.carriers
    async with house.runtime.main.acquire() as conn:
        return await queue_store.lease_chunks(
            conn, carrier_id=carrier_id, owner="w", lease_seconds=60, priorities=[PRIORITY], after=[after],
            accounts_max=5, messages_max=messages_max,
        )  # fmt: skip


async def test_a_round_goes_on_behind_the_account_served_last_and_comes_back_to_it(house: House) -> None:
    first, second, third = sorted((uuid4() for _ in range(3)), key=lambda one: one.int)
    await queue(house, [first, second, third], chunks=2, messages=10)

    served = [
        {chunk.account_id for chunk in await lease(house, after=second, messages_max=20)},
        {chunk.account_id for chunk in await lease(house, after=first, messages_max=20)},
        {chunk.account_id for chunk in await lease(house, after=third, messages_max=20)},
    ]

    assert served == [{third, first}, {second, third}, {first, second}]


async def test_who_queued_most_gets_no_more_than_the_others_in_one_lease(house: House) -> None:
    many, few, other = uuid4(), uuid4(), uuid4()
    await queue(house, [many], chunks=60, messages=10)
    await queue(house, [few, other], chunks=2, messages=10)

    leased = await lease(house, after=queue_store.NOBODY, messages_max=60)

    assert sorted(chunk.account_id for chunk in leased) == sorted([many, few, other] * 2)


async def test_nothing_is_leased_twice_and_nothing_is_left(house: House) -> None:
    accounts = [uuid4() for _ in range(4)]
    await queue(house, accounts, chunks=3, messages=10)

    after, leased = queue_store.NOBODY, list[Chunk]()
    while found := await lease(house, after=after, messages_max=50):
        leased += found
        after = found[0].account_id

    assert len({chunk.id for chunk in leased}) == len(leased) == 12
