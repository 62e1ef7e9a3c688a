"""Who sends a message when workers stall, lose their lease and come back: one of them, and once."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from sendigopro import worker
from sendigopro.channels import store as channels
from sendigopro.channels.contract import Outbound
from sendigopro.channels.model import PLATFORM, Carrier
from sendigopro.foundation import ids
from sendigopro.messages import queue_store, settle
from sendigopro.messages.deliver import Lane
from sendigopro.messages.model import Channel, Chunk, Status, Why
from sendigopro.messages.settle import Item
from sendigopro.runtime import Runtime
from tests.messages.house import House


class Paper:
    """A carrier that takes everything, writes it down and never says a word."""

    is_ready = True
    room = 100

    def __init__(self) -> None:
        self.taken: list[str] = []

    def send_many(self, messages: Sequence[Outbound]) -> None:
        self.taken += [message.body.reveal() for message in messages]

    def acknowledge(self, handles: Sequence[Any]) -> None:
        """Nothing was said."""

    def set_binds(self, count: int) -> None:
        """It needs none."""

    async def close(self, *, drain_seconds: float) -> None:
        """Nothing is open."""

    def state(self) -> Mapping[str, object]:
        return {}


async def lane_of(house: House, name: str) -> tuple[Lane, Paper]:
    """A lane of a worker of that name, which does only what the test calls."""
    runtime = Runtime(name, house.runtime.settings, house.runtime.main, house.runtime.vault, house.runtime.door)
    (carrier,) = house.directory.carriers.values()
    lane = worker.build(runtime).lanes._make_lane(carrier)  # noqa: SLF001  # as the worker itself makes it
    await lane._vault.load_account(PLATFORM)  # noqa: SLF001  # as the worker itself does
    paper = Paper()
    lane.link = paper
    return lane, paper


async def lease_again(lane: Lane) -> None:
    """Lease what is there, and wait until it is opened."""
    await lane._lease_and_open(lane.urgent)  # noqa: SLF001  # step by step
    await lane.urgent.opened()


async def lease(house: House, owner: str, *, lease_seconds: float = 60) -> list[Chunk]:
    (carrier_id,) = house.directory.carriers
    async with house.runtime.main.acquire() as conn:
        return await queue_store.lease_chunks(
            conn, carrier_id=carrier_id, owner=owner, lease_seconds=lease_seconds, priorities=[2],
            after=[queue_store.NOBODY], accounts_max=5, messages_max=500,
        )  # fmt: skip


async def declare(house: House, owner: str, chunk: Chunk, intended: int) -> bool:
    """Whether the chunk was still this owner's."""
    async with house.runtime.main.acquire() as conn:
        declared = await queue_store.declare_intent(
            conn, owner=owner, account_ids=[chunk.account_id], chunk_ids=[chunk.id], intended=[intended], macs=[],
            lease_seconds=60,
        )  # fmt: skip
    return chunk.id in declared.dropped


async def test_a_lease_that_ran_out_and_that_nobody_took_is_still_its_owners(house: House) -> None:
    await house.send()
    (chunk,) = await lease(house, "slow", lease_seconds=-1)

    assert await declare(house, "slow", chunk, 1)
    assert await lease(house, "quick") == []


async def test_a_lease_that_another_took_or_that_was_given_back_is_lost(house: House) -> None:
    await house.send()
    (chunk,) = await lease(house, "slow", lease_seconds=-1)
    (taken,) = await lease(house, "quick")

    assert not await declare(house, "slow", chunk, 1)
    async with house.runtime.main.acquire() as conn:
        await queue_store.release_of_owner(conn, owner="quick")
    assert not await declare(house, "quick", taken, 1)


async def test_what_another_worker_sent_meanwhile_is_not_sent_again_by_who_leases_it_back(house: House) -> None:
    await house.send_many([{"body": "one"}, {"body": "two"}])
    slow, paper = await lane_of(house, "slow")
    await slow._lease_and_open(slow.urgent)  # noqa: SLF001  # step by step
    await slow.urgent.opened()
    await house.fetch("UPDATE main.chunks SET lease_until = now() - interval '1 second'")
    (taken,) = await lease(house, "quick")
    assert await declare(house, "quick", taken, 2)
    await house.fetch("UPDATE main.chunks SET lease_until = now() - interval '1 second'")

    await lease_again(slow)
    sending = asyncio.create_task(slow.send(slow.urgent))
    await asyncio.sleep(0.3)
    slow.stop()
    await sending

    assert paper.taken == []


