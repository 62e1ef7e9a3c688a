"""Ids outside are the same whether they are written one by one or by the page."""

from hypothesis import given
from hypothesis import strategies as st

from sendigopro.foundation import ids


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=40))
def test_a_page_of_ids_is_written_as_each_alone_and_every_one_is_read_back(raws: list[bytes]) -> None:
    written = ids.typed_all("msg", raws)

    assert written == [ids.typed("msg", raw) for raw in raws]
    assert [ids.parse("msg", one).bytes for one in written] == raws
