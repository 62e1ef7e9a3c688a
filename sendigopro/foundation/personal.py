"""Values about people, typed so that none of them can be printed by mistake."""

from typing import Any, Never

import msgspec

UNPRINTABLE = object()


class Personal(msgspec.Struct, frozen=True, gc=False):
    """A string that shows only its type; `reveal()` is the one, greppable way to the clear text.

    A struct, which the garbage collector passes over: caches hold tens of thousands of them.
    """

    _clear: str
    _guard: object = UNPRINTABLE
    """Something msgspec refuses to encode, so that no answer can hold one of these by mistake."""

    def reveal(self) -> str:
        """Give the clear text, for the wire, for sealing, or to somebody with the right to see it."""
        return self._clear

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []

    def __reduce__(self) -> Never:
        raise TypeError(f"a {type(self).__name__} is never pickled")


class Phone(Personal, frozen=True, gc=False):
    """A phone number in E.164, with its plus."""


class Email(Personal, frozen=True, gc=False):
    """A mail address."""


class Code(Personal, frozen=True, gc=False):
    """A one-time code."""


class Body(Personal, frozen=True, gc=False):
    """What a message says."""