async def test_what_was_declared_is_handed_over_although_the_lane_stops(house: House) -> None:
    await house.send(body="one")
    lane, paper = await lane_of(house, "worker-1")
    await lane._lease_and_open(lane.urgent)  # noqa: SLF001  # step by step
    await lane.urgent.opened()
    async with house.runtime.main.acquire() as conn, conn.transaction():
        await conn.execute("SELECT 1 FROM main.chunks FOR UPDATE")
        sending = asyncio.create_task(lane.send(lane.urgent))
        await asyncio.sleep(0.2)  # it waits for the row
        lane.stop()
    await sending

    assert paper.taken == ["one"]


async def test_messages_of_a_lost_lease_do_not_count_for_the_new_one(house: House) -> None:
    await house.send_many([{"body": "one"}, {"body": "two"}])
    lane, _ = await lane_of(house, "worker-1")
    await lane._lease_and_open(lane.urgent)  # noqa: SLF001  # step by step
    await lane.urgent.opened()
    old = lane._pick(lane.urgent, 1)  # noqa: SLF001  # as above
    await house.fetch("UPDATE main.chunks SET lease_owner = 'quick', lease_until = now() - interval '1 second'")
    await lease_again(lane)
    new = lane._pick(lane.urgent, 1)  # noqa: SLF001  # as above

    done, _ = settle._chunks_done([Item(old[0], resolves=True), Item(new[0], resolves=True)])  # noqa: SLF001

    assert done == []


async def test_a_carrier_that_cannot_be_opened_does_not_stop_the_others(house: House) -> None:
    async with house.runtime.main.acquire() as conn:
        broken = Carrier(ids.new(), "a-broken-one", "sandbox", Channel.SMS, 1, 300, is_enabled=True)
        await channels.put_carrier(conn, broken, credentials=b"not sealed by us")
    await house.start_worker()
    accepted = await house.send()

    await house.until(accepted.id, Status.DELIVERED)


async def test_what_waits_for_a_carrier_that_is_gone_goes_by_the_next_of_its_route(house: House) -> None:
    (working,) = house.directory.carriers
    async with house.runtime.main.acquire() as conn:
        gone = Carrier(ids.new(), "gone", "sandbox", Channel.SMS, 1, 300, is_enabled=False)
        await channels.put_carrier(conn, gone, credentials=b"")
    accepted = await house.send()
    await house.fetch("UPDATE main.chunks SET carrier_id = $1", gone.id)
    await house.start_worker()

    await house.until(accepted.id, Status.DELIVERED)

    assert [row["carrier_id"] for row in await house.fetch("SELECT carrier_id FROM main.outcomes")] == [working] * 2


async def test_what_a_stalled_worker_puts_back_late_is_not_sent_once_more(house: House) -> None:
    accepted = await house.send()
    message_id = ids.parse("msg", accepted.id)
    lane, _ = await lane_of(house, "slow")
    await lane._lease_and_open(lane.urgent)  # noqa: SLF001  # step by step
    await lane.urgent.opened()
    (message,) = lane._pick(lane.urgent, 1)  # noqa: SLF001  # as above
    await house.fetch(
        "INSERT INTO main.moved (account_id, message_id, chunk_id, position) VALUES ($1, $2, $3, 0)",
        *(house.account_id, message_id, ids.new()),
    )

    settler = lane._settler  # noqa: SLF001  # the worker's own
    writing = asyncio.create_task(settler.run())
    lane._wait(message, carrier_id=lane.carrier.id, after_seconds=1, why=Why.TRY_LATER)  # noqa: SLF001
    await settler.drained()
    writing.cancel()

    assert await house.fetch("SELECT 1 FROM main.waiting") == []
