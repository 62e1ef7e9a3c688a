"""The sandbox has one recipient for each thing that can become of a message."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from sendigopro.channels.contract import (
    Accepted,
    Inbound,
    Link,
    LinkEvents,
    Outbound,
    Outcome,
    Receipt,
    ReceiptStatus,
    Rejected,
    TryLater,
    Unclear,
)
from sendigopro.channels.sms import sandbox
from sendigopro.foundation.personal import Body, Phone


class Listener:
    """Keeps what a link tells, and lets a test wait for it."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, Outcome] | Receipt | str] = []
        self.changed = asyncio.Condition()
        self.tasks: set[asyncio.Task[None]] = set()

    def note(self, what: Sequence[Any]) -> None:
        self.told.extend(what)
        task = asyncio.ensure_future(self.wake())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def wake(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    def ignore(self, inbound: Sequence[Inbound]) -> None:
        raise AssertionError(inbound)

    @property
    def events(self) -> LinkEvents:
        return LinkEvents(self.note, self.note, self.ignore, lambda: self.note(["room"]))

    @property
    def outcomes(self) -> list[tuple[Any, Outcome]]:
        return [one for one in self.told if isinstance(one, tuple)]

    @property
    def receipts(self) -> list[Receipt]:
        return [one for one in self.told if isinstance(one, Receipt)]

    async def heard(self, *, outcomes: int = 0, receipts: int = 0) -> None:
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: len(self.outcomes) >= outcomes and len(self.receipts) >= receipts)


def message(recipient: str, *, token: object = 1, body: str = "hello", wants_receipt: bool = True) -> Outbound:
    return Outbound(token, Phone(recipient), "SendiGoPro", Body(body), reference=77, wants_receipt=wants_receipt)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
async def link(listener: Listener) -> sandbox.SandboxLink:
    link = await sandbox.provider.open(sandbox.Credentials(), listener.events, name="sandbox")
    link.set_binds(1)
    return link


async def test_it_keeps_the_contract_of_a_link(link: sandbox.SandboxLink, listener: Listener) -> None:
    await asyncio.sleep(0)

    assert isinstance(link, Link)
    assert (link.is_ready, link.room > 0, listener.told) == (True, True, ["room"])


async def test_anybody_else_is_delivered(link: sandbox.SandboxLink, listener: Listener) -> None:
    link.send_many([message("+447700900123", token=n) for n in range(3)])
    await listener.heard(outcomes=3, receipts=3)

    assert [token for token, _ in listener.outcomes] == [0, 1, 2]
    accepted = [outcome.carrier_ids for _, outcome in listener.outcomes if isinstance(outcome, Accepted)]
    assert [(one.carrier_id,) for one in listener.receipts] == accepted
    assert {one.status for one in listener.receipts} == {ReceiptStatus.DELIVERED}


async def test_each_part_has_an_id_and_a_receipt(link: sandbox.SandboxLink, listener: Listener) -> None:
    link.send_many([message("+447700900123", body="x" * 400)])
    await listener.heard(outcomes=1, receipts=3)

    assert len({one.carrier_id for one in listener.receipts}) == 3


async def test_who_wants_no_receipt_gets_none(link: sandbox.SandboxLink, listener: Listener) -> None:
    link.send_many([message("+447700900123", wants_receipt=False)])
    await listener.heard(outcomes=1)

    assert not link.pending


REFUSALS = [(number, plan) for number, plan in sandbox.PLANS.items() if isinstance(plan.answer, Rejected)]


@pytest.mark.parametrize(("number", "plan"), REFUSALS)
async def test_a_refusal_is_told_at_once_and_is_all(
    number: str, plan: sandbox.Plan, link: sandbox.SandboxLink, listener: Listener
) -> None:
    link.send_many([message(number)])
    await listener.heard(outcomes=1)

    assert listener.outcomes == [(1, plan.answer)]
    assert not link.pending


REPORTS = [
    ("+15005551100", [ReceiptStatus.UNDELIVERED]),
    ("+15005551102", [ReceiptStatus.EXPIRED]),
    ("+15005551103", [ReceiptStatus.REJECTED]),
    ("+15005551111", [ReceiptStatus.DELIVERED, ReceiptStatus.DELIVERED]),
    ("+15005551001", [ReceiptStatus.DELIVERED]),
]


@pytest.mark.parametrize(("number", "statuses"), REPORTS)
async def test_what_is_reported_later(
    number: str, statuses: list[ReceiptStatus], link: sandbox.SandboxLink, listener: Listener
) -> None:
    link.send_many([message(number)])
    await listener.heard(outcomes=1, receipts=len(statuses))

    assert [one.status for one in listener.receipts] == statuses


async def test_a_slow_one_takes_the_seconds_in_its_number(link: sandbox.SandboxLink, listener: Listener) -> None:
    begun = link.loop.time()
    link.send_many([message("+15005551042")])
    await listener.heard(outcomes=1)

    (timer,) = link.pending
    assert round(timer.when() - begun) == 42


async def test_a_throttled_one_succeeds_when_it_comes_again(link: sandbox.SandboxLink, listener: Listener) -> None:
    link.send_many([message("+15005551105")])
    link.send_many([message("+15005551105")])
    await listener.heard(outcomes=2, receipts=1)

    assert [type(outcome) for _, outcome in listener.outcomes] == [TryLater, Accepted]


async def test_unclear_stays_unclear(link: sandbox.SandboxLink, listener: Listener) -> None:
    link.send_many([message("+15005551104")])
    await listener.heard(outcomes=1)

    assert listener.outcomes == [(1, Unclear("no_answer"))]
    assert not link.pending


async def test_a_late_word_on_an_unclear_one_names_recipient_and_reference(
    link: sandbox.SandboxLink, listener: Listener
) -> None:
    link.send_many([message("+15005551108")])
    await listener.heard(outcomes=1, receipts=1)

    (receipt,) = listener.receipts
    assert (receipt.recipient, receipt.reference, receipt.status) == (
        Phone("+15005551108"),
        77,
        ReceiptStatus.DELIVERED,
    )


async def test_sent_without_a_receipt(link: sandbox.SandboxLink, listener: Listener) -> None:
    link.send_many([message("+15005551106")])
    await listener.heard(outcomes=1)

    assert isinstance(listener.outcomes[0][1], Accepted)
    assert not link.pending


async def test_a_hurried_receipt_comes_before_its_outcome(link: sandbox.SandboxLink, listener: Listener) -> None:
    await asyncio.sleep(0)
    listener.told.clear()
    link.send_many([message("+15005551110")])
    await listener.heard(outcomes=1, receipts=1)

    assert isinstance(listener.told[0], Receipt)


async def test_closing_waits_for_what_is_due_and_drops_the_rest(link: sandbox.SandboxLink, listener: Listener) -> None:
    link.send_many([message("+447700900123"), message("+15005551042")])
    await link.close(drain_seconds=5)
    await listener.heard(outcomes=2, receipts=1)

    assert (link.is_ready, link.room, link.pending) == (False, 0, set())
