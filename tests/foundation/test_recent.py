"""A bounded memory keeps what was used lately and never more than it may."""

from hypothesis import given
from hypothesis import strategies as st

from sendigopro.foundation.recent import Recent


@given(st.integers(2, 40), st.lists(st.tuples(st.integers(0, 99), st.booleans()), max_size=400))
def test_it_answers_truly_and_never_holds_more_than_its_size(size: int, steps: list[tuple[int, bool]]) -> None:
    recent: Recent[int, str] = Recent(size)
    for key, is_put in steps:
        if is_put:
            recent.put(key, str(key))
        else:
            assert recent.get(key) in {None, str(key)}
        assert len(recent) <= size
        assert len({*recent.values()}) == len([*recent.values()])


@given(st.integers(2, 40), st.lists(st.integers(0, 99), min_size=1, max_size=200))
def test_the_last_half_of_what_was_used_is_always_there(size: int, keys: list[int]) -> None:
    recent: Recent[int, str] = Recent(size)
    for key in keys:
        if recent.get(key) is None:
            recent.put(key, str(key))

    lately = [*dict.fromkeys(reversed(keys))][: size // 2]
    assert [recent.get(key) for key in lately[:1]] == [str(lately[0])]
    assert all(key in {*map(int, recent.values())} for key in lately)


def test_what_is_dropped_is_gone_from_both_generations() -> None:
    recent: Recent[int, str] = Recent(4)
    for key in range(4):
        recent.put(key, str(key))
    recent.get(0)  # moved to the young generation, and still in the old one

    recent.drop(0)
    recent.drop_where(lambda value: value == "1")

    assert [recent.get(key) for key in range(4)][:2] == [None, None]
    assert "3" in [*recent.values()]
    recent.clear()
    assert len(recent) == 0
