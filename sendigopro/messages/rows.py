"""Rows packed by hand for binary COPY: what a message costs to store is one struct.pack."""

import struct
from datetime import date, datetime

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
_WAITS = struct.Struct("!iq iq i i".replace(" ", ""))
_QUEUED = struct.Struct("!i iq i16s ih".replace(" ", ""))
_BODY = struct.Struct("!h i16s i16s ii".replace(" ", ""))
_TAG = struct.Struct("!h i16s i16s i16s".replace(" ", ""))


def pack_terms(
    *,
    account_id: bytes,
    mode: int,
    channel: int,
    direction: int,
    purpose: int,
    priority: int,
    sender_id: bytes,
    key_id: bytes,
    carrier_id: bytes,
    currency: str,
) -> bytes:
    """The head of a row of `messages`: ten of its 23 columns, mostly the same for all that are asked for together."""
    return _TERMS.pack(
        23, 16, account_id, 2, mode, 2, channel, 2, direction, 2, purpose, 2, priority, 16, sender_id, 16, key_id,
        16, carrier_id, 3, currency.encode(),
    )  # fmt: skip


def pack_facts(
    terms: bytes,
    *,
    message_id: bytes,
    subject_id: bytes,
    segments: int,
    encoding: int,
    country: str,
    price_micros: int,
    expires_at_us: int,
    body_expires_on: date,
    has_callback: bool,
) -> bytes:
    """The terms and nine columns more: what is known of a message before its group is put together."""
    return terms + _FACTS.pack(
        16, message_id, 16, subject_id, 2, segments, 2, encoding, 2, country.encode(), 8, price_micros,
        8, expires_at_us - PG_EPOCH_US, 4, pg_day(body_expires_on), 1, has_callback,
    )  # fmt: skip


def pack_queued(*, held_micros: int, chunk_id: bytes, position: int) -> bytes:
    """The tail of a message that is due: no send_at, its place in its chunk."""
    return _QUEUED.pack(-1, 8, held_micros, 16, chunk_id, 2, position)


def pack_scheduled(*, send_at: datetime, held_micros: int) -> bytes:
    """The tail of a message that waits: it has no chunk yet."""
    return _WAITS.pack(8, round(send_at.timestamp() * 1_000_000) - PG_EPOCH_US, 8, held_micros, -1, -1)


def pack_unqueued() -> bytes:
    """The tail of a message that is in no queue: it came in."""
    return struct.pack("!i iq i i".replace(" ", ""), -1, 8, 0, -1, -1)


def pack_body(*, account_id: bytes, message_id: bytes, expires_on: date, body: bytes, details: bytes | None) -> bytes:
    """A row of `message_bodies`; both blobs are sealed."""
    head = _BODY.pack(5, 16, account_id, 16, message_id, 4, pg_day(expires_on))
    return head + pack_bytes(body) + pack_bytes(details)


def pack_tag(*, account_id: bytes, tag_mac: bytes, message_id: bytes) -> bytes:
    """A row of `message_tags`."""
    return _TAG.pack(3, 16, account_id, 16, tag_mac, 16, message_id)
