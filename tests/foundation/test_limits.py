"""Rate limits let through what was promised, and say when to come again."""

from itertools import count
from uuid import UUID

import pytest

from sendigopro.foundation import clock
from sendigopro.foundation.limits import Limited, Limits, Policy

KEY, ACCOUNT, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)


class Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    hands = Hands()
    monkeypatch.setattr(clock, "monotonic", hands)
    return hands


def taken(limits: Limits, policy: Policy, who: UUID = KEY) -> int:
    for n in count():
        try:
            limits.take([(who, policy)])
        except Limited:
            return n
    raise AssertionError


def left(headers: list[tuple[bytes, bytes]]) -> int:
    return int(dict(headers)[b"ratelimit"].split(b";")[1].removeprefix(b"r="))


def test_a_burst_passes_and_then_the_rate(hands: Hands) -> None:
    limits, policy = Limits(), Policy(10, 20)

    assert taken(limits, policy) == 20
    hands.seconds += 1
    assert taken(limits, policy) == 10
    hands.seconds += 3600
    assert taken(limits, policy) == 20


def test_headers_tell_what_is_left_and_when_it_is_whole_again(hands: Hands) -> None:
    assert hands.seconds

    headers = Limits().take([(KEY, Policy(10, 20))], cost=5)

    assert headers == [(b"ratelimit-policy", b'"default";q=20;w=2'), (b"ratelimit", b'"default";r=15;t=1')]


def test_the_refusal_says_when_to_come_again_and_keeps_its_word(hands: Hands) -> None:
    limits, policy = Limits(), Policy(0.5, 1)
    limits.take([(KEY, policy)])

    with pytest.raises(Limited) as refusal:
        limits.take([(KEY, policy)])
    assert refusal.value.retry_after_seconds is not None
    hands.seconds += refusal.value.retry_after_seconds

    assert left(limits.take([(KEY, policy)])) == 0


def test_the_account_is_counted_over_all_its_keys_and_a_refusal_counts_nothing(hands: Hands) -> None:
    assert hands.seconds
    limits, key, account = Limits(), Policy(10, 10), Policy(10, 3)
    for who in (KEY, OTHER, KEY):
        limits.take([(who, key), (ACCOUNT, account)])

    with pytest.raises(Limited):
        limits.take([(OTHER, key), (ACCOUNT, account)])

    assert taken(limits, key, OTHER) == 9


def test_each_process_gives_its_share(hands: Hands) -> None:
    assert hands.seconds

    assert taken(Limits(parts=4), Policy(100, 100)) == 25


def test_a_batch_dearer_than_the_burst_waits_for_a_whole_one(hands: Hands) -> None:
    limits, policy = Limits(), Policy(10, 20)
    limits.take([(KEY, policy)], cost=1000)

    with pytest.raises(Limited):
        limits.take([(KEY, policy)], cost=1000)
    hands.seconds += 2

    assert left(limits.take([(KEY, policy)], cost=1000)) == 0


def test_who_is_idle_is_forgotten(hands: Hands) -> None:
    limits = Limits()
    limits.take([(KEY, Policy(10, 20))])
    hands.seconds += 60

    limits.forget_the_idle(hands.seconds)

    assert limits.buckets == {}
