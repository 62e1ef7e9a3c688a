"""A message ready for its rows, and the rows packed for binary COPY: one struct.pack is what storing it costs."""

import struct
from datetime import date, datetime
from uuid import UUID

import msgspec

from sendigopro.foundation.postgres import PG_EPOCH_US, pack_bytes, pg_day

MESSAGE_COLUMNS = (
    "account_id", "mode", "channel", "direction", "purpose", "priority", "sender_id", "key_id", "carrier_id",
    "currency", "id", "subject_id", "segments", "encoding", "country", "price_micros", "expires_at", "body_expires_on",
    "has_callback", "send_at", "held_micros", "chunk_id", "position",
)  # fmt: skip
BODY_COLUMNS = ("account_id", "message_id", "expires_on", "body", "details")
TAG_COLUMNS = ("account_id", "tag_mac", "message_id")

_TERMS = struct.Struct("!h i16s ih ih ih ih ih i16s i16s i16s i3s".replace(" ", ""))
_FACTS = struct.Struct("!i16s i16s ih ih i2s iq iq ii i?".replace(" ", ""))
_QUEUED = struct.Struct("!i iq i16s ih".replace(" ", ""))
_SCHEDULED = struct.Struct("!iq iq i i".replace(" ", ""))
_UNQUEUED = struct.Struct("!i iq i i".replace(" ", ""))
_BODY = struct.Struct("!h i16s i16s ii".replace(" ", ""))
_TAG = struct.Struct("!h i16s i16s i16s".replace(" ", ""))
NOBODY = UUID(int=0)


class Terms(msgspec.Struct, gc=False):
    """Ten columns of `messages` that are mostly the same for all that are asked for together."""

    account_id: UUID
    mode: int
    channel: int
    direction: int
    purpose: int
    priority: int
    sender_id: UUID
    key_id: UUID
    carrier_id: UUID
    currency: str
    head: bytes = b""
    """The same packed: how the rows begin."""

    def __post_init__(self) -> None:
        self.head = _TERMS.pack(
            23, 16, self.account_id.bytes, 2, self.mode, 2, self.channel, 2, self.direction, 2, self.purpose,
            2, self.priority, 16, self.sender_id.bytes, 16, self.key_id.bytes, 16, self.carrier_id.bytes,
            3, self.currency.encode(),
        )  # fmt: skip


class Prepared(msgspec.Struct, gc=False):
    """One message, sealed and complete but for its place in the queue."""

    id: bytes
    terms: Terms
    subject_id: bytes
    segments: int
    encoding: int
    country: str
    price_micros: int
    send_at: datetime | None
    expires_at: datetime
    body_expires_on: date
    has_callback: bool
    body: bytes | None
    details: bytes | None
    tags: list[bytes]


class Placed(msgspec.Struct, gc=False):
    """A message with what was held for it, and its place: none while it waits, and for what came in."""

    message: Prepared
    held_micros: int = 0
    chunk_id: UUID | None = None
    position: int | None = None


def pack_message(placed: Placed) -> bytes:
    """A row of `messages`."""
    one, chunk_id, held_micros = placed.message, placed.chunk_id, placed.held_micros
    facts = _FACTS.pack(
        16, one.id, 16, one.subject_id, 2, one.segments, 2, one.encoding, 2, one.country.encode(),
        8, one.price_micros, 8, _pg_us(one.expires_at), 4, pg_day(one.body_expires_on), 1, one.has_callback,
    )  # fmt: skip
    if chunk_id is not None:
        tail = _QUEUED.pack(-1, 8, held_micros, 16, chunk_id.bytes, 2, placed.position)
    elif one.send_at is not None:
        tail = _SCHEDULED.pack(8, _pg_us(one.send_at), 8, held_micros, -1, -1)
    else:
        tail = _UNQUEUED.pack(-1, 8, held_micros, -1, -1)
    return one.terms.head + facts + tail


def _pg_us(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) - PG_EPOCH_US


def pack_body(one: Prepared) -> bytes:
    """A row of `message_bodies`; both blobs are sealed."""
    head = _BODY.pack(5, 16, one.terms.account_id.bytes, 16, one.id, 4, pg_day(one.body_expires_on))
    return head + pack_bytes(one.body) + pack_bytes(one.details)


def pack_tags(one: Prepared) -> list[bytes]:
    """Rows of `message_tags`."""
    return [_TAG.pack(3, 16, one.terms.account_id.bytes, 16, tag_mac, 16, one.id) for tag_mac in one.tags]
