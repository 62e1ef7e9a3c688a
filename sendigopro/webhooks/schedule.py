"""When a webhook is tried again, and when we stop."""

from datetime import timedelta
from email.utils import parsedate_to_datetime

from sendigopro.foundation import clock
from sendigopro.foundation.randomness import jitter

# The pause before each attempt; the first is made at once. Svix's schedule, which receivers know.
PAUSES_SECONDS = (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600)
ATTEMPTS_MAX = len(PAUSES_SECONDS)
JITTER = 0.1  # pauses grow by up to a tenth, so that what failed together does not come back together
RETRY_AFTER_MAX_SECONDS = 24 * 3600

DISABLED_AFTER = timedelta(days=5)
SILENCE = timedelta(days=1)  # after a day without any attempt the five days begin anew


def pause_seconds(attempts: int, retry_after_seconds: float | None) -> float | None:
    """How long to wait after so many failed attempts; None when there are no more.

    A receiver's Retry-After can make a pause longer, never shorter.
    """
    if attempts >= ATTEMPTS_MAX:
        return None
    pause = PAUSES_SECONDS[attempts] * jitter(1, 1 + JITTER)
    return max(pause, retry_after_seconds or 0)


def retry_after_seconds(value: bytes | None) -> float | None:
    """Read a Retry-After header: seconds or a date, at most a day; nonsense counts as absent."""
    if value is None:
        return None
    text = value.decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), RETRY_AFTER_MAX_SECONDS)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    seconds = at.timestamp() - clock.now().timestamp()
    return min(max(seconds, 0.0), RETRY_AFTER_MAX_SECONDS)
