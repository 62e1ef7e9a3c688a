"""What a page says of a carrier: made of numbers that were counted, and of none that were not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sendigopro.channels.model import Carrier
from sendigopro.foundation import ids
from sendigopro.messages.carrier_store import (
    BAD_RANKS,
    GOOD_RANKS,
    RECENT_MAX,
    RECENTLY,
    SENT_RANKS,
    Binds,
    Delay,
    Lane,
    Recent,
)
from sendigopro.messages.model import PRIORITY

PRIORITY_NAMES: Final = {number: purpose.name.lower() for purpose, number in PRIORITY.items()}
MINUTES: Final = RECENTLY.total_seconds() / 60


@dataclass(frozen=True, slots=True)
class WaitingLane:
    """What of one purpose waits."""

    name: str
    n: int
    since: datetime


@dataclass(frozen=True, slots=True)
class CarrierState:
    """A carrier as a page shows it."""

    id: UUID
    name: str
    provider: str
    word: str
    tone: str
    since: datetime | None
    working: int
    wanted: int
    workers: Sequence[Binds]
    sent: int
    per_minute: float
    is_capped: bool
    delivered: int
    failed: int
    error_share: float | None
    """In per cent of what came to an end; None when nothing did."""
    lanes: Sequence[WaitingLane]
    delay: Delay | None

    @property
    def waits(self) -> int:
        return sum(lane.n for lane in self.lanes)


def state_of(
    carrier: Carrier,
    *,
    binds: Sequence[Binds],
    lanes: Sequence[Lane],
    recent: Sequence[Recent],
    delays: Sequence[Delay] = (),
) -> CarrierState:
    held = [one for one in binds if one.carrier_id == carrier.id]
    working = sum(one.working for one in held)
    since = min((one.since for one in held if one.since is not None), default=None)
    counts = {one.rank: one.n for one in recent if one.carrier_id == carrier.id}
    sent, good, bad = (sum(counts.get(rank, 0) for rank in ranks) for ranks in (SENT_RANKS, GOOD_RANKS, BAD_RANKS))
    word, tone = word_of(carrier, held=sum(one.held for one in held), working=working)
    return CarrierState(
        id=carrier.id, name=carrier.name, provider=carrier.provider, word=word, tone=tone, since=since,
        working=working, wanted=carrier.binds, workers=held, sent=sent, per_minute=sent / MINUTES,
        is_capped=any(n >= RECENT_MAX for n in counts.values()), delivered=good, failed=bad,
        error_share=100 * bad / (good + bad) if good + bad else None,
        lanes=[
            WaitingLane(PRIORITY_NAMES.get(one.priority, str(one.priority)), one.n, ids.time_of(one.oldest))
            for one in lanes
            if one.carrier_id == carrier.id
        ],
        delay=next((one for one in delays if one.carrier_id == carrier.id), None),
    )  # fmt: skip


def word_of(carrier: Carrier, *, held: int, working: int) -> tuple[str, str]:
    """In a word, and its tone."""
    if not carrier.is_enabled:
        return "switched off", ""
    if working:
        return ("bound", "good") if working >= carrier.binds else ("partly bound", "warn")
    return ("connecting", "warn") if held else ("not bound", "bad")
