"""Every column that may lead to a person: under which words it is in the package and where, or why it is not.

Compared with the live catalogue by a test: a new column of such a category must be given its line here. What the plans
say of the package (`privacy/plans.py`) is read from here.
"""

from dataclasses import dataclass

from sendigopro.privacy.package.model import DATA, MANIFEST, MESSAGES, NOTICE_SHEET


@dataclass(frozen=True, slots=True)
class Held:
    """A column that is handed out: what it is to the person, and in which fields of which file it stands."""

    words: str
    file: str
    fields: str

    @property
    def place(self) -> str:
        return f"{self.file}: {self.fields.replace(' ', ', ')}"


HELD: dict[str, Held] = {
    "vault.subjects.id": Held("your reference number", MANIFEST, "subject"),
    "vault.subjects.mode": Held("whether you were written to for real or in a test", DATA, "person.mode"),
    "vault.subjects.kind": Held("kind of your identifier", DATA, "person.kind"),
    "vault.subjects.identifier": Held("your phone number", DATA, "person.identifier"),
    "vault.subjects.country": Held("the country of your number", DATA, "person.country"),
    "vault.subjects.first_seen": Held("when you were first written to, or wrote", DATA, "person.first_seen"),
    "vault.subjects.last_seen": Held("when you were last written to, or wrote", DATA, "person.last_seen"),
    "main.standing.scope": Held("what an opt-out or restriction covers", DATA, "standing.scope"),
    "main.standing.state": Held("opt-outs and restrictions", DATA, "standing.state"),
    "main.standing.at": Held("since when an opt-out or restriction stands", DATA, "standing.at"),
    "main.messages.id": Held("number of a message, and when it was made", MESSAGES, "id"),
    "main.messages.mode": Held("whether a message was for real or a test", MANIFEST, "mode"),
    "main.messages.channel": Held("channel of a message", MESSAGES, "channel"),
    "main.messages.direction": Held("direction of a message", MESSAGES, "direction"),
    "main.messages.purpose": Held("purpose of a message", MESSAGES, "purpose"),
    "main.messages.subject_id": Held("whose message it is", MANIFEST, "subject"),
    "main.messages.sender_id": Held("sender it came from or went to", MESSAGES, "from"),
    "main.messages.segments": Held("length of a message in segments", MESSAGES, "segments"),
    "main.messages.encoding": Held("alphabet of a message", MESSAGES, "encoding"),
    "main.messages.country": Held("country a message went to", MESSAGES, "country"),
    "main.messages.carrier_id": Held("carrier a message was meant for", MESSAGES, "carrier"),
    "main.messages.send_at": Held("when a message was to be sent", MESSAGES, "send_at"),
    "main.messages.expires_at": Held("until when a message was worth sending", MESSAGES, "expires_at"),
    "main.messages.body_expires_on": Held("until when the text of a message is kept", MESSAGES, "body_kept_until"),
    "main.message_bodies.message_id": Held("which message a text belongs to", MESSAGES, "id"),
    "main.message_bodies.expires_on": Held("until when the text of a message is kept", MESSAGES, "body_kept_until"),
    "main.message_bodies.body": Held("texts of messages", MESSAGES, "body"),
    "main.message_bodies.details": Held(
        "what the account noted beside a message: data, tags, the host it was told at",
        MESSAGES,
        "metadata tags callback_host",
    ),
    "main.outcomes.message_id": Held("which message a status belongs to", MESSAGES, "id"),
    "main.outcomes.rank": Held("status history of messages", MESSAGES, "history.rank"),
    "main.outcomes.at": Held("times of the status history", MESSAGES, "history.at"),
    "main.outcomes.reason": Held("reasons in the status history", MESSAGES, "history.reason"),
    "main.outcomes.carrier_id": Held("carriers that had a message", MESSAGES, "history.carrier"),
    "main.outcomes.carrier_code": Held("answers of carriers", MESSAGES, "history.carrier_code"),
    "main.outcomes.attempt": Held("numbers of attempts", MESSAGES, "history.attempt"),
    "main.part_reports.message_id": Held("which message a part belongs to", MESSAGES, "id"),
    "main.part_reports.part": Held("parts of long messages", MESSAGES, "parts.part"),
    "main.part_reports.rank": Held("status of parts", MESSAGES, "parts.rank"),
    "main.part_reports.reason": Held("reasons reported of parts", MESSAGES, "parts.reason"),
    "main.events.payload": Held("events about messages that the account was told of", NOTICE_SHEET, "message_id event"),
    "main.webhook_deliveries.event_ids": Held(
        "attempts to tell the account's systems about messages", NOTICE_SHEET, "message_id event"
    ),
}

