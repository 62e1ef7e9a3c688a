"""The sandbox: a carrier that never sends anything out, and whose answer is chosen by the recipient's number.

Test keys lead here. What it takes is read on the handset, which shows the test messages themselves; nothing is
kept here but receipts that are still to come, and those end with the process: such messages then have no receipt.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sendigopro.channels import contract
from sendigopro.channels.contract import (
    Accepted,
    LinkEvents,
    Outbound,
    Outcome,
    Receipt,
    ReceiptStatus,
    Rejected,
    TryLater,
    Unclear,
)
from sendigopro.foundation import clock, ids, segments

DELIVERY_SECONDS = 0.2
ROOM = 10_000
# How long a number that was told to try later is remembered, so that its next try succeeds.
THROTTLED_SECONDS = 120.0
SLOW = range(1, 100)


@dataclass(frozen=True, slots=True)
class Word:
    """One thing said about a message later: when, what, and the code a carrier would write."""

    after_seconds: float
    status: ReceiptStatus
    code: str = ""


DELIVERED = Word(DELIVERY_SECONDS, ReceiptStatus.DELIVERED, "000")


@dataclass(frozen=True, slots=True)
class Plan:
    """What the sandbox does with a message; `told` is the sentence of the manual's table."""

    told: str
    answer: Outcome | None = None
    """None: accepted, under fresh ids."""
    words: tuple[Word, ...] = ()


PLAIN = Plan("delivered", words=(DELIVERED,))


def slow(seconds: int) -> Plan:
    return Plan(f"delivered after {seconds} s", words=(Word(seconds, ReceiptStatus.DELIVERED, "000"),))


# Twilio's test numbers keep their meaning; there they fail the request, here the message, as at a real carrier.
TWILIO_PLANS = {
    "+15005550001": Plan("failed: not a number that exists", Rejected("invalid_number", "21211")),
    "+15005550002": Plan("failed: no route to it", Rejected("unroutable", "21612")),
    "+15005550003": Plan("failed: its country is not allowed", Rejected("country_not_allowed", "21408")),
    "+15005550004": Plan("failed: the person opted out", Rejected("opted_out", "21610")),
    "+15005550007": Plan("failed: the sender is not yours", Rejected("sender_not_owned", "21606")),
    "+15005550008": Plan("throttled once, then delivered", TryLater("queue_full", 1.0, "21611"), (DELIVERED,)),
    "+15005550009": Plan("failed: it cannot receive SMS", Rejected("not_sms_capable", "21614")),
}
OUR_PLANS = {
    "+15005551000": PLAIN,
    **{f"+15005551{seconds:03}": slow(seconds) for seconds in SLOW},
    "+15005551100": Plan("undelivered", words=(Word(DELIVERY_SECONDS, ReceiptStatus.UNDELIVERED, "027"),)),
    "+15005551101": Plan("failed: refused at once", Rejected("refused", "0000000B")),
    "+15005551102": Plan("expired at the carrier", words=(Word(DELIVERY_SECONDS, ReceiptStatus.EXPIRED, "254"),)),
    "+15005551103": Plan("undelivered: refused later", words=(Word(DELIVERY_SECONDS, ReceiptStatus.REJECTED, "069"),)),
    "+15005551104": Plan("unknown: no answer, and never a receipt", Unclear("no_answer")),
    "+15005551105": Plan("throttled once, then delivered", TryLater("throttled", 2.0, "00000058"), (DELIVERED,)),
    "+15005551106": Plan("sent, and never a receipt"),
    "+15005551107": Plan("failed: the person opted out", Rejected("opted_out", "00000411")),
    "+15005551108": Plan("unknown at first, then delivered", Unclear("no_answer"), (Word(2, ReceiptStatus.DELIVERED),)),
    "+15005551109": Plan(
        "on its way for 3 s, then delivered",
        words=(Word(DELIVERY_SECONDS, ReceiptStatus.ENROUTE), Word(3, ReceiptStatus.DELIVERED, "000")),
    ),
    "+15005551110": Plan("its receipt comes before the answer", words=(Word(0, ReceiptStatus.DELIVERED, "000"),)),
    "+15005551111": Plan("its receipt comes twice", words=(DELIVERED, Word(1, ReceiptStatus.DELIVERED, "000"))),
}
PLANS: Mapping[str, Plan] = TWILIO_PLANS | OUR_PLANS


