"""How messages end when it is not plain: what is charged, what stays open, and what a later word may still change."""

import asyncio

import pytest

from sendigopro.channels.contract import Accepted, Receipt, ReceiptStatus, Rejected
from sendigopro.foundation import ids
from sendigopro.foundation.personal import Phone
from sendigopro.foundation.problems import Conflict, Problem
from sendigopro.ledger import store as ledger
from sendigopro.messages.model import Rank, Status
from sendigopro.messages.receipts import REF_MAX
from sendigopro.messages.redact import delete_message
from sendigopro.messages.view import MessageObject
from tests.messages.house import House
from tests.messages.test_deliver import stop, timeline, waits
from tests.messages.test_takeover import declare, lane_of, lease, lease_again

PRICE = 50_000


async def pay(house: House, micros: int) -> None:
    house.intake.acceptor._price_micros = PRICE  # noqa: SLF001  # the price of this test
    async with house.owner() as conn:
        await ledger.pay_in(conn, account_id=house.account_id, amount_micros=micros, reference="test")
        await ledger.set_limit(conn, account_id=house.account_id, limit_micros=0)


async def credit(house: House) -> tuple[int, int]:
    async with house.runtime.main.acquire() as conn:
        found = await ledger.read_credit(conn, account_id=house.account_id)
    assert found is not None
    return found.balance_micros, found.held_micros


async def test_what_may_have_left_before_its_time_ran_out_is_charged_once_and_held_no_more(house: House) -> None:
    await pay(house, 2 * PRICE)
    accepted = await house.send(house.live, ttl_seconds=1)
    (chunk,) = await lease(house, "dead")
    assert await declare(house, "dead", chunk, 1)
    await house.fetch("UPDATE main.carriers SET is_enabled = false")
    await house.fetch("UPDATE main.chunks SET lease_until = '-infinity'")
    await house.start_worker()

    ended = await house.until(accepted.id, Status.UNKNOWN)

    assert ended.reason == "worker_lost"
    assert await credit(house) == (PRICE, 0)
    (awaited,) = await house.fetch("SELECT due_at > now() + interval '1 day' AS is_far FROM main.awaited_receipts")
    assert awaited["is_far"]


async def test_a_message_that_two_workers_account_for_is_charged_once(house: House) -> None:
    await pay(house, 2 * PRICE)
    accepted = await house.send(house.live)
    slow, _ = await lane_of(house, "slow")
    await lease_again(slow)
    (message,) = await slow._declare(slow._pick(slow.urgent, 1))  # noqa: SLF001  # step by step
    await house.fetch("UPDATE main.chunks SET lease_until = now() - interval '1 second'")
    await house.start_worker()
    await house.until(accepted.id, Status.UNKNOWN)

    settler = slow._settler  # noqa: SLF001  # as above
    writing = asyncio.create_task(settler.run())
    slow.on_outcomes([(message, Accepted(("late",)))])
    await settler.drained()
    writing.cancel()

    assert [rank for rank, _, _ in await timeline(house, accepted.id)] == [Rank.UNKNOWN, Rank.SENT]
    assert await credit(house) == (PRICE, 0)


async def test_an_unclear_message_whose_time_runs_out_can_still_be_delivered(house: House) -> None:
    await house.start_worker()
    accepted = await house.send(to="+15005551108", purpose="emergency", ttl_seconds=1)

    await house.until(accepted.id, Status.DELIVERED)

    assert [rank for rank, _, _ in await timeline(house, accepted.id)] == [Rank.UNKNOWN, Rank.DELIVERED]
    assert await house.fetch("SELECT 1 FROM main.unclear_submits") == []


async def test_what_may_have_left_cannot_be_canceled_while_it_waits_to_be_sent_again(house: House) -> None:
    await house.start_worker()
    accepted = await house.send(to="+15005551104", purpose="emergency")
    await house.until(accepted.id, Status.UNKNOWN)

    with pytest.raises(Conflict):
        await stop(house, accepted.id)
    assert await waits(house)


async def test_a_second_try_that_is_refused_does_not_end_what_the_first_may_have_done(house: House) -> None:
    accepted = await house.send(purpose="emergency")
    message_id = ids.parse("msg", accepted.id)
    await house.fetch(
        "INSERT INTO main.outcomes (account_id, message_id, rank, at, attempt) VALUES ($1, $2, $3, now(), 1)",
        *(house.account_id, message_id, int(Rank.UNKNOWN)),
    )
    lane, _ = await lane_of(house, "worker-1")
    await lease_again(lane)
    (message,) = lane._pick(lane.urgent, 1)  # noqa: SLF001  # step by step
    message.rank, message.is_charged = Rank.UNKNOWN, True
    writing = asyncio.create_task(lane._settler.run())  # noqa: SLF001  # as above
    lane.on_outcomes([(message, Rejected("refused"))])
    await lane._settler.drained()  # noqa: SLF001  # as above
    writing.cancel()

    assert (await house.see(accepted.id)).status is Status.UNKNOWN
    assert await house.fetch("SELECT 1 FROM main.chunks") == []


