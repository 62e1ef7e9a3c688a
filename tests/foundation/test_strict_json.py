"""JSON has one meaning, or is refused with the name of what is wrong."""

import json
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendigopro.foundation import strict_json
from sendigopro.foundation.problems import Invalid


class Note(msgspec.Struct, forbid_unknown_fields=True):
    to: str
    ttl_seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] | None = None
    metadata: dict[str, str] | None = None
    tags: list[str] | None = None
    inner: "Note | None" = None


NOTE = msgspec.json.Decoder(Note)
ANYTHING = msgspec.json.Decoder()

REFUSED = [
    (b"", "invalid_json", None),
    (b"{", "invalid_json", None),
    (b'{"to":"a"} x', "invalid_json", None),
    (b'{"to":"a",}', "invalid_json", None),
    (b'{"to":NaN}', "invalid_json", None),
    (b'{"to":"a","ttl_seconds":Infinity}', "invalid_json", None),
    (b'{"to":"a","ttl_seconds":-Infinity}', "invalid_json", None),
    (b'{"to":"\xff"}', "invalid_json", None),
    (b'{"to":"\xed\xa0\x80"}', "invalid_json", None),
    (b'{"to":"\\ud800"}', "invalid_json", None),
    (b'{"to":"a\x00"}', "invalid_json", None),
    (b'\xef\xbb\xbf{"to":"a"}', "invalid_json", None),
    ('{"to":"a"}'.encode("utf-16"), "invalid_json", None),
    (b"[]", "invalid_value", None),
    (b"null", "invalid_value", None),
    (b'{"to":null}', "invalid_value", "to"),
    (b'{"to":1}', "invalid_value", "to"),
    (b'{"to":"a","ttl_seconds":9223372036854775808}', "invalid_value", "ttl_seconds"),
    (b'{"to":"a","ttl_seconds":1.5}', "invalid_value", "ttl_seconds"),
    (b'{"to":"a","ttl_seconds":"5"}', "invalid_value", "ttl_seconds"),
    (b'{"to":"a","ttl_seconds":true}', "invalid_value", "ttl_seconds"),
    (b'{"to":"a","ttl_seconds":1e400}', "invalid_value", "ttl_seconds"),
    (b'{"to":"a","metadata":{"k":1}}', "invalid_value", "metadata"),
    (b'{"to":"a","metadata":' + b'{"a":' * 100_000, "invalid_value", "metadata"),
    (b'{"to":"a","tags":["a",2]}', "invalid_value", "tags[1]"),
    (b"{}", "missing_field", "to"),
    (b'{"to":"a","inner":{}}', "missing_field", "inner.to"),
    (b'{"to":"a","form":"b"}', "unknown_field", "form"),
    (b'{"to":"a","inner":{"to":"b","x`y":"b"}}', "unknown_field", "inner.x`y"),
    (b'{"to":"a","to":"a"}', "duplicate_field", "to"),
    (b' \n{"to" : "a", "t\\u006f" : "b"}', "duplicate_field", "to"),
    (b'{"to":"a","metadata":{"k":"1","k":"1"}}', "duplicate_field", "k"),
    (b'{"to":"a\\u0000b"}', "invalid_value", "to"),
    (b'{"to":"a","metadata":{"k":"\\u0000"}}', "invalid_value", "metadata.k"),
    (b'{"to":"a","tags":["\\u0000"]}', "invalid_value", "tags"),
]


@pytest.mark.parametrize(("raw", "code", "param"), REFUSED)
def test_what_is_wrong_is_refused_by_name(raw: bytes, code: str, param: str | None) -> None:
    with pytest.raises(Invalid) as refusal:
        strict_json.decode(raw, NOTE)

    assert (refusal.value.code, refusal.value.param) == (code, param)


def test_one_name_in_two_objects_is_no_repetition() -> None:
    note = strict_json.decode(b'{"to":"a","metadata":{"to":"b"},"inner":{"to":"c"}}', NOTE)

    assert note == Note("a", metadata={"to": "b"}, inner=Note("c"))


def test_a_backslash_before_u0000_is_text() -> None:
    assert strict_json.decode(b'{"to":"\\\\u0000"}', NOTE) == Note("\\u0000")


def test_depth_without_a_type_ends_in_a_refusal() -> None:
    with pytest.raises(Invalid, match="nested too deeply"):
        strict_json.decode(b"[" * 100_000, ANYTHING)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_what_python_writes_is_read_as_it_was(value: object) -> None:
    raw = json.dumps(value).encode()
    if "\\u0000" in raw.decode():
        return

    assert strict_json.decode(raw, ANYTHING) == value
