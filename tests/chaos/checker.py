"""Asks the invariants of a run's evidence; each finding names the invariant and the message.

I1 no loss · I2 no unaccepted send · I3 at most one submit for each part · I4 a status never goes back · I8 budget ·
I9 one key, one message · I11 every end is told, signed, in order · I13 bounded recovery · and: a cancel that was
answered 200 is true.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from sendigopro.messages.model import STATUS_OF, Rank, Status
from tests.chaos.history import Asked, Cancel, Facts, History, Verdict

RECOVERY_SECONDS_MAX = 60.0

# Before the end a status may only go right; an end may follow on anything, and only two ends are open.
STEPS = {Status.SCHEDULED: 0, Status.HELD: 1, Status.QUEUED: 1, Status.SENDING: 2, Status.SENT: 3, Status.UNKNOWN: 4}
ENDS = {
    *(Status.UNDELIVERED, Status.CANCELED, Status.EXPIRED),
    *(Status.REJECTED, Status.FAILED, Status.DELIVERED),
}
CALLED_BACK = {*ENDS, Status.UNKNOWN}
CHARGED = {Rank.SENT, Rank.UNKNOWN}  # handed over, or perhaps
NEVER_SENT = {Status.CANCELED, Status.EXPIRED}


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise."""

    invariant: str
    text: str


def check(history: History, facts: Facts) -> list[Violation]:
    """Everything that is wrong; empty when every promise was kept."""
    return [Violation(name, text) for name, rule in RULES for text in rule(history, facts)]


def status_of(ranks: set[int]) -> Status | None:
    return STATUS_OF[Rank(max(ranks))] if ranks else None


def named(asked: Asked) -> str:
    return f"{asked.message_id or 'the message'} to …{asked.number[-6:]}"


def nothing_is_lost(history: History, facts: Facts) -> Iterator[str]:
    for asked in history.accepted():
        stored = facts.stored.get(asked.message_id)
        if stored is None:
            yield f"{named(asked)} was accepted and is not stored"
            continue
        status = status_of(stored.ranks)
        if status is None and not stored.is_waiting and not stored.is_queued:
            yield f"{named(asked)} was accepted, has no outcome, and nobody owns it"
        elif status is None and not asked.is_scheduled:
            yield f"{named(asked)} was accepted and never came to an end"
        elif status is Status.SENT:
            yield f"{named(asked)} was sent; its receipt was acknowledged and is lost"
        elif status is Status.DELIVERED and not facts.submits.get(asked.number):
            yield f"{named(asked)} is said to be delivered and was never sent"


def only_accepted_is_sent(history: History, facts: Facts) -> Iterator[str]:
    for number, times in facts.submits.items():
        asked = history.asked.get(number)
        if asked is None:
            yield f"…{number[-6:]} was sent {times} times and nobody asked for it"
        elif asked.verdict is Verdict.REFUSED:
            yield f"{named(asked)} was refused and sent all the same"


def each_part_is_sent_once(history: History, facts: Facts) -> Iterator[str]:
    for number, times in facts.submits.items():
        asked = history.asked.get(number)
        if asked is not None and times > asked.parts:
            yield f"{named(asked)} has {asked.parts} parts and was sent {times} times"


def a_status_never_goes_back(history: History, facts: Facts) -> Iterator[str]:
    seen = defaultdict(list)
    for observation in sorted(history.observations, key=lambda each: each.at):
        seen[observation.message_id].append(Status(observation.status))
    for message_id, stored in facts.stored.items():
        if (last := status_of(stored.ranks)) is not None:
            seen[message_id].append(last)
        ends = {STATUS_OF[Rank(rank)] for rank in stored.ranks if rank > Rank.OPEN}
        if len(ends) > 1:
            yield f"{message_id} ended more than once: {sorted(ends)}"
    for message_id, statuses in seen.items():
        for before, after in pairwise(statuses):
            if not may_follow(before, after):
                yield f"{message_id} went from {before} to {after}"


def may_follow(before: Status, after: Status) -> bool:
    if before == after:
        return True
    if before is Status.UNDELIVERED:  # without a receipt: a late one may still say better
        return after is Status.DELIVERED
    if before in ENDS:
        return False
    return after in ENDS or STEPS[after] >= STEPS[before]