async def test_a_carriers_hostile_words_hold_nothing_up(house: House) -> None:
    await house.start_worker()
    assert house.worker is not None
    accepted = await house.send(to="+15005551106")
    await house.until(accepted.id, Status.SENT)
    acknowledged: list[object] = []
    (carrier_id,) = house.directory.carriers
    (opened,) = house.worker.lanes._open.values()  # noqa: SLF001  # its lane
    lane = opened.lane
    hostile = [Receipt(ref, ReceiptStatus.DELIVERED, "\0" * 9_999, handle=ref) for ref in ("\0", "x" * 10_000, "")]

    lane._receipts.take(carrier_id, hostile, acknowledged.extend)  # noqa: SLF001  # as the link does

    async with asyncio.timeout(10):
        while len(acknowledged) < len(hostile):
            await asyncio.sleep(0.02)
    assert max(len(row["ref"]) for row in await house.fetch("SELECT ref FROM main.unmatched_receipts")) == REF_MAX


async def test_a_carrier_that_gives_no_ids_does_not_mix_up_its_messages(house: House) -> None:
    sent = [await house.send(body=f"number {n}") for n in range(2)]
    lane, _ = await lane_of(house, "worker-1")
    await lease_again(lane)
    writing = asyncio.create_task(lane._settler.run())  # noqa: SLF001  # step by step
    messages = await lane._declare(lane._pick(lane.urgent, 2))  # noqa: SLF001  # as above
    lane.on_outcomes([(message, Accepted(("",))) for message in messages])
    acknowledged: list[object] = []
    receipt = Receipt(
        "", ReceiptStatus.DELIVERED, recipient=messages[0].recipient, reference=messages[0].id.int & 0xFFFF
    )
    await lane._settler.drained()  # noqa: SLF001  # as above
    lane._receipts.take(lane.carrier.id, [receipt], acknowledged.extend)  # noqa: SLF001  # as the link does
    matching = asyncio.create_task(lane._receipts.run())  # noqa: SLF001  # as above

    await house.until(ids.typed("msg", messages[0].id), Status.DELIVERED)
    for task in (writing, matching):
        task.cancel()

    other = next(one.id for one in sent if one.id != ids.typed("msg", messages[0].id))
    assert (await house.see(other)).status is Status.SENT


async def test_a_receipt_with_the_reference_of_another_message_does_not_settle_an_unclear_one(house: House) -> None:
    await house.start_worker()
    assert house.worker is not None
    unclear = await house.send(to="+15005551104")
    await house.until(unclear.id, Status.UNKNOWN)
    (opened,) = house.worker.lanes._open.values()  # noqa: SLF001  # its lane
    (row,) = await house.fetch("SELECT reference FROM main.unclear_submits")
    receipt = Receipt(
        "early", ReceiptStatus.DELIVERED, recipient=Phone("+15005551104"), reference=(row["reference"] + 1) & 0xFFFF
    )
    acknowledged: list[object] = []

    opened.lane._receipts.take(opened.lane.carrier.id, [receipt], acknowledged.extend)  # noqa: SLF001  # as the link
    async with asyncio.timeout(10):
        while not acknowledged:
            await asyncio.sleep(0.02)

    assert (await house.see(unclear.id)).status is Status.UNKNOWN


async def test_a_replay_says_again_what_was_not_paid_for(house: House) -> None:
    await pay(house, PRICE)
    first = await house.send_many([{}, {}], caller=house.live, key="partly")
    again = await house.send_many([{}, {}], caller=house.live, key="partly")

    assert [isinstance(one, MessageObject) for one in first] == [True, False]
    assert again[0] == first[0]
    assert isinstance(again[1], Problem)


async def test_a_message_whose_receipt_is_awaited_is_not_deleted_from_under_it(house: House) -> None:
    await house.start_worker()
    accepted = await house.send(to="+15005551106")
    await house.until(accepted.id, Status.SENT)

    with pytest.raises(Conflict):
        await delete_message(house.runtime.main, account_id=house.account_id, message_id=ids.parse("msg", accepted.id))
