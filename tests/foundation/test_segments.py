"""Cutting a text into parts, and counting them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendigopro.foundation import alphabets, segments
from sendigopro.foundation.alphabets import Encoding

GSM7_TEXT = st.text(alphabets.BASIC.replace("\x1b", "") + "".join(alphabets.EXTENSION.values()) * 4, max_size=900)
ANY_TEXT = st.one_of(
    GSM7_TEXT,
    st.text(max_size=400),
    st.text(st.sampled_from("a😀Ж€"), min_size=60, max_size=400),
)


@given(ANY_TEXT)
def test_the_parts_put_together_are_the_text(text: str) -> None:
    cut = segments.split(text)

    assert alphabets.decode(b"".join(cut.parts), cut.encoding) == text
    # Each part can be read alone, so no pair was cut in two.
    assert "".join(alphabets.decode(part, cut.encoding) for part in cut.parts) == text


@given(ANY_TEXT)
def test_no_part_is_over_its_limit(text: str) -> None:
    cut = segments.split(text)

    limit = 160 if cut.encoding is Encoding.GSM7 else 140
    header = segments.HEADER_OCTETS if len(cut.parts) > 1 else 0
    for part in segments.with_headers(cut.parts, reference=7):
        octets = len(part) - header
        if cut.encoding is Encoding.GSM7:
            assert octets + (7 if header else 0) <= limit
        else:
            assert octets + header <= limit
    assert all(part for part in cut.parts) or text == ""


@given(ANY_TEXT)
def test_counting_says_what_cutting_does(text: str) -> None:
    cut = segments.split(text)

    assert segments.count(text) == segments.Count(cut.encoding, len(cut.parts), cut.units)


@pytest.mark.parametrize(
    ("text", "parts", "units"),
    [
        ("", 1, 0),
        ("a" * 160, 1, 160),
        ("a" * 161, 2, 161),
        ("a" * 306, 2, 306),
        ("a" * 307, 3, 307),
        ("€" * 80, 1, 160),
        ("€" * 81, 2, 162),
        ("€" * 153, 3, 306),  # 153 is odd: a part holds 76 pairs
        ("Ж" * 70, 1, 70),
        ("Ж" * 71, 2, 71),
        ("Ж" * 134, 2, 134),
        ("Ж" * 135, 3, 135),
        ("😀" * 35, 1, 70),
        ("😀" * 36, 2, 72),
        ("😀" * 67, 3, 134),  # 67 is odd: a part holds 33 pairs
    ],
)
def test_known_lengths_need_known_parts(text: str, parts: int, units: int) -> None:
    counted = segments.count(text)

    assert (counted.parts, counted.units) == (parts, units)


def test_the_header_names_reference_total_and_position() -> None:
    parts = segments.with_headers((b"one", b"two"), reference=0x1F2)

    assert parts == (b"\x05\x00\x03\xf2\x02\x01one", b"\x05\x00\x03\xf2\x02\x02two")


def test_a_single_part_has_no_header() -> None:
    assert segments.with_headers((b"one",), reference=1) == (b"one",)


def test_more_than_255_parts_are_refused_but_counted() -> None:
    text = "a" * (255 * 153 + 1)

    assert segments.count(text).parts == 256
    with pytest.raises(segments.TooLong):
        segments.split(text)
