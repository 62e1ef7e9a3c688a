"""Why a message is what it is, in sentences: for whoever asks "where is it, and what did you do?"."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from sendigopro.channels.model import Carrier
from sendigopro.foundation.alphabets import Encoding, encode
from sendigopro.messages.model import EVENT_OF, PRIORITY, STATUS_OF, Purpose, Rank, Status
from sendigopro.messages.view import MessageObject


class MessageEvent(msgspec.Struct, kw_only=True):
    """One thing that happened to a message."""

    object: Literal["message_event"] = "message_event"
    type: str
    at: datetime
    status: Status
    reason: str | None = None
    carrier: str | None = None
    carrier_code: str | None = None
    attempt: int | None = None


class EncodingWhy(msgspec.Struct, kw_only=True):
    """How the text goes over the wire, and what made it so."""

    encoding: Literal["gsm7", "ucs2"]
    segments: int
    because: str


class Explanation(msgspec.Struct, kw_only=True):
    """What was decided about a message, and what became of it."""

    object: Literal["explanation"] = "explanation"
    id: str
    status: Status
    summary: str
    purpose: str
    priority: int
    route: list[str]
    encoding: EncodingWhy
    body_kept_until: date
    events: list[MessageEvent]


SUMMARIES = {
    Status.SCHEDULED: "It waits for the time you asked for, and can still be canceled.",
    Status.QUEUED: "It waits for its turn with the carrier, and can still be canceled.",
    Status.HELD: "It was stopped until somebody decides.",
    Status.SENDING: "It is being handed to the carrier, or waits to be tried again.",
    Status.SENT: "The carrier took it and has not reported what became of it.",
    Status.DELIVERED: "The carrier says that the phone has it.",
    Status.UNDELIVERED: "The carrier took it, and it did not reach the phone.",
    Status.FAILED: "The carrier refused it; it never left.",
    Status.EXPIRED: "It could not be sent, or delivered, in the time it had.",
    Status.CANCELED: "You canceled it before it left.",
    Status.REJECTED: "We refused to send it.",
    Status.UNKNOWN: (
        "It was handed over and the carrier never answered. It may have arrived; "
        "it is not sent again unless your settings say so."
    ),
    Status.RECEIVED: "It came from this person to one of your senders.",
}


def timeline(
    message: MessageObject, outcomes: Sequence[Any], *, carriers: Mapping[UUID, Carrier]
) -> list[MessageEvent]:
    """What happened, oldest first: the outcomes, and before them the acceptance that left no row of its own."""
    events = []
    if message.direction == "outbound":
        first = Status.SCHEDULED if message.send_at else Status.QUEUED
        events.append(MessageEvent(type=f"message.{first}", at=message.created_at, status=first))
    for row in outcomes:
        rank = Rank(row["rank"])
        carrier = carriers.get(row["carrier_id"])
        events.append(
            MessageEvent(
                type=EVENT_OF[rank],
                at=row["at"],
                status=STATUS_OF[rank],
                reason=row["reason"],
                carrier=carrier.name if carrier else None,
                carrier_code=row["carrier_code"] or None,
                attempt=row["attempt"],
            )
        )
    return events


def explain(
    message: MessageObject, events: list[MessageEvent], *, route: Sequence[Carrier], body_expires_on: date
) -> Explanation:
    """Put it in words."""
    summary = SUMMARIES[message.status]
    if message.reason:
        summary += f" The reason given: {message.reason}."
    return Explanation(
        id=message.id,
        status=message.status,
        summary=summary,
        purpose=message.purpose,
        priority=PRIORITY[Purpose[message.purpose.upper()]],
        route=[carrier.name for carrier in route],
        encoding=EncodingWhy(encoding=message.encoding, segments=message.segments, because=why_encoded(message)),
        body_kept_until=body_expires_on,
        events=events,
    )


def why_encoded(message: MessageObject) -> str:
    """Which character made the text cost more, if one did."""
    if message.masked and "body" in message.masked:
        return "The text is not for your eyes, so only the result is told."
    if message.body is None:
        return "The text can no longer be read, so only the result is known."
    if message.encoding == "gsm7":
        return "Every character is in the GSM 7-bit alphabet: 160 fit one segment, 153 each of several."
    outside = sorted({letter for letter in message.body if encode(letter)[0] is not Encoding.GSM7})
    shown = ", ".join(f"{letter} (U+{ord(letter):04X})" for letter in outside[:5])
    return f"Not in the GSM 7-bit alphabet: {shown}. So 70 characters fit one segment, 67 each of several."
