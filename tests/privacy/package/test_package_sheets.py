"""A table of a package opens in a spreadsheet program as what it says, and runs nothing."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendigopro.foundation import ids
from sendigopro.foundation.personal import Phone
from sendigopro.privacy.package.mask import Mask
from sendigopro.privacy.package.sheets import FORMULA_STARTS, GUARD, Sheet, cell
from sendigopro.privacy.package.shelf import Shelf

OWN = Phone("+4915112345678")


@given(st.lists(st.text(), min_size=2, max_size=5))
def test_every_text_comes_back_from_its_cell_and_none_is_a_formula(texts: list[str]) -> None:
    sheet = Sheet(["x"] * len(texts))
    sheet.add([",".join(map(cell, texts))])

    _, read = csv.reader(io.StringIO(sheet.take().decode("utf-8", "surrogatepass"), newline=""), strict=True)

    assert [one.removeprefix(GUARD) if one[1:2] in FORMULA_STARTS else one for one in read] == [
        one.removeprefix(GUARD) if one[1:2] in FORMULA_STARTS else one for one in texts
    ]
    assert not any(one[:1] in FORMULA_STARTS for one in read if one)


@pytest.mark.parametrize(
    "evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "=cmd|'/C calc'!A0"]
)
def test_what_begins_like_a_formula_becomes_a_text(evil: str) -> None:
    (row,) = csv.reader(io.StringIO(cell(evil), newline=""))

    assert row == [GUARD + evil]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("ask Maria, +44 7400 123456", "ask Maria, …56"),
        ("00447400123456", "…56"),
        ("maria.b@example.org", "…@example.org"),
        ("+4915112345678 and +4915187654321", "+4915112345678 and …21"),  # their own stays
        ("order 123456789012", "order 123456789012"),
        ("+1 for this", "+1 for this"),
        ("", ""),
    ],
)
def test_other_peoples_numbers_and_addresses_are_covered_and_nothing_else(written: str, shown: str) -> None:
    mask = Mask(OWN)

    assert mask.text(written) == shown
    assert mask.text(shown) == shown  # a package of a package says the same
    assert mask.words({written: written}) == {shown: shown}


@given(st.lists(st.tuples(st.integers(0, 500_000), st.binary(min_size=3, max_size=3)), max_size=50))
def test_what_is_put_on_a_shelf_is_found_by_its_id_and_nothing_else(records: list[tuple[int, bytes]]) -> None:
    """Over several minutes, of which only some are held open."""
    shelf = Shelf(3, open_max=5)
    put = {}
    for shift, rest in records:
        key = (ids.milliseconds_of(ids.new_bytes()) + shift).to_bytes(6) + ids.new_bytes()[6:]
        put[key] = rest
        shelf.add(key, rest)

    assert {key: shelf.find(key) for key in put} == put
    assert shelf.find_all([*put, ids.new_bytes(), *put]) == [*put.values(), None, *put.values()]
    assert len(shelf) == len(put)
