"""The nouns of a message, and the one table of what may become of it. No I/O."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum
from uuid import UUID

import msgspec

from sendigopro.accounts.retention_terms import RECEIVED
from sendigopro.foundation.personal import Body, Phone


class Mode(IntEnum):
    """Test keys go to the sandbox carrier: never out, never billed."""

    TEST = 0
    LIVE = 1


class Channel(IntEnum):
    """The medium."""

    SMS = 1


class Direction(IntEnum):
    """Who speaks."""

    OUTBOUND = 0
    INBOUND = 1


class Purpose(IntEnum):
    """Why a message is sent; it decides priority and what is done when the carrier's answer is missing."""

    OTP = 1
    TRANSACTIONAL = 2
    SERVICE = 3
    MARKETING = 4
    EMERGENCY = 5


PRIORITY = {
    Purpose.EMERGENCY: 0,
    Purpose.OTP: 1,
    Purpose.TRANSACTIONAL: 2,
    Purpose.SERVICE: 3,
    Purpose.MARKETING: 4,
}
PRIORITIES = range(5)
HURRIES = PRIORITY[Purpose.OTP]
"""Emergencies and codes: somebody waits for each of them."""


def product_of(direction: int, purpose: int) -> str:
    """By whose clocks a message's text and record end."""
    return RECEIVED if direction == Direction.INBOUND else Purpose(purpose).name.lower()


class Why(IntEnum):
    """Why a message waits."""

    SCHEDULED = 1
    TRY_LATER = 2
    UNCLEAR_RESEND = 3


class Status(StrEnum):
    """What a message is, as customers see it."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    HELD = "held"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELED = "canceled"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    RECEIVED = "received"


class Rank(IntEnum):
    """An outcome. The highest of a message's outcomes is its status; the values are stored, so they never change.

    `SENT`, `UNKNOWN` and `NO_RECEIPT` may still be raised by a receipt; everything above `OPEN` is the end.
    """

    SENT = 10
    UNKNOWN = 20
    NO_RECEIPT = 30
    OPEN = 40
    CANCELED = 50
    EXPIRED = 51
    REJECTED = 52
    FAILED = 53
    UNDELIVERED = 54
    DELIVERED = 60
    RECEIVED = 61


STATUS_OF = {
    Rank.SENT: Status.SENT,
    Rank.UNKNOWN: Status.UNKNOWN,
    Rank.NO_RECEIPT: Status.UNDELIVERED,
    Rank.CANCELED: Status.CANCELED,
    Rank.EXPIRED: Status.EXPIRED,
    Rank.REJECTED: Status.REJECTED,
    Rank.FAILED: Status.FAILED,
    Rank.UNDELIVERED: Status.UNDELIVERED,
    Rank.DELIVERED: Status.DELIVERED,
    Rank.RECEIVED: Status.RECEIVED,
}
RANKS_OF: dict[Status, tuple[Rank, ...]] = {
    status: tuple(rank for rank, its in STATUS_OF.items() if its is status) for status in set(STATUS_OF.values())
}
ALL_RANKS = tuple(STATUS_OF)
CHARGED = (Rank.SENT, Rank.UNKNOWN)
"""A carrier bills what it took, and what it may have taken."""
FINAL_RANKS = tuple(rank for rank in STATUS_OF if rank > Rank.OPEN)
EVENT_OF = {rank: f"message.{status}" for rank, status in STATUS_OF.items()}
IS_FINAL_EVENT = {EVENT_OF[rank]: rank is not Rank.SENT and rank is not Rank.RECEIVED for rank in STATUS_OF}


def may_become(current: Rank | None, new: Rank) -> bool:
    """Whether an outcome may be added: only upwards, and nothing after the end."""
    return current is None or (current < Rank.OPEN and new > current)


def worst(ranks: list[Rank]) -> Rank:
    """What a multipart message is once all its parts have reported: its worst part."""
    return min(ranks)


class OnUnclear(IntEnum):
    """What is done when a submit was never answered."""

    HOLD = 0
    RESEND_ONCE = 1


@dataclass(slots=True)
class Outgoing:
    """A message in the hands of a worker: what was stored, opened for the wire."""

    account_id: UUID
    id: UUID
    mode: int
    purpose: int
    priority: int
    subject_id: UUID | None
    sender: str
    recipient: Phone | None
    body: Body | None
    segments: int
    encoding: int
    country: str
    price_micros: int
    held_micros: int
    currency: str
    send_at: datetime | None
    expires_at: datetime
    body_expires_on: date
    has_callback: bool
    details: "Details"
    attempt: int = 1
    chunk: "Chunk | None" = None
    position: int = 0
    carrier_id: UUID | None = None
    rank: int = 0
    """The highest outcome known to this worker."""
    is_charged: bool = False
    was_unclear: bool = False
    """A submit of it was not answered: a receipt may still have to find it by its recipient."""


class Details(msgspec.Struct, frozen=True):
    """What came with a message and survives the redaction of its body."""

    metadata: dict[str, str] = {}
    tags: list[str] = []
    callback_url: str | None = None


@dataclass(slots=True)
class Chunk:
    """Up to 500 messages of one account in one lane, leased by this worker."""

    account_id: UUID
    id: UUID
    mode: int
    carrier_id: UUID
    priority: int
    message_ids: list[UUID]
    intended: int
    dropped: set[int]
    attempt: int
    body_expires_on: date
    min_expires_at: datetime
    was_anothers: bool = False
    """Somebody else had leased it last, or nobody."""
    unresolved: int = 0
    """Positions handed over or to be handed over whose outcome is not on disk yet; at 0 the chunk is deleted."""
