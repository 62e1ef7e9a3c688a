"""What the home page shows of a day: numbers, two charts, and what is still to be done. No I/O."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles
from uuid import UUID

from sendigopro.console.charts import HALF_WIDTH, Bars, Column, bars
from sendigopro.console.home_store import Count, Steps
from sendigopro.foundation import ids
from sendigopro.messages.model import Rank

HOURS = 24
BAD = {Rank.FAILED, Rank.UNDELIVERED, Rank.REJECTED, Rank.EXPIRED}
COUNTRIES_MAX = 6
BUCKETS = ((1, "1 s"), (3, "3 s"), (10, "10 s"), (60, "1 min"), (600, "10 min"), (float("inf"), "longer"))
"""Within how many seconds, and how that is called."""


@dataclass(frozen=True, slots=True)
class Latency:
    """From accepted to delivered, in seconds."""

    p50: float
    p95: float
    of: int
    chart: Bars


@dataclass(frozen=True, slots=True)
class Day:
    """Twenty-four hours of an account."""

    accepted: int
    delivered: int
    failed: int
    received: int
    spent_micros: int
    chart: Bars
    countries: Sequence[tuple[str, int]]

    @property
    def share_delivered(self) -> int | None:
        """Percent of what came to an end."""
        ended = self.delivered + self.failed
        return round(100 * self.delivered / ended) if ended else None


@dataclass(frozen=True, slots=True)
class Step:
    """One of the first steps."""

    is_done: bool
    told: str
    path: str
    button: str
    is_open: bool
    """Whether this member may go there."""


def day_of(counts: Sequence[Count], *, now: datetime) -> Day:
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [this_hour - timedelta(hours=HOURS - 1 - at) for at in range(HOURS)]
    by_rank: Counter[int] = Counter()
    by_hour: Counter[tuple[datetime, str]] = Counter()
    countries: Counter[str] = Counter()
    spent = 0
    for one in counts:
        by_rank[one.rank] += one.n
        if one.rank == 0:
            countries[one.country] += one.n
            by_hour[one.hour, "all"] += one.n
        else:
            spent += one.micros
            tone = "good" if one.rank == Rank.DELIVERED else "bad" if one.rank in BAD else ""
            by_hour[one.hour, tone] += one.n
    columns = [column_of(hour, by_hour) for hour in hours]
    accepted, delivered = by_rank[0], by_rank[Rank.DELIVERED]
    failed = sum(by_rank[rank] for rank in BAD)
    told = f"Messages by hour: {accepted} accepted, {delivered} delivered, {failed} failed in the last 24 hours."
    chart = bars(columns, told=told, every=3)
    return Day(accepted, delivered, failed, by_rank[Rank.RECEIVED], spent, chart, countries.most_common(COUNTRIES_MAX))


def column_of(hour: datetime, by_hour: Counter[tuple[datetime, str]]) -> Column:
    """Of an hour: delivered, failed, and what of the accepted has no end yet."""
    good, bad = by_hour[hour, "good"], by_hour[hour, "bad"]
    under_way = max(0, by_hour[hour, "all"] - good - bad)
    told = f"{hour:%H}:00 UTC: {good} delivered, {bad} failed, {under_way} on their way"
    return Column(f"{hour:%H}", (("good", good), ("bad", bad), ("going", under_way)), told)


def latency_of(delivered: Sequence[tuple[UUID, datetime]]) -> Latency | None:
    seconds = [max(0.0, (at - ids.time_of(message_id)).total_seconds()) for message_id, at in delivered]
    if not seconds:
        return None
    cuts = quantiles(seconds, n=20, method="inclusive") if len(seconds) > 1 else seconds * 19
    counted: Counter[str] = Counter(next(label for limit, label in BUCKETS if one < limit) for one in seconds)
    columns = [Column(label, (("going", counted[label]),), f"{label}: {counted[label]}") for _, label in BUCKETS]
    told = f"From accepted to delivered: half within {cuts[9]:.1f} s, 95 % within {cuts[18]:.1f} s."
    return Latency(cuts[9], cuts[18], len(seconds), bars(columns, told=told, width=HALF_WIDTH))


def steps_of(steps: Steps, *, has_second_factor: bool, may_open: Collection[str]) -> list[Step]:
    listed = (
        (steps.has_message, "Send a first message", "/console/start", "Begin"),
        (steps.has_key, "Make an API key", "/console/keys", "Keys"),
        (steps.has_endpoint, "Be told what becomes of messages", "/console/webhooks", "Webhooks"),
        (steps.has_sender, "Say who messages come from", "/console/senders", "Senders"),
        (has_second_factor, "Protect your sign-in", "/console/security", "Set up"),
        (steps.members > 1, "Let somebody else in", "/console/team", "Team"),
    )
    return [Step(is_done, told, path, button, path in may_open) for is_done, told, path, button in listed]
