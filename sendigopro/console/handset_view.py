"""What the handset shows of a message, in words and tones. No I/O."""

import zlib
from dataclasses import dataclass
from datetime import datetime

from sendigopro.foundation import ids
from sendigopro.messages.model import Status
from sendigopro.messages.view import MessageObject
from sendigopro.vault.model import Subject

TONES = 6
EXCERPT_MAX = 80
TONE_OF = {
    Status.DELIVERED: "good",
    Status.UNDELIVERED: "bad",
    Status.FAILED: "bad",
    Status.REJECTED: "bad",
    Status.EXPIRED: "bad",
    Status.CANCELED: "warn",
    Status.UNKNOWN: "warn",
    Status.HELD: "warn",
}
NEVER_ARRIVED = {
    Status.SCHEDULED,
    Status.HELD,
    Status.UNDELIVERED,
    Status.FAILED,
    Status.REJECTED,
    Status.EXPIRED,
    Status.CANCELED,
}


@dataclass(frozen=True, slots=True)
class PhoneLine:
    """A phone in the list."""

    id: str
    number: str
    country: str
    tone: int
    excerpt: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Bubble:
    """A message in a thread."""

    id: str
    text: str | None
    sender: str
    at: datetime
    is_reply: bool
    is_ghost: bool
    """It is shown, but the phone does not have it."""
    told: str
    tone: str
    parts: str


def phone_of(subject: Subject, last: MessageObject) -> PhoneLine:
    number = subject.phone.reveal()
    text = " ".join((last.body or "No longer readable").split())
    return PhoneLine(
        id=ids.typed("sub", subject.id),
        number=number,
        country=subject.country if len(subject.country) == 2 else "··",  # noqa: PLR2004  # ISO 3166-1 alpha-2
        tone=zlib.crc32(number.encode()) % TONES,
        excerpt=("You: " if last.direction == "inbound" else "") + text[:EXCERPT_MAX],
        at=last.created_at,
    )


def bubble_of(message: MessageObject) -> Bubble:
    parts = f"{message.segments} part{'s' if message.segments != 1 else ''}"
    told = str(message.status).capitalize()
    if message.reason:
        told += f" · {message.reason.replace('_', ' ')}"
    if message.status is Status.SCHEDULED and message.send_at is not None:
        told += f" for {message.send_at:%d %b %H:%M} UTC"
    return Bubble(
        id=message.id,
        text=message.body,
        sender=message.sender or "",
        at=message.created_at,
        is_reply=message.direction == "inbound",
        is_ghost=message.status in NEVER_ARRIVED,
        told=told,
        tone=TONE_OF.get(message.status, "going"),
        parts=f"{parts} · {'GSM-7' if message.encoding == 'gsm7' else 'UCS-2'}",
    )
