"""The short version is plain English, by a measure that can tell plain from learned."""

from collections.abc import Callable

import pytest

from sendigopro.privacy import body, notice
from tests.privacy.flesch import reading_ease, syllables

PLAIN_MIN = 60
COUNTED = {
    "a": 1, "the": 1, "make": 1, "called": 1, "wanted": 2, "data": 2, "people": 2, "message": 2, "messages": 3,
    "customer": 3, "number": 2, "account": 2, "decide": 2, "decided": 3, "locked": 1, "receipt": 2, "region": 2,
    "privacy": 3, "delete": 2, "being": 2, "trying": 2, "table": 2, "times": 1, "safely": 2, "co-host": 2,
    "responsibility": 6, "organisation": 5, "don't": 1,
}  # fmt: skip
# From the Gettysburg Address, for which published counts agree on about 65.
SPEECH = (
    "Four score and seven years ago our fathers brought forth on this continent, a new nation, conceived in Liberty, "
    "and dedicated to the proposition that all men are created equal. Now we are engaged in a great civil war, testing "
    "whether that nation, or any nation so conceived and so dedicated, can long endure. We are met on a great "
    "battle-field of that war."
)
LEARNED = (
    "Notwithstanding the aforementioned considerations, organisational and technological measures appropriate to "
    "the characteristics of the processing activities are periodically reevaluated by designated representatives."
)


@pytest.mark.parametrize(("word", "number"), COUNTED.items())
def test_syllables_are_counted_as_they_are_spoken(word: str, number: int) -> None:
    assert syllables(word) == number


def test_the_measure_tells_plain_from_learned() -> None:
    assert 55 < reading_ease(SPEECH) < 75
    assert reading_ease(LEARNED) < 0
    assert reading_ease("The cat sat on the mat. It was a fat cat.") > 100


def test_the_short_version_is_plain_english(record_property: Callable[[str, object], None]) -> None:
    """What is measured is what the page shows: the plain sentences of the text to be published."""
    sections = body.read(body.write(notice.read()))
    ease = reading_ease(" ".join(passage.plain for section in sections for passage in section.passages))
    hardest = min(
        (reading_ease(" ".join(passage.plain for passage in section.passages)), section.title) for section in sections
    )
    record_property("figure", f"reading ease {ease:.0f}, at least {hardest[0]:.0f} a section")

    assert len(sections) == 15
    assert ease >= PLAIN_MIN
    assert hardest[0] >= PLAIN_MIN, hardest
