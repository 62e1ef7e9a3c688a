"""The only place that asks what time it is."""

import time
from datetime import UTC, date, datetime

now_ns = time.time_ns
monotonic = time.monotonic
processor_seconds = time.process_time
"""What this process has used of processors."""


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


def now_us() -> int:
    """Microseconds since 1970-01-01T00:00Z."""
    return time.time_ns() // 1000


def today() -> date:
    """The current day in UTC."""
    return datetime.now(UTC).date()


def midnight(day: date) -> datetime:
    """The first moment of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
