"""What is accepted, what is refused, and that one never hurts the other."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from sendigopro.foundation import clock, ids
from sendigopro.foundation.problems import Conflict, Invalid, Problem, Unavailable, Unpaid, Unprocessable
from sendigopro.ledger import store as ledger
from sendigopro.messages import group
from sendigopro.messages.model import Status
from sendigopro.messages.view import MessageObject
from tests.databases import Databases
from tests.messages.house import House

REFUSED = [
    ({"to": "12345"}, "to"),
    ({"to": "+4912"}, "to"),
    ({"to": "+499999999999999999"}, "to"),
    ({"to": "hello"}, "to"),
    ({"sender": "SOMEBODY"}, "from"),
    ({"send_at": "2001-01-01T00:00:00Z"}, "send_at"),
    ({"send_at": "2999-01-01T00:00:00Z"}, "send_at"),
]


def codes(results: list[MessageObject | Problem]) -> list[str]:
    return [result.code if isinstance(result, Problem) else result.status for result in results]


@pytest.mark.parametrize(("wrong", "param"), REFUSED)
async def test_what_cannot_be_sent_is_refused_by_name_and_leaves_nothing(
    house: House, wrong: dict[str, Any], param: str
) -> None:
    if "sender" in wrong:
        wrong = {"from": wrong["sender"]}
    with pytest.raises(Invalid) as refused:
        await house.send(**wrong)

    assert refused.value.param == param
    assert await house.fetch("SELECT 1 FROM main.messages") == []


async def test_each_item_of_a_batch_is_accepted_or_refused_alone(house: House) -> None:
    results = await house.send_many([{}, {"to": "nobody"}, {"body": "two"}])

    assert codes(results) == ["queued", "invalid_number", "queued"]
    assert len(await house.fetch("SELECT 1 FROM main.messages")) == 2


@pytest.mark.parametrize("neighbours", [2, 100], ids=["one statement", "copied"])
async def test_a_group_with_one_bad_row_fails_only_that_row(
    house: House, monkeypatch: pytest.MonkeyPatch, neighbours: int
) -> None:
    submit = group.GroupWriter.submit

    def submit_spoilt(writer: group.GroupWriter, entry: group.Entry) -> None:
        if len(entry.messages) == 1:
            spoilt = msgspec.structs.replace(entry.messages[0].terms, mode=7)  # refused by PostgreSQL, with its group
            entry.messages[0].terms = spoilt
        submit(writer, entry)

    monkeypatch.setattr(group.GroupWriter, "submit", submit_spoilt)
    first, bad, second = await asyncio.gather(
        house.send_many([{}] * neighbours),
        house.send(body="spoilt"),
        house.send_many([{}] * neighbours),
        return_exceptions=True,
    )

    assert isinstance(bad, Unavailable)
    assert isinstance(first, list)
    assert isinstance(second, list)
    assert all(isinstance(one, MessageObject) for one in first + second)
    assert len(await house.fetch("SELECT 1 FROM main.messages")) == 2 * neighbours


async def test_who_cannot_know_whether_it_was_accepted_is_not_told_that_it_was_not(
    house: House, databases: Databases
) -> None:
    """A connection that broke at its commit was answered "Nothing was accepted", which could be untrue."""
    conn = await databases.main("postgres")
    async with conn.transaction():
        await conn.execute("LOCK TABLE main.messages IN ACCESS EXCLUSIVE MODE")
        sending = asyncio.create_task(house.send())
        waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        async with asyncio.timeout(10):
            while not await conn.fetch(waiting):
                await asyncio.sleep(0.01)
        with pytest.raises(Unavailable) as refused:
            await sending

    assert "may or may not have been accepted" in str(refused.value)


async def test_few_messages_are_stored_as_many_are(house: House) -> None:
    """A few take one statement with columns, many are copied in packed rows: what is stored must be the same."""
    await house.send_many([{}] * 3)
    await house.send_many([{}] * (group.FEW_MAX + 1))

    stored = await house.fetch(
        """
        SELECT DISTINCT m.mode, m.channel, m.direction, m.purpose, m.priority, m.subject_id, m.sender_id, m.key_id,
            m.segments, m.encoding, m.country, m.carrier_id, m.price_micros, m.held_micros, m.currency, m.send_at,
            m.expires_at - to_timestamp(0) > interval '50 years' AS ends, m.body_expires_on, m.has_callback,
            m.chunk_id IS NULL AS is_lost, length(b.body) AS body_length, b.expires_on, b.details
        FROM main.messages m JOIN main.message_bodies b ON b.account_id = m.account_id AND b.message_id = m.id
        """
    )
    chunks = await house.fetch("SELECT n, cardinality(message_ids) AS ids FROM main.chunks ORDER BY n")

    assert len(stored) == 1
    assert [(row["n"], row["ids"]) for row in chunks] == [(3, 3), (group.FEW_MAX + 1, group.FEW_MAX + 1)]


async def test_a_hundred_requests_with_one_key_make_one_message(house: House) -> None:
    tries = await asyncio.gather(*(house.send(key="k1", body="once") for _ in range(100)), return_exceptions=True)

    messages = {one.id for one in tries if isinstance(one, MessageObject)}
    assert len(messages) == 1
    assert all(isinstance(one, MessageObject | Conflict) for one in tries)
    assert len(await house.fetch("SELECT 1 FROM main.messages")) == 1


async def test_a_key_replays_the_same_answer(house: House) -> None:
    first = await house.send(key="k2", body="again")
    second = await house.send(key="k2", body="again")

    assert second == first


async def test_a_key_with_another_body_is_refused(house: House) -> None:
    await house.send(key="k3", body="one thing")

    with pytest.raises(Unprocessable):
        await house.send(key="k3", body="another")


async def test_a_key_of_yesterday_still_counts(house: House) -> None:
    first = await house.send(key="k4", body="late")
    owner = house.runtime.main
    rows = await house.fetch("DELETE FROM main.idempotency RETURNING *")
    yesterday = clock.today() - timedelta(days=1)
    await owner.execute(
        """
        INSERT INTO main.idempotency (account_id, key_mac, day, body_mac, message_ids, code, at)
        VALUES ($1, $2, $3, $4, $5, $6, now() - interval '23 hours')
        """,
        *(rows[0]["account_id"], rows[0]["key_mac"], yesterday, rows[0]["body_mac"], rows[0]["message_ids"], 202),
    )

    second = await house.send(key="k4", body="late")

    assert second.id == first.id


async def test_credit_is_held_until_it_is_spent_and_what_it_does_not_cover_is_refused(house: House) -> None:
    house.intake.acceptor._price_micros = 50_000  # noqa: SLF001  # the price of this test
    async with house.runtime.main.acquire() as conn:
        await ledger.pay_in(conn, account_id=house.account_id, amount_micros=120_000, reference="test")
    await set_limit(house, 0)

    results = await house.send_many([{}, {}, {}], caller=house.live)

    assert codes(results) == ["queued", "queued", "insufficient_credit"]
    assert await credit(house) == (120_000, 100_000)
    with pytest.raises(Unpaid):
        await house.send(house.live, key="unpaid")

    await house.start_worker()
    for result in results[:2]:
        assert isinstance(result, MessageObject)
        await house.until(result.id, Status.DELIVERED)
    assert await credit(house) == (20_000, 0)
    async with house.runtime.main.acquire() as conn:
        assert sum((await ledger.sums_of_books(conn, account_id=house.account_id)).values()) == 0


async def test_a_hundred_senders_never_spend_more_than_there_is(house: House) -> None:
    house.intake.acceptor._price_micros = 1_000  # noqa: SLF001  # the price of this test
    async with house.runtime.main.acquire() as conn:
        await ledger.pay_in(conn, account_id=house.account_id, amount_micros=37_000, reference="test")
    await set_limit(house, 0)

    tries = await asyncio.gather(*(house.send(house.live) for _ in range(100)), return_exceptions=True)

    assert sum(isinstance(one, MessageObject) for one in tries) == 37
    assert sum(isinstance(one, Unpaid) for one in tries) == 63
    assert await credit(house) == (37_000, 37_000)


async def test_a_scheduled_message_waits_and_keeps_its_hour_on_a_replay(house: House) -> None:
    send_at = (clock.now() + timedelta(minutes=6)).isoformat()

    first = await house.send(key="k5", send_at=send_at)
    assert first.status is Status.SCHEDULED
    assert (await house.see(first.id)).status is Status.SCHEDULED

    assert await house.send(key="k5", send_at=send_at) == first


async def test_what_is_stored_shows_neither_number_nor_text(house: House) -> None:
    accepted = await house.send(body="canary-body", tags=["canary-tag"], metadata={"canary": "canary-value"})

    message_id = ids.parse("msg", accepted.id)
    assert isinstance(message_id, UUID)
    dumped = str(await house.fetch("SELECT m, b FROM main.messages m, main.message_bodies b")).encode()
    dumped += b"".join(
        bytes(row[0] or b"")
        for row in await house.fetch("SELECT body || coalesce(details, '') FROM main.message_bodies")
    )
    assert b"canary" not in dumped
    assert b"4915112345678" not in dumped


async def set_limit(house: House, limit_micros: int) -> None:
    async with house.owner() as conn:
        await ledger.set_limit(conn, account_id=house.account_id, limit_micros=limit_micros)


async def credit(house: House) -> tuple[int, int]:
    async with house.runtime.main.acquire() as conn:
        found = await ledger.read_credit(conn, account_id=house.account_id)
    assert found is not None
    return found.balance_micros, found.held_micros
