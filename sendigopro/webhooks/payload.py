"""What a webhook says: the envelope, and the object the event is about."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from sendigopro.events.model import Event
from sendigopro.foundation import ids
from sendigopro.messages.model import Direction, Mode
from sendigopro.messages.view import MessageObject

ENCODER = msgspec.json.Encoder()
MESSAGE_EVENTS = "message."
KINDS = {"message": ("message", "msg"), "subject": ("privacy_request", "prq"), "webhook": ("webhook_endpoint", "we")}
"""What an event is about, by the first word of its type: kind of object, prefix of its id."""
OUTBOUND = Direction.OUTBOUND.name.lower()


def envelope(event: Event, account: str, data: object) -> bytes:
    """The body of a webhook. Ids, types and times need no escaping, so only the object goes through the encoder."""
    seconds, micros = divmod(event.at_us, 1_000_000)
    return b'{"id":"%b","type":"%b","timestamp":"%b.%03dZ","account_id":"%b","sequence":%d,"data":%b}' % (
        ids.typed("evt", event.id).encode(),
        event.type.encode(),
        second_text(seconds),
        micros // 1000,
        account.encode(),
        int(event.facts.get("rank") or 0),
        ENCODER.encode(data),
    )


@lru_cache(maxsize=8)
def second_text(seconds: int) -> bytes:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()


def as_it_was(event: Event, described: MessageObject) -> MessageObject:
    """A message read back from the tables, with its status at the time of the event; outbound ones carry no body."""
    status = event.facts.get("status")
    if status is not None:
        described = msgspec.structs.replace(described, status=status, reason=event.facts.get("reason"))
    return msgspec.structs.replace(described, body=None) if described.direction == OUTBOUND else described


def bare_object(event: Event, mode: int) -> dict[str, Any]:
    """What the event itself knows: for a message that has been deleted since, and for events about endpoints."""
    facts = {name: value for name, value in event.facts.items() if name in {"status", "reason"}}
    kind, prefix = KINDS.get(event.type.partition(".")[0], KINDS["webhook"])
    return {
        "id": ids.typed(prefix, event.object_id),
        "object": kind,
        "mode": "live" if mode == Mode.LIVE else "test",
        **facts,
    }
