"""Entries have one spelling, whatever is in them, and each change of one changes its hash."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendigopro.audit.chain import commitment_of, hash_of, spelt_time, told
from sendigopro.audit.model import (
    NO_HASH,
    NUMBERS,
    WORD,
    Action,
    Actor,
    ActorKind,
    Entry,
    NotForTheLogError,
    check,
    kept_request_id,
)
from sendigopro.foundation import ids
from sendigopro.foundation.spelling import canonical

WORDS = st.from_regex(WORD, fullmatch=True)
FACTS = st.dictionaries(
    WORDS,
    st.none() | st.booleans() | st.integers(NUMBERS.start, NUMBERS.stop - 1) | WORDS | st.lists(WORDS, max_size=3),
    max_size=4,
)
MOMENTS = st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1))  # noqa: DTZ001
ENTRIES = st.builds(
    Entry,
    account_id=st.uuids(),
    n=st.integers(1, 1 << 50),
    id=st.uuids(),
    at=MOMENTS,
    actor=st.builds(Actor, st.just(ActorKind.KEY), st.uuids()) | st.just(Actor(ActorKind.SYSTEM)),
    action=st.sampled_from(Action),
    target=st.none() | WORDS,
    facts=FACTS,
    request_id=st.none() | st.just("req_01h455vb4pex5vsknk084sn02q"),
    commitment=st.none() | st.binary(min_size=32, max_size=32),
)
ONE = Entry(
    UUID(int=1), 1, UUID(int=2), datetime(2026, 11, 27, tzinfo=UTC), Actor(ActorKind.KEY, UUID(int=3)),
    Action.KEY_CREATED, "key_x", {"mode": "live", "days": 1}, None, None,
)  # fmt: skip


@given(ENTRIES)
def test_an_entry_read_back_from_its_spelling_is_spelt_the_same(entry: Entry) -> None:
    spelt = canonical(told(entry))

    assert canonical(json.loads(spelt)) == spelt
    assert json.loads(spelt) == told(entry)  # nothing is lost, so no two entries are spelt alike
    assert spelt.isascii()
    assert b" " not in spelt


@given(ENTRIES)
def test_facts_are_spelt_the_same_in_whatever_order_they_come(entry: Entry) -> None:
    turned = replace(entry, facts={name: entry.facts[name] for name in reversed([*entry.facts])})

    assert canonical(told(turned)) == canonical(told(entry))


@pytest.mark.parametrize(
    "change",
    [
        {"account_id": UUID(int=9)},
        {"n": 2},
        {"id": UUID(int=9)},
        {"at": ONE.at + timedelta(microseconds=1)},
        {"actor": Actor(ActorKind.MEMBER, UUID(int=3))},
        {"actor": Actor(ActorKind.KEY, UUID(int=4))},
        {"action": Action.KEY_REVOKED},
        {"target": None},
        {"facts": {"mode": "test", "days": 1}},
        {"facts": {"mode": "live", "days": True}},  # 1 == True in Python, but they are not spelt alike
        {"facts": {"mode": "live"}},
        {"request_id": "req_01h455vb4pex5vsknk084sn02q"},
        {"commitment": bytes(32)},
    ],
)
def test_whatever_is_changed_in_an_entry_changes_its_hash(change: dict[str, Any]) -> None:
    assert hash_of(NO_HASH, told(replace(ONE, **change))) != hash_of(NO_HASH, told(ONE))


def test_a_hash_is_sha256_of_the_one_before_and_the_entry() -> None:
    """Written down, so that a chain of today can be verified in ten years."""
    spelt = (
        b'{"account_id":"acc_00000000000000000000000001","action":"key.created",'
        b'"actor":{"id":"key_00000000000000000000000003","kind":"key"},"at":"2026-11-27T00:00:00.000000Z",'
        b'"commitment":null,"facts":{"days":1,"mode":"live"},"id":"aud_00000000000000000000000002","n":1,'
        b'"request_id":null,"target":"key_x"}'
    )

    assert canonical(told(ONE)) == spelt
    assert hash_of(b"\x01" * 32, told(ONE)) == sha256(b"\x01" * 32 + spelt).digest()


def test_a_moment_has_one_spelling_in_every_time_zone() -> None:
    at = datetime(2026, 11, 27, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))

    assert spelt_time(at) == "2026-11-27T10:00:00.000005Z"


def test_a_commitment_cannot_be_found_by_trying_once_its_salt_is_gone() -> None:
    values = {"mail": "anna@example.com"}

    assert commitment_of(b"a" * 32, values) != commitment_of(b"b" * 32, values)
    assert commitment_of(b"a" * 32, values) == commitment_of(b"a" * 32, dict(values))


@pytest.mark.parametrize(
    "value",
    [
        "anna@example.com",
        "+4915112345678",
        "Anna Berg",
        "Zoë",
        "",
        "x" * 129,
        "a\nb",
        "a\n",
        1.5,
        b"bytes",
        NUMBERS.stop,
        {"nested": "mapping"},
        ["fine", "not fine"],
    ],
)
def test_what_could_be_about_somebody_is_refused(value: Any) -> None:
    with pytest.raises(NotForTheLogError):
        check(target=None, facts={"fact": value})
    if isinstance(value, str):
        with pytest.raises(NotForTheLogError):
            check(target=value, facts={})
        with pytest.raises(NotForTheLogError):
            check(target=None, facts={value: 1})


@given(FACTS)
def test_words_numbers_and_truths_are_taken(facts: dict[str, Any]) -> None:
    check(target="otp/body", facts=facts)


def test_only_a_requests_id_that_we_made_is_kept() -> None:
    """Callers may choose their own, and could write a number or a name into it."""
    ours = ids.typed("req", ids.new())

    assert kept_request_id(ours) == ours
    assert [kept_request_id(one) for one in (None, "4915112345678", "req_anna-berg", ours + "x")] == [None] * 4
