"""An event, and the batch in which one transaction writes them for one account."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from sendigopro.foundation import ids

KEPT_DAYS = 30
"""How long events, and attempts to tell them, may be read and told again."""


@dataclass(slots=True)
class Event:
    """Something that happened to one object; facts are statuses and reasons, never anything personal."""

    id: bytes
    type: str
    object_id: bytes
    at_us: int
    facts: dict[str, str | int | None]
    context: Any = None
    """What its writer had in memory; it is not stored, and None for whoever reads the event back."""


@dataclass(slots=True)
class Batch:
    """Up to 500 events of one account and mode, written by one transaction."""

    account_id: UUID
    mode: int
    id: UUID = field(default_factory=ids.new)
    events: list[Event] = field(default_factory=list)


class About(msgspec.Struct, array_like=True, gc=False):
    """Which event it is and what it is about: the beginning of its stored form."""

    id: bytes
    type: str
    object_id: bytes


def encode(events: list[Event]) -> bytes:
    """The stored form: msgpack, a list for each event."""
    return msgspec.msgpack.encode([(e.id, e.type, e.object_id, e.at_us, e.facts) for e in events])


def decode(payload: bytes) -> list[Event]:
    """Read the stored form back."""
    rows = msgspec.msgpack.decode(payload, type=list[tuple[bytes, str, bytes, int, dict[str, str | int | None]]])
    return [Event(*row) for row in rows]


_ABOUT = msgspec.msgpack.Decoder(list[About])


def decode_about(payload: bytes) -> list[About]:
    """The same for who looks at very many: facts are passed over, which is most of the work."""
    return _ABOUT.decode(payload)
