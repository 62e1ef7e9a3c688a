"""The one shape in which lists are answered."""

from typing import Generic, Literal, TypeVar

import msgspec

T = TypeVar("T")


class Listed(msgspec.Struct, Generic[T], kw_only=True):
    """One page of a list; `next_cursor` is what `after` wants for the next."""

    object: Literal["list"] = "list"
    data: list[T]
    has_more: bool = False
    next_cursor: str | None = None