_MONEY = "What the account pays for a message is the account's data; it says nothing about you."
_KEYED = "A keyed fingerprint of something that is in the package in clear. Nobody can read it."
_QUEUE = "Works only while a message is under way; what becomes of the message is in its status history."
_REPEAT = "The same number, kept a second time to find rows."
_OURS = "Numbers the account's batch as a whole, which holds others' events too; yours are in the package."
_KEY_SLOT = "Which key opens what is kept of you; the key itself is handed to nobody."
_REQUEST = (
    "What was asked about you and what became of it: the account is told, and after an erasure a receipt says it."
)
_TWICE = "Keeps a repeated request from being taken twice; gone after a day."
_RECEIPT = "A receipt of which it is not known yet whose it is. Once that is known it is in the status history."
_COPY = "A copy kept for a law or a court alone, GDPR 17(3)(b), (e); what is kept otherwise is in the package."
_ACCOUNT = "Describes the account's own systems; no way leads from it to a person."


def _each(table: str, names: str, why: str) -> dict[str, str]:
    return {f"{table}.{name}": why for name in names.split()}


_YOURS: dict[str, str] = {
    "vault.subjects.lookup": _KEYED,
    "vault.subjects.key_slot": _KEY_SLOT,
    "main.standing.mac": _KEYED,
    "main.message_tags.tag_mac": _KEYED,
    "main.message_tags.message_id": _REPEAT,
    "main.messages.priority": "Follows from the purpose of a message, which is in the package.",
    "main.messages.has_callback": (
        "Whether the account asked to be told about a message: at which host is in the package, as long as its text is."
    ),
    "main.messages.key_id": "Which of its keys the account used is the account's data.",
    "main.messages.chunk_id": _QUEUE,
    **_each("main.messages", "price_micros held_micros currency", _MONEY),
    **_each("main.chunks", "id message_ids", _QUEUE),
    "main.waiting.message_id": _QUEUE,
    **_each("main.moved", "message_id chunk_id", _QUEUE),
    **_each("main.awaited_receipts", "id message_ids", _QUEUE),
    "main.unclear_submits.recipient_mac": _KEYED,
    **_each("main.unclear_submits", "carrier_id at message_id reference segments", _QUEUE),
    **_each(
        "main.carrier_refs",
        "carrier_id ref at message_id part",
        "The carrier's own number of a part, by which its receipt is matched. It says no more than the status history.",
    ),
    **_each("main.unmatched_receipts", "id carrier_id ref rank carrier_code recipient_mac reference at", _RECEIPT),
    **_each(
        "main.idempotency",
        "key_mac day body_mac message_ids code at",
        "Keeps a repeated request from sending twice; gone after two days.",
    ),
    **_each("main.events", "id xid mode n", _OURS),
    "main.outbox.id": _QUEUE,
    **_each("main.webhook_retries", "lane_id event_id batch_id", _QUEUE),
    **_each(
        "main.privacy_requests",
        "id mode type status outcome is_lift grace_hours grace_until created_at due_at unreadable_at completed_at "
        "receipt done total",
        _REQUEST,
    ),
    **_each("main.privacy_requests", "lookup mac platform_mac", _KEYED),
    "main.privacy_requests.subject_ids": _REPEAT,
    "main.privacy_requests.key_slots": _KEY_SLOT,
    **_each("main.privacy_requests", "key_mac body_mac", _TWICE),
    **_each("main.journal_intents", "id entry", "On its way into the erasure journal."),
    **_each("main.held_subjects", "hold_id subject_id", _COPY),
    **_each("main.held_items", "hold_id subject_id id content", _COPY),
}
"""Of the person, and why it is left out all the same."""

NOT_YOURS: dict[str, str] = {
    "vault.buckets.bucket": "A day of the whole account; the days of your messages are in the package.",
    "main.webhook_endpoints.url": _ACCOUNT,
    "main.webhook_endpoints.description": _ACCOUNT,
    "main.webhook_replays.after_id": "How far the account's own systems were told once more, of everybody's events.",
    "main.privacy_requests.reason": "The account's own words beside a request; they go with the person they are about.",
    "main.message_exports.query": (
        "What a member asked a list for; gone after a day, and at once when anybody of the account is forgotten."
    ),
    "main.request_approvals.request_id": "Which request a second person of the staff approved.",
}
"""Of the account or of the staff: not the person's to ask for, and the plans say the same."""

LEFT_OUT: dict[str, str] = {**_YOURS, **NOT_YOURS}


def is_of_people(category: str, role: str) -> bool:
    """Whether a column of this category and role must be spoken for here."""
    return category.startswith("user.") and role == "processor"


def told_of(name: str) -> str:
    """Where a column is in the package, or `no`, with the reason if it needs one."""
    if name in HELD:
        return HELD[name].place
    return f"no: {LEFT_OUT[name]}" if name in LEFT_OUT else "no"
