"""Which carrier first, and which next. Pure: lists in, a choice out."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sendigopro.channels.model import Carrier


@dataclass(frozen=True, slots=True)
class Choice:
    """A carrier, and why it was this one."""

    carrier: Carrier
    reason: str


def route(carriers: Sequence[Carrier], *, tried: Sequence[UUID] = ()) -> Choice | None:
    """Choose the first enabled carrier that has not been tried; when all were, begin again with the first.

    At accept `tried` is empty; after a failure it holds the carriers that would not take the message.
    """
    enabled = [carrier for carrier in carriers if carrier.is_enabled]
    for carrier in enabled:
        if carrier.id not in tried:
            return Choice(carrier, "first choice of the route" if not tried else "next after a failure")
    if enabled:
        return Choice(enabled[0], "all were tried: the first again")
    return None


def order_of(carriers: Sequence[Carrier]) -> list[Choice]:
    """In which order they would be tried, each once, if each failed."""
    order: list[Choice] = []
    while (choice := route(carriers, tried=[one.carrier.id for one in order])) is not None:
        if choice.carrier.id in {one.carrier.id for one in order}:
            break
        order.append(choice)
    return order
