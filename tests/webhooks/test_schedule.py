"""The pauses between attempts."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from sendigopro.foundation import clock
from sendigopro.webhooks.schedule import pause_seconds, retry_after_seconds

HOUR = 3600


@pytest.mark.parametrize(
    ("attempts", "pause"),
    [(0, 0), (1, 5), (2, 300), (3, 1800), (4, 2 * HOUR), (5, 5 * HOUR), (6, 10 * HOUR), (7, 10 * HOUR)],
)
def test_each_pause_is_the_promised_one_and_at_most_a_tenth_longer(attempts: int, pause: float) -> None:
    pauses = [pause_seconds(attempts, None) for _ in range(50)]

    assert all(it is not None and pause <= it <= pause * 1.1 for it in pauses)


def test_pauses_differ_so_that_what_failed_together_does_not_come_back_together() -> None:
    assert len({pause_seconds(3, None) for _ in range(50)}) > 40


def test_there_is_no_ninth_attempt() -> None:
    assert pause_seconds(8, None) is None
    assert pause_seconds(8, 60) is None


def test_retry_after_makes_a_pause_longer_never_shorter() -> None:
    assert pause_seconds(1, 600) == 600
    shorter = pause_seconds(2, 1)
    assert shorter is not None
    assert shorter >= 300


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        (b"120", 120),
        (b" 7 ", 7),
        (b"0", 0),
        (b"99999999999999999999", 86400),  # at most a day
        (b"-5", None),
        (b"1.5", None),
        (b"soon", None),
        (b"", None),
        ("１２".encode(), None),  # noqa: RUF001  # other scripts' digits
        (b"Mon, 32 Foo 2026 99:99:99 GMT", None),
        (b"Mon, 23 Nov 99999999999 10:00:00 GMT", None),
        (b"Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ],
)
def test_retry_after_is_read_or_counts_as_absent(value: bytes | None, seconds: float | None) -> None:
    assert retry_after_seconds(value) == seconds


def test_retry_after_may_be_a_date() -> None:
    date = format_datetime(clock.now() + timedelta(seconds=90), usegmt=True)

    seconds = retry_after_seconds(date.encode())

    assert seconds is not None
    assert 85 < seconds <= 90
