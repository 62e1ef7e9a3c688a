"""What pages about messages show of one, in words and tones, and how to make it again in three languages. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sendigopro.console.handset_view import TONE_OF
from sendigopro.console.samples import Sample, samples_of
from sendigopro.messages.explain import MessageEvent
from sendigopro.messages.model import Status
from sendigopro.messages.view import MessageObject

EXAMPLE_NUMBER: Final = "+15005550006"
EXAMPLE_TEXT: Final = "…the text…"
MICROS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """A message in a list."""

    id: str
    at: datetime
    to: str
    sender: str
    is_inbound: bool
    status: str
    tone: str
    reason: str
    purpose: str
    segments: int
    price: str
    tags: Sequence[str]


@dataclass(frozen=True, slots=True)
class Step:
    """A point of a timeline."""

    words: str
    tone: str
    at: datetime
    after: str
    more: str


STEP_WORDS: Final = {
    "message.queued": "Accepted and queued",
    "message.scheduled": "Accepted for later",
    "message.sent": "Handed to the carrier",
    "message.received": "Came in",
}


def line_of(message: MessageObject) -> Line:
    return Line(
        id=message.id,
        at=message.created_at,
        to=message.to or "forgotten",
        sender=message.sender or "forgotten",
        is_inbound=message.direction == "inbound",
        status=str(message.status),
        tone=tone_of(message.status),
        reason=(message.reason or "").replace("_", " "),
        purpose=message.purpose,
        segments=message.segments,
        price=price_of(message),
        tags=message.tags,
    )


def tone_of(status: Status) -> str:
    return "good" if status is Status.RECEIVED else TONE_OF.get(status, "going")


def price_of(message: MessageObject) -> str:
    return money(message.price_micros, message.currency)


def money(micros: int, currency: str) -> str:
    """Four places: a segment costs parts of a cent."""
    return f"{micros / MICROS:.4f} {currency}" if micros else "0"


def steps_of(events: Sequence[MessageEvent]) -> list[Step]:
    steps, begin = [], events[0].at if events else None
    for event in events:
        more = [
            f"by {event.carrier}" if event.carrier else "",
            f"attempt {event.attempt}" if event.attempt and event.attempt > 1 else "",
            event.reason.replace("_", " ") if event.reason else "",
            f"carrier's code {event.carrier_code}" if event.carrier_code and event.carrier_code != "000" else "",
        ]
        seconds = 0.0 if begin is None else (event.at - begin).total_seconds()
        words = STEP_WORDS.get(event.type, str(event.status).capitalize())
        after = f"after {span(seconds)}" if event is not events[0] else ""
        steps.append(Step(words, tone_of(event.status), event.at, after, " · ".join(filter(None, more))))
    return steps


def span(seconds: float) -> str:
    """How long, as one says it."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < 120:  # noqa: PLR2004  # two minutes
        return f"{seconds:.1f} s"
    if seconds < 7200:  # noqa: PLR2004  # two hours
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def again(message: MessageObject, *, url: str, key: str) -> list[Sample]:
    """Samples that create this message once more; what is masked is a placeholder in them, never what is shown."""
    masked = message.masked or []
    body: dict[str, object] = {
        "to": EXAMPLE_NUMBER if "to" in masked or not message.to else message.to,
        "body": EXAMPLE_TEXT if message.body is None else message.body,
    }
    if message.sender:
        body["from"] = message.sender
    body["purpose"] = message.purpose
    if message.tags:
        body["tags"] = message.tags
    return samples_of("POST", f"{url}/v1/messages", key, body)


def fetching(message_id: str, *, url: str, key: str) -> list[Sample]:
    """Samples that look at it."""
    return samples_of("GET", f"{url}/v1/messages/{message_id}", key)
