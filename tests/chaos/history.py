"""What the load asked, what it was answered, and what came back: the checker's evidence, recorded while it happens."""

from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What the door said of one message."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNCLEAR = "unclear"  # no answer, or an error of ours: it may have been accepted


class Cancel(StrEnum):
    """What the door said of a wish to cancel."""

    NONE = "none"
    DONE = "done"
    TOO_LATE = "too late"
    UNCLEAR = "unclear"


@dataclass(slots=True)
class Asked:
    """One message somebody wanted sent; its number is used for nothing else."""

    number: str
    parts: int = 1
    is_scheduled: bool = False
    verdict: Verdict = Verdict.UNCLEAR
    message_id: str = ""
    cancel: Cancel = Cancel.NONE


@dataclass(slots=True)
class KeyUse:
    """Every answer to one idempotency key: (same body, status, ids of the messages, was it a replay)."""

    key: str
    numbers: list[str]
    answers: list[tuple[bool, int, tuple[str, ...], bool]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Observation:
    """What `GET /v1/messages/{id}` said at some moment."""

    message_id: str
    at: float
    status: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """One request at the callback address."""

    event_id: str
    type: str
    message_id: str
    sequence: int
    is_signed: bool
    was_taken: bool  # we answered 2xx


@dataclass(slots=True)
class History:
    """One run."""

    asked: dict[str, Asked] = field(default_factory=dict)
    keys: list[KeyUse] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    webhooks: list[Webhook] = field(default_factory=list)
    recovery_seconds: list[float] = field(default_factory=list)
    """How long after each fault everything answered again."""
    quiescence_seconds: float | None = 0.0
    """How long after the last fault nothing was left to do; None: never within the bound."""

    def accepted(self) -> list[Asked]:
        return [one for one in self.asked.values() if one.verdict is Verdict.ACCEPTED]


@dataclass(frozen=True, slots=True)
class Purse:
    """One account's credit, and what its ledger adds up to."""

    balance_micros: int
    held_micros: int
    limit_micros: int | None
    ledger_micros: int


@dataclass(slots=True)
class Stored:
    """What the database says of one message."""

    ranks: set[int] = field(default_factory=set)
    is_waiting: bool = False
    is_queued: bool = False
    price_micros: int = 0
    held_micros: int = 0


@dataclass(slots=True)
class Facts:
    """What is true once nothing moves any more."""

    submits: dict[str, int] = field(default_factory=dict)
    """At the message centre: how often each number was asked for."""
    stored: dict[str, Stored] = field(default_factory=dict)
    """By message id."""
    outbox: int = 0
    unmatched: int = 0
    """Receipts that found no message: no violation, but each should have raised an unknown one."""
    purses: list[Purse] = field(default_factory=list)
