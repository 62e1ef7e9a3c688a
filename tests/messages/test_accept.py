"""What is accepted, what is refused, and that one never hurts the other."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from sendigopro.foundation import clock, ids
from sendigopro.foundation.problems import Conflict, Invalid, Problem, Unpaid, Unprocessable
from sendigopro.ledger import store as ledger
from sendigopro.messages import group, rows
from sendigopro.messages.model import Status
from sendigopro.messages.view import MessageObject
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


async def test_a_group_with_one_bad_row_fails_only_that_row(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = rows.pack_queued
    spoilt: list[bytes] = []

    def spoil_one(*, held_micros: int, chunk_id: bytes, position: int) -> bytes:
        row = packed(held_micros=held_micros, chunk_id=chunk_id, position=position)
        if position == 1 or row in spoilt:
            return b"\xff" + row  # a length that lies: PostgreSQL refuses the whole COPY
        return row

    monkeypatch.setattr(group, "pack_queued", spoil_one)
    sent = await asyncio.gather(*(house.send(body=f"number {n}") for n in range(3)), return_exceptions=True)

    # Alone, each request is position 0 of its own chunk, so that only what is bad by itself stays bad.
    assert all(isinstance(one, MessageObject) for one in sent)
    assert len(await house.fetch("SELECT 1 FROM main.messages")) == 3


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
