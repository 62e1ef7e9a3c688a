"""Values about people, typed so that none of them can be printed by mistake."""

from typing import Never


class Personal:
    """A string that shows only its type; `reveal()` is the one, greppable way to the clear text."""

    __slots__ = ("_clear",)

    def __init__(self, clear: str) -> None:
        self._clear = clear

    def reveal(self) -> str:
        """Give the clear text, for the wire, for sealing, or to somebody with the right to see it."""
        return self._clear

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._clear == self._clear

    def __hash__(self) -> int:
        return hash((type(self), self._clear))

    def __reduce__(self) -> Never:
        raise TypeError(f"a {type(self).__name__} is never pickled")


class Phone(Personal):
    """A phone number in E.164, with its plus."""

    __slots__ = ()


class Email(Personal):
    """A mail address."""

    __slots__ = ()


class Code(Personal):
    """A one-time code."""

    __slots__ = ()


class Body(Personal):
    """What a message says."""

    __slots__ = ()
