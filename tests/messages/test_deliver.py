"""What a worker does with a message, whatever the carrier says, and whatever happens to the worker."""

import asyncio
from datetime import timedelta

import pytest

from sendigopro.channels import credentials
from sendigopro.channels import store as channels
from sendigopro.channels.model import PLATFORM, Carrier
from sendigopro.consent import store as consent
from sendigopro.events.bus import Bus
from sendigopro.foundation import clock, ids
from sendigopro.foundation.personal import Phone
from sendigopro.foundation.problems import Conflict, NotFound
from sendigopro.messages import queue_store, read_store
from sendigopro.messages.cancel import cancel
from sendigopro.messages.load import Loader
from sendigopro.messages.model import Channel, Mode, Rank, Status
from sendigopro.messages.redact import delete_message, redact_body
from tests.instance import free_port
from tests.messages.house import House

SAID = [
    ("+15005550006", Status.DELIVERED, None),
    ("+15005550001", Status.REJECTED, "invalid_number"),
    ("+15005550008", Status.DELIVERED, None),  # told to try later once
    ("+15005551100", Status.UNDELIVERED, "carrier_undelivered"),
    ("+15005551102", Status.UNDELIVERED, "carrier_expired"),
    ("+15005551104", Status.UNKNOWN, "no_answer"),
    ("+15005551110", Status.DELIVERED, None),  # its receipt overtakes the answer
    ("+15005551111", Status.DELIVERED, None),  # its receipt comes twice
]


@pytest.mark.parametrize(("to", "status", "reason"), SAID)
async def test_a_message_becomes_what_the_carrier_says(
    house: House, to: str, status: Status, reason: str | None
) -> None:
    await house.start_worker()
    accepted = await house.send(to=to)

    ended = await house.until(accepted.id, status)

    assert ended.reason == reason


async def test_a_receipt_that_comes_twice_is_written_counted_and_told_once(house: House) -> None:
    await house.start_worker()
    accepted = await house.send(to="+15005551111")
    await house.until(accepted.id, Status.DELIVERED)
    await asyncio.sleep(1.2)  # the second receipt comes after a second

    rows = await house.fetch("SELECT rank, sum(n)::int AS n FROM main.tallies GROUP BY rank ORDER BY rank")
    assert [(row["rank"], row["n"]) for row in rows] == [(0, 1), (Rank.SENT, 1), (Rank.DELIVERED, 1)]


async def test_a_receipt_settles_a_message_that_was_unknown(house: House) -> None:
    await house.start_worker()
    accepted = await house.send(to="+15005551108")

    await house.until(accepted.id, Status.UNKNOWN)
    await house.until(accepted.id, Status.DELIVERED)


async def test_a_long_message_is_delivered_once_all_its_parts_are(house: House) -> None:
    await house.start_worker()
    accepted = await house.send(body="x" * 400)

    assert accepted.segments == 3
    await house.until(accepted.id, Status.DELIVERED)
    assert len(await house.fetch("SELECT 1 FROM main.part_reports")) == 3


async def test_an_emergency_without_an_answer_is_sent_once_more_and_then_held(house: House) -> None:
    await house.fetch("UPDATE main.carriers SET unclear_wait_seconds = 1")
    await house.directory.refresh()
    await house.start_worker()
    accepted = await house.send(to="+15005551104", purpose="emergency")

    message_id = ids.parse("msg", accepted.id)
    async with asyncio.timeout(15):
        while len(outcomes := await timeline(house, accepted.id)) < 1 or await waits(house):
            await asyncio.sleep(0.05)
    async with asyncio.timeout(15):
        while await house.fetch("SELECT 1 FROM main.chunks"):
            await asyncio.sleep(0.05)

    assert outcomes[0] == (Rank.UNKNOWN, "unclear_resend", 1)
    (moved,) = await house.fetch("SELECT message_id FROM main.moved")
    assert moved["message_id"] == message_id


async def test_who_opted_out_is_not_written_to(house: House) -> None:
    accepted = await house.send()
    mac = house.vault.suppression_mac(house.account_id, Phone("+4915112345678"))
    async with house.runtime.main.acquire() as conn:
        await consent.set_standing(conn, account_id=house.account_id, macs=[mac], state="opted_out")
    await house.start_worker()

    ended = await house.until(accepted.id, Status.REJECTED)

    assert ended.reason == "recipient_opted_out"


async def test_a_cancel_answered_yes_is_never_sent(house: House) -> None:
    kept, stopped = await house.send(body="keep"), await house.send(body="stop")
    await stop(house, stopped.id)
    await house.start_worker()

    await house.until(kept.id, Status.DELIVERED)

    assert await timeline(house, stopped.id) == [(Rank.CANCELED, "canceled", 1)]
    assert await house.fetch("SELECT 1 FROM main.chunks") == []


async def test_a_scheduled_message_can_be_canceled(house: House) -> None:
    accepted = await house.send(send_at=(clock.now() + timedelta(minutes=10)).isoformat())
    await stop(house, accepted.id)

    assert (await house.see(accepted.id)).status is Status.CANCELED
    assert not await waits(house)


async def test_what_was_sent_cannot_be_canceled(house: House) -> None:
    await house.start_worker()
    accepted = await house.send()
    await house.until(accepted.id, Status.DELIVERED)

    with pytest.raises(Conflict):
        await stop(house, accepted.id)