def budgets_hold(_: History, facts: Facts) -> Iterator[str]:
    for purse in facts.purses:
        if purse.balance_micros != purse.ledger_micros:
            yield f"a balance is {purse.balance_micros} and its ledger says {purse.ledger_micros}"
        if purse.limit_micros is None:
            continue
        if purse.balance_micros + purse.limit_micros - purse.held_micros < 0:
            yield f"more is spent and held than the limit allows: {purse}"
    held = sum(purse.held_micros for purse in facts.purses if purse.limit_micros is not None)
    open_ones = sum(stored.held_micros for stored in facts.stored.values() if not stored.ranks)
    if held != open_ones:
        yield f"{held} micros are held, and messages on their way account for {open_ones}"
    charged = -sum(purse.ledger_micros for purse in facts.purses)
    to_pay = sum(stored.price_micros for stored in facts.stored.values() if stored.ranks & CHARGED)
    if charged != to_pay:
        yield f"{charged} micros were charged, and what was handed to the carrier costs {to_pay}"


def one_key_makes_one_message(history: History, facts: Facts) -> Iterator[str]:
    for use in history.keys:
        made = {ids for is_same, status, ids, _ in use.answers if is_same and status < 300}
        if len(made) > 1:
            yield f"key {use.key} made several messages: {sorted(made)}"
        if any(not is_same and status < 300 for is_same, status, _, _ in use.answers):
            yield f"key {use.key} was answered 2xx for another body"
        fresh = sum(is_same and status < 300 and not is_replay for is_same, status, _, is_replay in use.answers)
        if fresh > 1:
            yield f"key {use.key} was taken for new {fresh} times"
        for number in use.numbers:
            if facts.submits.get(number, 0) > history.asked[number].parts:
                yield f"key {use.key} sent …{number[-6:]} {facts.submits[number]} times"


def every_end_is_told(history: History, facts: Facts) -> Iterator[str]:
    taken: dict[str, set[str]] = defaultdict(set)
    order: dict[str, dict[str, int]] = defaultdict(dict)
    for webhook in history.webhooks:
        if not webhook.is_signed:
            yield f"{webhook.event_id} for {webhook.message_id} is not signed by the account's secret"
        if webhook.was_taken:
            taken[webhook.message_id].add(webhook.type)
        order[webhook.message_id][webhook.type] = webhook.sequence
    for asked in history.accepted():
        stored = facts.stored.get(asked.message_id)
        status = status_of(stored.ranks) if stored else None
        if status in CALLED_BACK and f"message.{status}" not in taken[asked.message_id]:
            yield f"{named(asked)} is {status} and nobody was told"
        told = order[asked.message_id]
        if status is not None and told and told.get(f"message.{status}", max(told.values())) < max(told.values()):
            yield f"{named(asked)} is {status}, but another event has a higher sequence: {told}"
    if facts.outbox:
        yield f"{facts.outbox} batches of events still wait to be told"


def recovery_is_bounded(history: History, _: Facts) -> Iterator[str]:
    for seconds in history.recovery_seconds:
        if seconds > RECOVERY_SECONDS_MAX:
            yield f"it took {seconds:.1f} s until everything answered again"
    if history.quiescence_seconds is None:
        yield "work was left long after the last fault"


def a_granted_cancel_is_true(history: History, facts: Facts) -> Iterator[str]:
    for asked in history.asked.values():
        stored = facts.stored.get(asked.message_id)
        status = status_of(stored.ranks) if stored else None
        times = facts.submits.get(asked.number, 0)
        if asked.cancel is Cancel.DONE and times:
            yield f"{named(asked)} was canceled and sent {times} times"
        if asked.cancel is Cancel.DONE and stored and status is not Status.CANCELED:
            yield f"{named(asked)} was canceled and is {status}"
        if status in NEVER_SENT and times:
            yield f"{named(asked)} is {status} and was sent {times} times"


RULES: list[tuple[str, Callable[[History, Facts], Iterator[str]]]] = [
    ("I1", nothing_is_lost),
    ("I2", only_accepted_is_sent),
    ("I3", each_part_is_sent_once),
    ("I4", a_status_never_goes_back),
    ("I8", budgets_hold),
    ("I9", one_key_makes_one_message),
    ("I11", every_end_is_told),
    ("I13", recovery_is_bounded),
    ("cancel", a_granted_cancel_is_true),
]


def count_doubt(history: History, facts: Facts) -> tuple[int, int]:
    """How many stay unknown that the carrier has, and that it does not have: both honest, the first one pitiable."""
    unknown = [
        asked
        for asked in history.accepted()
        if (stored := facts.stored.get(asked.message_id)) and status_of(stored.ranks) is Status.UNKNOWN
    ]
    known_there = sum(asked.number in facts.submits for asked in unknown)
    return known_there, len(unknown) - known_there


def count_by_status(history: History, facts: Facts) -> Counter[str]:
    """How the accepted ones ended, for the table."""
    empty: set[int] = set()
    found = (facts.stored.get(asked.message_id) for asked in history.accepted())
    return Counter(str(status_of(stored.ranks if stored else empty) or "on its way") for stored in found)
