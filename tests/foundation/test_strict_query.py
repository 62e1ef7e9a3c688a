"""Query strings mean one thing, or are refused by name."""

from datetime import UTC, datetime

import msgspec
import pytest

from sendigopro.foundation import strict_query
from sendigopro.foundation.problems import Invalid, NotFound


class Filters(strict_query.Page, kw_only=True):
    recipient: str | None = None
    created_after: datetime | None = None
    is_final: bool | None = None
    from_: str | None = msgspec.field(default=None, name="from")


REFUSED = [
    (b"limit=0", "invalid_parameter", "limit"),
    (b"limit=101", "invalid_parameter", "limit"),
    (b"limit=9223372036854775808", "invalid_parameter", "limit"),
    (b"limit=ten", "invalid_parameter", "limit"),
    (b"limit=", "invalid_parameter", "limit"),
    (b"limit=1&limit=2", "duplicate_parameter", "limit"),
    (b"recipent=%2B447700900123", "unknown_parameter", "recipent"),
    (b"recipient=%ff", "invalid_parameter", None),
    (b"recipient=a%00b", "invalid_parameter", "recipient"),
    (b"limit=null", "invalid_parameter", "limit"),
    (b"created_after=null", "invalid_parameter", "created_after"),
    (b"created_after=0.5", "invalid_parameter", "created_after"),
    (b"created_after=1767225600", "invalid_parameter", "created_after"),
    (b"created_after=yesterday", "invalid_parameter", "created_after"),
    (b"a=1&" * 51, "too_many_parameters", None),
]


@pytest.mark.parametrize(("query", "code", "param"), REFUSED)
def test_what_is_wrong_is_refused_by_name(query: bytes, code: str, param: str | None) -> None:
    with pytest.raises(Invalid) as refusal:
        strict_query.read(query, Filters)

    assert (refusal.value.code, refusal.value.param) == (code, param)


def test_what_is_right_is_read() -> None:
    read = strict_query.read(
        b"limit=5&recipient=%2B44+1&created_after=2026-11-23T10:00:00Z&is_final=true&from=x", Filters
    )

    assert read == Filters(
        limit=5, recipient="+44 1", created_after=datetime(2026, 11, 23, 10, tzinfo=UTC), is_final=True, from_="x"
    )


def test_null_is_a_word_like_any_other() -> None:
    assert strict_query.read(b"recipient=null", Filters).recipient == "null"


def test_what_cannot_be_an_id_is_not_there() -> None:
    with pytest.raises(NotFound):
        strict_query.path_id("msg", "evt_01h455vb4pex5vsknk084sn02q")
