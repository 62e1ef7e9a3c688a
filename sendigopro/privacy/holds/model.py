"""The nouns of legal holds. No I/O."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from sendigopro.privacy.package.model import MessageRecord

REVIEW_DAYS: Final = 90
"""A hold that nobody has looked at for so long is overdue: doctor says so until somebody reviews or releases it."""


class HoldError(Exception):
    """A hold cannot be placed, or is not there; the text says which and what next, and names nobody."""


class Words(msgspec.Struct, frozen=True):
    """Why something is kept: sealed, for it may name somebody."""

    reason: str
    authority: str
    """The law, court or dispute that demands it."""
    owner: str
    """Who answers for it."""


class Identifier(msgspec.Struct, frozen=True, tag="identifier"):
    """Who it was."""

    phone: str
    country: str

    def __repr__(self) -> str:
        return "<Identifier>"


class Message(msgspec.Struct, frozen=True, tag="message"):
    """What was said, and what became of it, in the format of a person's package."""

    record: MessageRecord

    def __repr__(self) -> str:
        return f"<Message {self.record.id}>"


Item = Identifier | Message


@dataclass(frozen=True, slots=True)
class StoredHold:
    """A row of `holds`."""

    account_id: UUID
    id: UUID
    key_slot: int
    words: bytes = field(repr=False)
    placed_at: datetime
    review_at: datetime

    def is_overdue(self, now: datetime) -> bool:
        return self.review_at < now


@dataclass(frozen=True, slots=True)
class StoredItem:
    """A row of `held_items`, sealed."""

    subject_id: UUID
    id: UUID
    has_text: bool
    content: bytes = field(repr=False)
