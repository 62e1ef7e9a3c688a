"""Rate limits of each key and account: GCRA, in process, 2 µs a request with its headers.

Each web process counts for itself, so each is given an equal share of the rate; the kernel spreads connections
over the processes. A client on a single connection therefore meets its process's share, never less than 1/s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from uuid import UUID

from sendigopro.foundation import clock
from sendigopro.foundation.problems import TooMany

FORGET_EVERY = 10_000
ROUNDING_SECONDS = 1e-6


@dataclass(frozen=True, slots=True)
class Policy:
    """So many requests a second for long, and so many at once."""

    rate_per_second: float
    burst: int


class Bucket:
    """One who is counted: GCRA's whole state is the theoretical arrival time of the next request."""

    __slots__ = ("arrival", "burst", "burst_seconds", "interval", "policy", "policy_header")

    def __init__(self, policy: Policy, parts: int) -> None:
        self.policy = policy
        self.burst = max(1, policy.burst // parts)
        self.interval = 1 / max(1.0, policy.rate_per_second / parts) if parts > 1 else 1 / policy.rate_per_second
        self.burst_seconds = self.burst * self.interval
        self.arrival = 0.0
        window_seconds = ceil(self.burst_seconds - ROUNDING_SECONDS)
        self.policy_header = (b"ratelimit-policy", b'"default";q=%d;w=%d' % (self.burst, window_seconds))

    def after(self, now: float, cost: int) -> float:
        """The arrival time if this request were let in."""
        # A request dearer than the whole burst is let in when nothing else was: otherwise it never could be.
        seconds = self.burst_seconds if cost > self.burst else cost * self.interval
        return (max(now, self.arrival)) + seconds

    def headers(self, now: float) -> list[tuple[bytes, bytes]]:
        """RateLimit and RateLimit-Policy, as draft-ietf-httpapi-ratelimit-headers-10 writes them."""
        ahead = self.arrival - now
        if ahead < 0:
            ahead = 0.0
        left = int((self.burst_seconds - ahead + ROUNDING_SECONDS) / self.interval)
        return [self.policy_header, (b"ratelimit", b'"default";r=%d;t=%d' % (left, ceil(ahead)))]


class Limited(TooMany):
    """The refusal, with the same headers as an answer has."""

    def __init__(self, bucket: Bucket, now: float, *, retry_after_seconds: float) -> None:
        super().__init__(
            "rate_limited",
            f"More than {1 / bucket.interval:g} requests a second. Wait, then go on more slowly.",
            retry_after_seconds=max(1, ceil(retry_after_seconds)),
        )
        self.headers = tuple(bucket.headers(now))


class Limits:
    """All who asked lately."""

    def __init__(self, *, parts: int = 1) -> None:
        self.parts = parts
        self.buckets: dict[int, Bucket] = {}
        self.until_forgetting = FORGET_EVERY

    def take(self, counted: Sequence[tuple[UUID, Policy]], *, cost: int = 1) -> list[tuple[bytes, bytes]]:
        """Count a request against each (its key, its account) and give the headers, or count nothing and raise."""
        now = clock.monotonic()
        self.until_forgetting -= 1
        if self.until_forgetting == 0:
            self.forget_the_idle(now)
        passed = []
        for who, policy in counted:
            bucket = self.buckets.get(who.int)
            if bucket is None or (bucket.policy is not policy and bucket.policy != policy):
                bucket = self.buckets[who.int] = Bucket(policy, self.parts)
            after = bucket.after(now, cost)
            if after - now > bucket.burst_seconds + ROUNDING_SECONDS:
                raise Limited(bucket, now, retry_after_seconds=after - now - bucket.burst_seconds)
            passed.append((bucket, after))
        tightest, _ = passed[0]
        for bucket, after in passed:
            bucket.arrival = after
            if after - bucket.burst_seconds > tightest.arrival - tightest.burst_seconds:
                tightest = bucket
        return tightest.headers(now)

    def forget_the_idle(self, now: float) -> None:
        """Drop those whose burst is whole again: they are as good as new."""
        self.until_forgetting = FORGET_EVERY
        self.buckets = {who: bucket for who, bucket in self.buckets.items() if bucket.arrival > now}
