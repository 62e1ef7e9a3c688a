"""What is left of a number when it is masked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendigopro.foundation.masks import COVER, mask_phone


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+447400123456", "+44••••••••56"),
        ("+15005550006", "+1••••••••06"),
        ("+35312345678", "+353••••••78"),
        ("+999", "+•99"),
        ("+9", "+9"),
        ("", ""),
    ],
)
def test_the_country_and_two_digits_are_left(number: str, shown: str) -> None:
    assert mask_phone(number) == shown


@given(st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True))
def test_no_number_is_told_and_its_length_is(number: str) -> None:
    shown = mask_phone(number)
    assert len(shown) == len(number)
    assert shown.count(COVER) >= 3
    assert shown.endswith(number[-2:])
