"""Identifiers as they are shown to who may know that somebody was written to, but not whom."""

from typing import Final

from sendigopro.foundation.phones import plan_of

COVER: Final = "•"
SHOWN_DIGITS: Final = 2


def mask_phone(number: str) -> str:
    """`+447400123456` → `+44••••••••56`: the country and two digits, enough to tell lines apart, too little to call."""
    plan = plan_of(number)
    shown = len(plan.code) + 1 if plan is not None else 1
    covered = max(0, len(number) - shown - SHOWN_DIGITS)
    return number[:shown] + COVER * covered + number[shown + covered :]
