"""The nouns of people's requests. No I/O."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, get_args
from uuid import UUID

import msgspec

from sendigopro.audit.model import ActorKind
from sendigopro.foundation.phones import PhoneNumber

Type = Literal["access", "erase", "rectify", "restrict", "object", "export", "withdraw"]
Status = Literal[
    "awaiting_approval", "in_grace", "on_hold", "erasing", "processing", "completed", "canceled", "rejected"
]
TYPES: Final[tuple[Type, ...]] = get_args(Type)
TABLE = "privacy_requests"
DUE_DAYS: Final = {"gdpr": 30}
"""Within how many days a law wants an answer: GDPR 12(3), one month."""
DUE: Final = timedelta(days=min(DUE_DAYS.values()))
GRACE_HOURS_MAX: Final = 720
HOURLY_MAX: Final = 100
"""Erasures that may begin in an account within an hour; each further one needs a second person."""
CANCELABLE: Final[tuple[Status, ...]] = ("awaiting_approval", "in_grace", "on_hold")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it comes through the door."""

    account_id: UUID
    mode: int
    key_id: UUID
    """Of whoever asks: a key, or a member in the console."""
    asks: ActorKind = ActorKind.KEY
    type: Type
    person: PhoneNumber
    corrected: PhoneNumber | None = None
    reason: str | None = None
    grace_hours: int = 0
    is_lift: bool = False
    key_mac: bytes | None = None
    body_mac: bytes | None = None
    http_request_id: str | None = None
    """By which the audit log names the call that asked; `Request.id` is another thing."""


@dataclass(frozen=True, slots=True)
class Marks:
    """By what a person is found: nobody's name, but enough to find everything."""

    lookup: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    subject_ids: tuple[UUID, ...] = ()
    key_slots: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a person's data must be kept, and when that is looked at again."""

    reason: str
    review_on: datetime


@dataclass(frozen=True, slots=True)
class Request:
    """A row of `privacy_requests`."""

    account_id: UUID
    id: UUID
    mode: int
    type: Type
    status: Status
    outcome: str | None
    is_lift: bool
    asked_by: UUID | None
    grace_hours: int
    grace_until: datetime | None
    created_at: datetime
    due_at: datetime
    unreadable_at: datetime | None
    completed_at: datetime | None
    lookup: bytes | None = field(repr=False)
    mac: bytes | None = field(repr=False)
    subject_ids: tuple[UUID, ...]
    key_slots: tuple[int, ...]
    body_mac: bytes | None = field(repr=False)
    has_receipt: bool
    done: int | None = None
    total: int | None = None
    platform_mac: bytes | None = field(default=None, repr=False)
    """Of an erasure: by what receipts are found that are of no account."""
