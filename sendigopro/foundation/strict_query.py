"""Query strings read strictly: unknown, repeated or ill-typed parameters are refused by name."""

from collections.abc import Mapping
from functools import cache
from types import NoneType
from typing import Annotated, Any, TypeVar, get_args, get_origin
from urllib.parse import unquote_plus
from uuid import UUID

import msgspec

from sendigopro.foundation import ids
from sendigopro.foundation.problems import Invalid, NotFound

T = TypeVar("T", bound=msgspec.Struct)

FIELDS_MAX = 50
SHOWN_MAX = 64


class Page(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which part of a list; `after` and `before` are ids that were seen, and are left out."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100, description="How many at most.")] = 20
    after: Annotated[str, msgspec.Meta(description="Only those listed after this id.")] | None = None
    before: Annotated[str, msgspec.Meta(description="Only those listed before this id.")] | None = None


def read(query: bytes, wanted: type[T]) -> T:
    """Read a raw query string into a struct whose fields are text, numbers, booleans or times."""
    types = types_of(wanted)
    values: dict[str, Any] = {}
    for name, text in pairs(query):
        shown = name[:SHOWN_MAX]
        if name not in types:
            known = ", ".join(sorted(types))
            raise Invalid(
                "unknown_parameter", f"There is no parameter '{shown}' here; there are: {known}.", param=shown
            )
        field, kind = types[name]
        if field in values:
            raise Invalid("duplicate_parameter", f"The parameter '{shown}' stands twice.", param=shown)
        try:
            values[field] = msgspec.convert(text, kind, strict=not is_written_otherwise(kind))
        except msgspec.ValidationError as error:
            raise Invalid("invalid_parameter", f"{error}.", param=shown) from None
    return wanted(**values)


@cache
def types_of(wanted: type[msgspec.Struct]) -> Mapping[str, tuple[str, Any]]:
    """Parameter → field and type, without None: a query string has no null, and "null" may be somebody's tag."""
    return {field.encode_name: (field.name, without_none(field.type)) for field in msgspec.structs.fields(wanted)}


def is_written_otherwise(kind: Any) -> bool:  # noqa: ANN401  # a type expression
    """Numbers and truths are text in a query; times stay strict, or a bare number would be one."""
    return (get_args(kind)[0] if get_origin(kind) is Annotated else kind) in (int, float, bool)


def without_none(kind: Any) -> Any:  # noqa: ANN401  # a type expression
    kinds = [one for one in get_args(kind) if one is not NoneType]
    return kinds[0] if NoneType in get_args(kind) and len(kinds) == 1 else kind


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


def path_id(prefix: str, text: str) -> UUID:
    """Read an id out of a path: what cannot be an id is simply not there."""
    try:
        return ids.parse(prefix, text)
    except Invalid:
        raise not_found(prefix) from None


def not_found(prefix: str) -> NotFound:
    """The answer for an id of nobody's, or of another account's."""
    return NotFound("not_found", f"There is no such {prefix}_… in this account and mode.")
