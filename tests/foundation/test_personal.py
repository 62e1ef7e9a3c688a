"""What is said about people cannot be printed, logged, encoded or pickled by mistake."""

import gc
import json
import pickle
from collections.abc import Callable
from io import StringIO

import msgspec
import pytest
from rich.console import Console

from sendigopro.foundation.personal import Body, Code, Email, Personal, Phone

CLEAR = "+4915112345678"


class Answer(msgspec.Struct):
    """What an API answer would look like that forgot to ask for the clear text."""

    to: Phone


def printed(value: object) -> str:
    out = StringIO()
    Console(file=out).print(value, {"in": value})
    return out.getvalue()


@pytest.mark.parametrize("write", [str, repr, "{}".format, "{!r}".format, "%s".__mod__, "{:>40}".format, printed])
@pytest.mark.parametrize("kind", [Phone, Email, Code, Body])
def test_it_is_written_as_its_type_alone(kind: type[Personal], write: Callable[[object], str]) -> None:
    written = write(kind(CLEAR))
    assert kind.__name__ in written
    assert CLEAR not in written


@pytest.mark.parametrize(
    "encode", [msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins, json.dumps, pickle.dumps]
)
def test_it_cannot_be_encoded_not_even_inside_an_answer(encode: Callable[[object], object]) -> None:
    for value in (Phone(CLEAR), Answer(Phone(CLEAR))):
        with pytest.raises(TypeError):
            encode(value)


def test_it_gives_its_clear_text_to_who_asks_for_it() -> None:
    assert Phone(CLEAR).reveal() == CLEAR


def test_it_equals_only_its_own_kind() -> None:
    assert Phone(CLEAR) == Phone(CLEAR)
    assert hash(Phone(CLEAR)) == hash(Phone(CLEAR))
    others: list[object] = [Body(CLEAR), CLEAR, Phone("+4915112345679")]
    assert Phone(CLEAR) not in others


def test_the_garbage_collector_has_nothing_to_look_at() -> None:
    assert not gc.is_tracked(Phone(CLEAR))
