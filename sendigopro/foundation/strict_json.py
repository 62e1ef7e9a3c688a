"""JSON read strictly: one meaning for each document, or a clear refusal.

msgspec checks types, unknown names, UTF-8, surrogates and the grammar (no NaN, no trailing comma). What it
lets pass is refused here: a name that stands twice in one object, and NUL, which PostgreSQL cannot keep.
"""

import json
import re
from typing import Never, TypeVar

import msgspec

from sendigopro.foundation.problems import Invalid

T = TypeVar("T")

ESCAPED_NUL = b"\\u0000"
MISSING = re.compile(r"^Object missing required field `(?P<name>[^`]*)`")
UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>.*)`", re.DOTALL)
PLACE = re.compile(r" - at `(?:key in )?\$\.?(?P<place>[^`]*)`$")
NAME_SHOWN_MAX = 64


def decode(raw: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Read a whole document; about 1 µs more than msgspec alone for a message."""
    value = decode_typed(raw, decoder)
    refuse_repeated_names(raw)
    return value


def decode_typed(raw: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[T]) -> T:
    """Read a part (`msgspec.Raw`) of a document that `decode` has already gone through."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        refuse_value(str(error))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid("invalid_json", malformed(error)) from None
    except (RecursionError, ValueError):
        raise Invalid("invalid_json", "The body is nested too deeply, or holds a number too long to read.") from None


def refuse_repeated_names(raw: bytes) -> None:
    """Raise when an object has a name twice, or a string has a NUL in it."""
    try:
        text = raw.decode()
        # The scanner behind json.loads, without its guesses at the encoding: a third of the time.
        SCAN(text, len(text) - len(text.lstrip()))
        if ESCAPED_NUL in raw:
            refuse_nul(json.loads(text))
    except UnicodeDecodeError as error:
        raise Invalid("invalid_json", malformed(error)) from None
    except (StopIteration, ValueError, RecursionError):
        raise Invalid("invalid_json", "The body is nested too deeply, or holds a number too long to read.") from None


def refuse_repeats_of(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) == len(pairs):
        return
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            shown = name[:NAME_SHOWN_MAX]
            raise Invalid("duplicate_field", f"The field '{shown}' stands twice in one object.", param=shown)
        seen.add(name)


SCAN = json.JSONDecoder(object_pairs_hook=refuse_repeats_of).scan_once  # type: ignore[attr-defined]  # typeshed leaves it out


def refuse_nul(value: object, place: str = "") -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise Invalid("invalid_value", "A string holds a NUL character; leave it out.", param=place or None)
    elif isinstance(value, dict):
        for name, inner in value.items():
            refuse_nul(name, place)
            refuse_nul(inner, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for inner in value:
            refuse_nul(inner, place)


def refuse_value(told: str) -> Never:
    """Say what msgspec found, with our codes and the field it is about."""
    place = ""
    if found := PLACE.search(told):
        place = found["place"].replace("[...]", "")
        told = told[: found.start()]
    if missing := MISSING.match(told):
        param = f"{place}.{missing['name']}" if place else missing["name"]
        raise Invalid("missing_field", f"The field '{param}' is required.", param=param)
    if unknown := UNKNOWN.match(told):
        name = unknown["name"][:NAME_SHOWN_MAX]
        param = f"{place}.{name}" if place else name
        raise Invalid("unknown_field", f"There is no field '{param}' here. Is it misspelt?", param=param)
    raise Invalid("invalid_value", f"{told}.", param=place or None)


def malformed(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "The body is not UTF-8."
    return f"The body is not JSON: {str(error).removeprefix('JSON is malformed: ')}."
