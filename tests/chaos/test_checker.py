"""The checker finds every planted violation, and nothing in a clean run: who checks the checker."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from sendigopro.messages.model import Rank
from tests.chaos.checker import check
from tests.chaos.history import (
    Asked,
    Cancel,
    Facts,
    History,
    KeyUse,
    Observation,
    Purse,
    Stored,
    Verdict,
    Webhook,
)

DELIVERED = {Rank.SENT, Rank.DELIVERED}


def told(message_id: str, kind: str, sequence: int) -> Webhook:
    return Webhook(f"evt_{message_id}_{kind}", f"message.{kind}", message_id, sequence, is_signed=True, was_taken=True)


def clean_run() -> tuple[History, Facts]:
    """A run in which everything that may happen happened, and nothing that may not."""
    history = History(
        asked={
            "1": Asked("1", verdict=Verdict.ACCEPTED, message_id="m1"),
            "2": Asked("2", parts=3, verdict=Verdict.ACCEPTED, message_id="m2"),
            "3": Asked("3", verdict=Verdict.ACCEPTED, message_id="m3", is_scheduled=True),
            "4": Asked("4", verdict=Verdict.ACCEPTED, message_id="m4", cancel=Cancel.DONE),
            "5": Asked("5", verdict=Verdict.UNCLEAR),
            "6": Asked("6", verdict=Verdict.REFUSED),
            "7": Asked("7", verdict=Verdict.ACCEPTED, message_id="m7"),
            "8": Asked("8", verdict=Verdict.ACCEPTED, message_id="m8", cancel=Cancel.TOO_LATE),
        },
        keys=[
            KeyUse(
                "k1",
                ["1"],
                [
                    (True, 202, ("m1",), False),
                    (True, 202, ("m1",), True),
                    (False, 422, (), False),
                    (True, 409, (), False),
                ],
            )
        ],
        observations=[
            *(Observation("m1", at, status) for at, status in enumerate(("queued", "sending", "sent", "delivered"))),
            *(Observation("m3", at, "scheduled") for at in range(2)),
            *(Observation("m7", at, status) for at, status in enumerate(("queued", "unknown"))),
        ],
        webhooks=[
            told("m1", "sent", 10),
            told("m1", "delivered", 60),
            told("m2", "delivered", 60),
            told("m4", "canceled", 50),
            told("m7", "unknown", 20),
            told("m8", "undelivered", 54),
            told("m5", "delivered", 60),
        ],
        recovery_seconds=[0.4, 2.5],
        quiescence_seconds=4.0,
    )
    facts = Facts(
        submits={"1": 1, "2": 3, "5": 1, "7": 1, "8": 1},
        stored={
            "m1": Stored(set(DELIVERED), price_micros=5, held_micros=5),
            "m2": Stored(set(DELIVERED), price_micros=15, held_micros=15),
            "m3": Stored(is_waiting=True, price_micros=5, held_micros=5),
            "m4": Stored({Rank.CANCELED}, price_micros=5, held_micros=5),
            "m5": Stored(set(DELIVERED), price_micros=5, held_micros=5),
            "m7": Stored({Rank.UNKNOWN}, price_micros=5, held_micros=5),
            "m8": Stored({Rank.SENT, Rank.UNDELIVERED}, price_micros=5, held_micros=5),
        },
        purses=[Purse(balance_micros=-35, held_micros=5, limit_micros=100, ledger_micros=-35)],
    )
    return history, facts


def test_a_clean_run_has_no_violation() -> None:
    assert check(*clean_run()) == []


Plant = Callable[[History, Facts], object]
PLANTED: list[tuple[str, str, Plant]] = [
    ("I1", "an accepted message is gone", lambda _, f: f.stored.pop("m1")),
    ("I1", "nobody owns an accepted message", lambda _, f: f.stored["m1"].ranks.clear()),
    ("I1", "a queued one never ends", lambda _, f: f.stored.update(m1=Stored(is_queued=True))),
    ("I1", "a receipt got lost", lambda _, f: f.stored.update(m1=Stored({Rank.SENT}))),
    ("I1", "delivered without being sent", lambda _, f: f.submits.pop("1")),
    ("I2", "a refused one is sent", lambda _, f: f.submits.update({"6": 1})),
    ("I2", "one nobody asked for", lambda _, f: f.submits.update({"99": 1})),
    ("I3", "sent twice", lambda _, f: f.submits.update({"1": 2})),
    ("I3", "a part sent twice", lambda _, f: f.submits.update({"2": 4})),
    ("I3", "an unclear one sent twice", lambda _, f: f.submits.update({"5": 2})),
    ("I4", "an end that changes", lambda h, _: h.observations.append(Observation("m1", 9, "sent"))),
    ("I4", "a step back", lambda h, _: h.observations.append(Observation("m1", 1.5, "queued"))),
    ("I4", "two ends", lambda _, f: f.stored["m1"].ranks.add(Rank.FAILED)),
    ("I8", "a charge without an entry", lambda _, f: f.purses.append(Purse(5, 0, None, 0))),
    ("I8", "a limit passed", lambda _, f: f.purses.append(Purse(-8, 0, 5, -8))),
    ("I8", "credit held for nothing", lambda _, f: f.purses.append(Purse(0, 5, 10, 0))),
    ("I8", "charged twice", lambda _, f: f.purses.append(Purse(-5, 0, 10, -5))),
    ("I8", "sent for nothing", lambda _, f: f.stored["m4"].ranks.add(Rank.SENT)),
    ("I9", "one key, two messages", lambda h, _: h.keys[0].answers.append((True, 202, ("m9",), True))),
    ("I9", "a key taken for new twice", lambda h, _: h.keys[0].answers.append((True, 202, ("m1",), False))),
    ("I9", "another body accepted", lambda h, _: h.keys[0].answers.append((False, 202, ("m1",), True))),
    ("I9", "a repeated key sends twice", lambda _, f: f.submits.update({"1": 2})),
    ("I11", "an end nobody was told", lambda h, _: h.webhooks.pop(1)),
    ("I11", "an end only told to deaf ears", lambda h, _: h.webhooks.append(deaf(h.webhooks.pop(1)))),
    ("I11", "a forged signature", lambda h, _: h.webhooks.append(forged(h.webhooks[0]))),
    ("I11", "an order that lies", lambda h, _: h.webhooks.append(told("m1", "sent", 61))),
    ("I11", "events left in the outbox", lambda _, f: setattr(f, "outbox", 2)),
    ("I13", "a slow recovery", lambda h, _: h.recovery_seconds.append(61)),
    ("I13", "work left behind", lambda h, _: setattr(h, "quiescence_seconds", None)),
    ("cancel", "a canceled one is sent", lambda _, f: f.submits.update({"4": 1})),
    ("cancel", "a canceled one lives on", lambda _, f: f.stored.update(m4=Stored(set(DELIVERED)))),
]


def deaf(webhook: Webhook) -> Webhook:
    return Webhook(
        webhook.event_id, webhook.type, webhook.message_id, webhook.sequence, is_signed=True, was_taken=False
    )


def forged(webhook: Webhook) -> Webhook:
    return Webhook(
        webhook.event_id, webhook.type, webhook.message_id, webhook.sequence, is_signed=False, was_taken=True
    )


@pytest.mark.parametrize(("invariant", "name", "plant"), PLANTED, ids=[name for _, name, _ in PLANTED])
def test_every_planted_violation_is_found(invariant: str, name: str, plant: Plant) -> None:
    history, facts = deepcopy(clean_run())
    plant(history, facts)

    assert invariant in {violation.invariant for violation in check(history, facts)}, name