async def test_a_message_of_another_account_does_not_exist(house: House) -> None:
    accepted = await house.send()

    with pytest.raises(NotFound):
        await cancel(
            house.runtime.main, loader_of(house), Bus(), account_id=ids.new(),
            message_id=ids.parse("msg", accepted.id), owner="test",
        )  # fmt: skip


async def test_a_message_expires_while_its_carrier_is_down(house: House) -> None:
    await house.fetch("UPDATE main.carriers SET is_enabled = false WHERE name = 'sandbox'")
    accepted = await house.send(ttl_seconds=1)
    await house.start_worker()

    ended = await house.until(accepted.id, Status.EXPIRED)

    assert ended.reason == "ttl_elapsed"
    assert await house.fetch("SELECT 1 FROM main.chunks") == []


async def test_what_waits_for_a_carrier_that_is_away_goes_to_the_next_of_its_route(house: House) -> None:
    away = Carrier(ids.new(), "away", "smpp", Channel.SMS, 1, 300, is_enabled=True)
    reached = {"host": "127.0.0.1", "port": str(free_port()), "system_id": "us", "password": "secret"}
    sealed = await credentials.seal(house.vault, away.id, credentials.read("smpp", reached))
    (sandbox,) = house.directory.carriers
    async with house.runtime.main.acquire() as conn:
        await channels.put_carrier(conn, away, credentials=sealed)
        await channels.put_route(
            conn, account_id=PLATFORM, mode=Mode.TEST, channel=Channel.SMS, carrier_ids=[away.id, sandbox]
        )
    await house.directory.refresh()
    await house.start_worker()
    accepted = await house.send()
    backdate = "UPDATE main.carrier_binds SET bound_at = now() - interval '1 minute' WHERE carrier_id = $1 RETURNING 1"
    async with asyncio.timeout(10):
        while not await house.fetch(backdate, away.id):
            await asyncio.sleep(0.05)

    await house.until(accepted.id, Status.DELIVERED)

    assert await house.fetch("SELECT carrier_id FROM main.outcomes WHERE carrier_id <> $1", sandbox) == []


async def test_what_was_scheduled_goes_out_when_it_is_due(house: House) -> None:
    accepted = await house.send(send_at=(clock.now() + timedelta(minutes=10)).isoformat())
    await house.fetch("UPDATE main.waiting SET due_at = now()")
    await house.start_worker()

    await house.until(accepted.id, Status.DELIVERED)


async def test_a_worker_takes_over_what_a_dead_one_declared_and_says_what_is_unclear(house: House) -> None:
    sent = [await house.send(body=f"number {n}") for n in range(3)]
    async with house.runtime.main.acquire() as conn:
        (carrier_id,) = house.directory.carriers
        leased = await queue_store.lease_chunks(
            conn, carrier_id=carrier_id, owner="dead", lease_seconds=60, priorities=[2],
            after=[queue_store.NOBODY], accounts_max=5, messages_max=1,
        )  # fmt: skip
        (chunk,) = leased
        await queue_store.declare_intent(
            conn,
            owner="dead",
            account_ids=[chunk.account_id],
            chunk_ids=[chunk.id],
            intended=[1],
            macs=[],
            lease_seconds=60,
        )
        await queue_store.release_of_owner(conn, owner="dead")
    await house.start_worker()

    unclear = ids.typed("msg", chunk.message_ids[0])
    ended = await house.until(unclear, Status.UNKNOWN)
    for one in sent:
        if one.id != unclear:
            await house.until(one.id, Status.DELIVERED)

    assert ended.reason == "worker_lost"
    assert await house.fetch("SELECT 1 FROM main.chunks") == []


async def test_a_redacted_body_is_gone_and_the_record_stays(house: House) -> None:
    await house.start_worker()
    accepted = await house.send(metadata={"order": "7"})
    await house.until(accepted.id, Status.DELIVERED)
    await redact_body(house.runtime.main, account_id=house.account_id, message_id=ids.parse("msg", accepted.id))

    seen = await house.see(accepted.id)

    assert seen.body is None
    assert seen.metadata == {"order": "7"}


async def test_a_deleted_message_leaves_no_row(house: House) -> None:
    await house.start_worker()
    accepted = await house.send(tags=["one"])
    await house.until(accepted.id, Status.DELIVERED)
    await delete_message(house.runtime.main, account_id=house.account_id, message_id=ids.parse("msg", accepted.id))

    for table in ("messages", "message_bodies", "outcomes", "message_tags"):
        assert await house.fetch(f"SELECT 1 FROM main.{table}") == []  # noqa: S608  # one of the four


async def stop(house: House, message_id: str) -> None:
    await cancel(
        house.runtime.main, loader_of(house), Bus(), account_id=house.account_id,
        message_id=ids.parse("msg", message_id), owner="test",
    )  # fmt: skip


def loader_of(house: House) -> Loader:
    return Loader(pool=house.runtime.main, vault=house.vault, directory=house.directory)


async def timeline(house: House, message_id: str) -> list[tuple[int, str | None, int]]:
    async with house.runtime.main.acquire() as conn:
        rows = await read_store.read_outcomes(
            conn, account_id=house.account_id, message_id=ids.parse("msg", message_id)
        )
    return [(row["rank"], row["reason"], row["attempt"]) for row in rows]


async def waits(house: House) -> bool:
    return bool(await house.fetch("SELECT 1 FROM main.waiting"))