@dataclass(frozen=True, slots=True)
class Credentials(contract.Credentials):
    """Nothing to type in: the sandbox knows everybody."""


class SandboxLink:
    """A connection to nowhere."""

    def __init__(self, events: LinkEvents, name: str) -> None:
        self.events = events
        self.name = name
        self.binds = 0
        self.loop = asyncio.get_running_loop()
        self.pending: set[asyncio.TimerHandle] = set()
        self.throttled: dict[tuple[object, ...], float] = {}
        self.taken = 0
        self.is_closed = False

    @property
    def is_ready(self) -> bool:
        return not self.is_closed and self.binds > 0

    @property
    def room(self) -> int:
        return ROOM if self.is_ready else 0

    def set_binds(self, count: int) -> None:
        was_ready, self.binds = self.is_ready, count
        if self.is_ready and not was_ready:
            self.loop.call_soon(self.events.on_room)

    def send_many(self, messages: Sequence[Outbound]) -> None:
        self.taken += len(messages)
        outcomes: list[tuple[Any, Outcome]] = []
        receipts: dict[float, list[Receipt]] = defaultdict(list)
        for message in messages:
            plan = PLANS.get(message.recipient.reveal(), PLAIN)
            answer = plan.answer
            if isinstance(answer, TryLater) and not self.is_first_try(message):
                answer = None
            carrier_ids = fresh_ids(message)
            outcomes.append((message.token, answer or Accepted(carrier_ids)))
            if isinstance(answer, TryLater) or not message.wants_receipt:
                continue
            for word in plan.words:
                receipts[word.after_seconds].extend(receipts_of(message, carrier_ids, word))
        if hurried := receipts.pop(0, None):
            self.loop.call_soon(self.events.on_receipts, hurried)
        self.loop.call_soon(self.events.on_outcomes, outcomes)
        for after_seconds, group in receipts.items():
            self.tell_later(after_seconds, group)

    def is_first_try(self, message: Outbound) -> bool:
        now = clock.monotonic()
        self.throttled = {key: until for key, until in self.throttled.items() if until > now}
        key = (message.recipient, message.sender, message.body)
        if self.throttled.pop(key, None) is not None:
            return False
        self.throttled[key] = now + THROTTLED_SECONDS
        return True

    def tell_later(self, after_seconds: float, receipts: Sequence[Receipt]) -> None:
        def tell() -> None:
            self.pending.discard(timer)
            self.events.on_receipts(receipts)

        timer = self.loop.call_later(after_seconds, tell)
        self.pending.add(timer)

    def acknowledge(self, handles: Sequence[Any]) -> None:
        """Nothing to answer: what was told is not told again."""

    async def close(self, *, drain_seconds: float) -> None:
        self.is_closed = True
        # Outcomes are only a turn of the loop away; receipts that are due soon are waited for.
        until = self.loop.time() + min(drain_seconds, DELIVERY_SECONDS)
        await asyncio.sleep(
            max(0.0, min(until, max((timer.when() for timer in self.pending), default=0)) - self.loop.time())
        )
        for timer in self.pending:
            timer.cancel()
        self.pending.clear()

    def state(self) -> Mapping[str, object]:
        return {
            "name": self.name,
            "binds": self.binds,
            "taken": self.taken,
            "receipt_groups_pending": len(self.pending),
        }


def fresh_ids(message: Outbound) -> tuple[str, ...]:
    """One id for each part."""
    head = ids.new_bytes().hex()
    return tuple(f"{head}{part:02x}" for part in range(segments.count(message.body.reveal()).parts))


def receipts_of(message: Outbound, carrier_ids: Iterable[str], word: Word) -> list[Receipt]:
    return [
        Receipt(
            carrier_id=carrier_id,
            status=word.status,
            carrier_code=word.code,
            recipient=message.recipient,
            sender=message.sender,
            reference=message.reference,
        )
        for carrier_id in carrier_ids
    ]


class Sandbox:
    """The provider."""

    name: ClassVar[str] = "sandbox"
    channel: ClassVar[str] = "sms"
    credentials: ClassVar[type[contract.Credentials]] = Credentials

    async def open(self, credentials: Credentials, events: LinkEvents, *, name: str) -> SandboxLink:  # noqa: ARG002  # there are none
        return SandboxLink(events, name)


provider = Sandbox()
