"""Query strings read strictly: unknown, repeated or ill-typed parameters are refused by name."""

import re
from typing import Annotated, Any, Never, TypeVar
from urllib.parse import unquote_plus
from uuid import UUID

import msgspec

from sendigopro.foundation import ids
from sendigopro.foundation.problems import Invalid, NotFound

T = TypeVar("T", bound=msgspec.Struct)

FIELDS_MAX = 50
PLACE = re.compile(r" - at `\$\.(?P<name>[^`]*)`$")


class Page(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which part of a list; `after` and `before` are ids that were seen, and are left out."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100, description="How many at most.")] = 20
    after: Annotated[str, msgspec.Meta(description="Only those listed after this id.")] | None = None
    before: Annotated[str, msgspec.Meta(description="Only those listed before this id.")] | None = None


def read(query: bytes, wanted: type[T]) -> T:
    """Read a raw query string into a struct whose fields are text, numbers, booleans or times."""
    values: dict[str, Any] = {}
    for name, value in pairs(query):
        if name in values:
            raise Invalid("duplicate_parameter", f"The parameter '{name[:64]}' stands twice.", param=name[:64])
        values[name] = value
    try:
        return msgspec.convert(values, wanted, strict=False)
    except msgspec.ValidationError as error:
        refuse(str(error), values, wanted)


def pairs(query: bytes) -> list[tuple[str, str]]:
    if not query:
        return []
    parts = query.split(b"&")
    if len(parts) > FIELDS_MAX:
        raise Invalid("too_many_parameters", f"At most {FIELDS_MAX} parameters are read.")
    found = []
    for part in filter(None, parts):
        try:
            name, _, value = part.decode("ascii").partition("=")
            name, value = unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")
        except UnicodeDecodeError:
            raise Invalid("invalid_parameter", "The query string is not UTF-8 in percent signs.") from None
        if "\0" in name or "\0" in value:
            raise Invalid("invalid_parameter", "The query string holds a NUL character.", param=name.strip("\0")[:64])
        found.append((name, value))
    return found


def refuse(told: str, values: dict[str, Any], wanted: type[msgspec.Struct]) -> Never:
    known = sorted(field.encode_name for field in msgspec.structs.fields(wanted))
    for name in values:
        if name not in known:
            shown = name[:64]
            raise Invalid(
                "unknown_parameter",
                f"There is no parameter '{shown}' here; there are: {', '.join(known)}.",
                param=shown,
            )
    place = PLACE.search(told)
    if place is None:
        raise Invalid("invalid_parameter", f"{told}.")
    raise Invalid("invalid_parameter", f"{told[: place.start()]}.", param=place["name"])


def path_id(prefix: str, text: str) -> UUID:
    """Read an id out of a path: what cannot be an id is simply not there."""
    try:
        return ids.parse(prefix, text)
    except Invalid:
        raise not_found(prefix) from None


def not_found(prefix: str) -> NotFound:
    """The answer for an id of nobody's, or of another account's."""
    return NotFound("not_found", f"There is no such {prefix}_… in this account and mode.")
