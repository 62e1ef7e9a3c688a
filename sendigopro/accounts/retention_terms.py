"""How long what an account's messages hold is kept: three clocks for each product, and what an account may choose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from sendigopro.accounts.model import PURPOSES


class RetentionClock(StrEnum):
    """What ends; all count days from when the thing was last needed."""

    BODY = "body"
    """Texts, metadata, callback URLs: since their message expired."""
    RECORD = "record"
    """Who was sent what and when, and what became of it: since the message expired."""
    IDENTIFIER = "identifier"
    """Who a person is: since the account met them last."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One clock of one product, in days."""

    default: int
    least: int
    cap: int
    """The legal cap: nobody keeps it longer."""
    why: str
    """What the cap stands on, as an account is told it."""

    def refuses(self, days: int) -> bool:
        return not self.least <= days <= self.cap


RECEIVED: Final = "received"
"""What people write to an account."""
PEOPLE: Final = "people"
"""Everybody an account has met: kept once, whatever they were sent."""
PRODUCTS: Final = (*PURPOSES, RECEIVED, PEOPLE)

_YEAR = "Storage limitation, GDPR 5(1)(e): twelve months of disputes about a message, and one to settle them."
_CODE = "Storage limitation, GDPR 5(1)(e): a code opens nothing once it is used or over; a month to look into abuse."
CAP_DAYS: Final = 400
RECORD_LEAST_DAYS: Final = 7
"""Receipts are awaited for three days and reports told again for some more: until then a message is not at its end."""

LIMITS: Mapping[tuple[str, RetentionClock], Limit] = {
    **{(product, RetentionClock.BODY): Limit(30, 0, CAP_DAYS, _YEAR) for product in (*PURPOSES, RECEIVED)},
    ("otp", RetentionClock.BODY): Limit(7, 0, 30, _CODE),
    **{
        (product, RetentionClock.RECORD): Limit(CAP_DAYS, RECORD_LEAST_DAYS, CAP_DAYS, _YEAR)
        for product in (*PURPOSES, RECEIVED)
    },
    (PEOPLE, RetentionClock.IDENTIFIER): Limit(CAP_DAYS, 1, CAP_DAYS, _YEAR),
}
"""Reviewed 2026-11; counts that name nobody have no clock."""


@dataclass(frozen=True, slots=True)
class RetentionTerms:
    """What one account has chosen; of all else the default."""

    chosen: Mapping[tuple[str, RetentionClock], int] = field(default_factory=dict)

    def days(self, product: str, clock: RetentionClock) -> int:
        found = self.chosen.get((product, clock))
        return LIMITS[product, clock].default if found is None else found

    def is_over(self, product: str, clock: RetentionClock, since: date, *, today: date) -> bool:
        """Whether what was last needed on that day must be refused by now."""
        return since < self.over_before(product, clock, today=today)

    def over_before(self, product: str, clock: RetentionClock, *, today: date) -> date:
        """What was last needed before this day is over."""
        return today - timedelta(days=self.days(product, clock))


DEFAULT: Final = RetentionTerms()
