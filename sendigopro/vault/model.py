"""The vault's nouns: whom an account writes to, and the keys that open what is known of them."""

from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from sendigopro.foundation import ids
from sendigopro.foundation.personal import Phone

PLATFORM = UUID(int=0)
"""The account that stands for the installation itself, for secrets and members that belong to no customer."""


class Subject(msgspec.Struct, frozen=True, gc=False):
    """An end user as one account knows them; a person two accounts write to is two subjects.

    Caches hold tens of thousands, so it holds nothing that the garbage collector would have to look at: no UUID.
    """

    raw_id: bytes
    phone: Phone
    country: str
    key: bytes
    slot: int
    """Where the key stands in the key store: what an erasure names."""

    @property
    def id(self) -> UUID:
        """Its id, for everything but packed rows."""
        return ids.from_bytes(self.raw_id)

    def __repr__(self) -> str:
        return f"<Subject {self.id}>"


@dataclass(frozen=True, slots=True)
class AccountKeys:
    """An account's own keys."""

    account_id: UUID
    lookup: bytes = field(repr=False)
    suppression: bytes = field(repr=False)
    seal: bytes = field(repr=False)
    slots: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class BucketKey:
    """The key of one account and day of expiry."""

    key: bytes = field(repr=False)
    slot: int
