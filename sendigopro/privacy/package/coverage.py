"""Every column that may lead to a person: under which words it is in the package, or why it is not.

Compared with the live catalogue by a test: a new column of such a category must be given its line here.
"""

HELD: dict[str, str] = {
    "vault.subjects.id": "your reference number",
    "vault.subjects.mode": "whether you were written to for real or in a test",
    "vault.subjects.kind": "kind of your identifier",
    "vault.subjects.identifier": "your phone number",
    "vault.subjects.country": "the country of your number",
    "vault.subjects.first_seen": "when you were first written to, or wrote",
    "vault.subjects.last_seen": "when you were last written to, or wrote",
    "main.standing.scope": "what an opt-out or restriction covers",
    "main.standing.state": "opt-outs and restrictions",
    "main.standing.at": "since when an opt-out or restriction stands",
    "main.messages.id": "number of a message, and when it was made",
    "main.messages.mode": "whether a message was for real or a test",
    "main.messages.channel": "channel of a message",
    "main.messages.direction": "direction of a message",
    "main.messages.purpose": "purpose of a message",
    "main.messages.subject_id": "whose message it is",
    "main.messages.sender_id": "sender it came from or went to",
    "main.messages.segments": "length of a message in segments",
    "main.messages.encoding": "alphabet of a message",
    "main.messages.country": "country a message went to",
    "main.messages.carrier_id": "carrier a message was meant for",
    "main.messages.send_at": "when a message was to be sent",
    "main.messages.expires_at": "until when a message was worth sending",
    "main.messages.body_expires_on": "until when the text of a message is kept",
    "main.messages.has_callback": "whether the account asked to be told about a message",
    "main.message_bodies.message_id": "which message a text belongs to",
    "main.message_bodies.expires_on": "until when the text of a message is kept",
    "main.message_bodies.body": "texts of messages",
    "main.message_bodies.details": "what the account noted beside a message: data, tags, the host it was told at",
    "main.outcomes.message_id": "which message a status belongs to",
    "main.outcomes.rank": "status history of messages",
    "main.outcomes.at": "times of the status history",
    "main.outcomes.reason": "reasons in the status history",
    "main.outcomes.carrier_id": "carriers that had a message",
    "main.outcomes.carrier_code": "answers of carriers",
    "main.outcomes.attempt": "numbers of attempts",
    "main.part_reports.message_id": "which message a part belongs to",
    "main.part_reports.part": "parts of long messages",
    "main.part_reports.rank": "status of parts",
    "main.part_reports.reason": "reasons reported of parts",
    "main.events.id": "when events about messages were written",
    "main.events.payload": "events about messages that the account was told of",
    "main.webhook_deliveries.event_ids": "attempts to tell the account's systems about messages",
}

_MONEY = "What the account pays for a message is the account's data; it says nothing about you."
_KEYED = "A keyed fingerprint of something that is in the package in clear. Nobody can read it."
_QUEUE = "Works only while a message is under way; what becomes of the message is in its status history."
_REPEAT = "The same number, kept a second time to find rows."
_ACCOUNT = "Describes the account's own systems; no way leads from it to a person."
_OURS = "Numbers the account's batch as a whole, which holds others' events too; yours are in the package."

LEFT_OUT: dict[str, str] = {
    "vault.subjects.lookup": _KEYED,
    "main.standing.mac": _KEYED,
    "main.message_tags.tag_mac": _KEYED,
    "main.message_tags.message_id": _REPEAT,
    "vault.buckets.bucket": "A day of the whole account; the days of your messages are in the package.",
    "main.messages.priority": "Follows from the purpose of a message, which is in the package.",
    "main.messages.key_id": "Which of its keys the account used is the account's data.",
    "main.messages.price_micros": _MONEY,
    "main.messages.held_micros": _MONEY,
    "main.messages.currency": _MONEY,
    "main.waiting.message_id": _QUEUE,
    "main.moved.message_id": _QUEUE,
    "main.awaited_receipts.message_ids": _QUEUE,
    "main.unclear_submits.carrier_id": _QUEUE,
    "main.unclear_submits.recipient_mac": _KEYED,
    "main.unclear_submits.at": _QUEUE,
    "main.unclear_submits.message_id": _QUEUE,
    "main.unclear_submits.reference": _QUEUE,
    "main.unclear_submits.segments": _QUEUE,
    **{
        f"main.carrier_refs.{column}": (
            "The carrier's own number of a part, by which its receipt is matched. It is found by that number only, "
            "never by a person, and says no more than the status history."
        )
        for column in ("carrier_id", "ref", "at", "message_id", "part")
    },
    **{
        f"main.unmatched_receipts.{column}": (
            "A receipt of which it is not known yet whose it is. Once that is known it is in the status history."
        )
        for column in ("carrier_id", "ref", "rank", "carrier_code", "recipient_mac", "reference", "at")
    },
    **{
        f"main.idempotency.{column}": "Keeps a repeated request from sending twice; gone after two days."
        for column in ("key_mac", "day", "body_mac", "message_ids", "code", "at")
    },
    "main.events.xid": _OURS,
    "main.events.mode": _OURS,
    "main.events.n": _OURS,
    "main.webhook_retries.event_id": _QUEUE,
    "main.webhook_retries.batch_id": _QUEUE,
    **dict.fromkeys(
        (
            *("main.chunks.id", "main.chunks.message_ids", "main.messages.chunk_id", "main.moved.chunk_id"),
            *("main.awaited_receipts.id", "main.outbox.id", "main.webhook_retries.lane_id"),
            *("main.webhook_replays.after_id", "main.unmatched_receipts.id"),
        ),
        _QUEUE,
    ),
    "vault.subjects.key_slot": "Which key opens what is kept of you; the key itself is handed to nobody.",
    **{
        f"main.privacy_requests.{column}": "What was asked about you and what became of it; a receipt says it."
        for column in (
            *("id", "mode", "type", "status", "outcome", "is_lift", "reason", "grace_hours", "grace_until"),
            *(
                "created_at",
                "due_at",
                "unreadable_at",
                "completed_at",
                "receipt",
                "done",
                "total",
                "subject_ids",
                "key_slots",
            ),
        )
    },
    **{f"main.privacy_requests.{column}": _KEYED for column in ("lookup", "mac", "key_mac", "body_mac")},
    **{f"main.journal_intents.{column}": "On its way into the erasure journal." for column in ("id", "entry")},
    "main.request_approvals.request_id": "Which request a second person approved; the request's receipt says it.",
    **dict.fromkeys(
        (
            *("main.held_subjects.hold_id", "main.held_subjects.subject_id", "main.held_items.hold_id"),
            *("main.held_items.subject_id", "main.held_items.id", "main.held_items.content"),
        ),
        "A copy kept for a law or a court alone, GDPR 17(3)(b), (e); what is kept otherwise is in the package.",
    ),
    "main.webhook_endpoints.url": _ACCOUNT,
    "main.webhook_endpoints.description": _ACCOUNT,
}


def is_of_people(category: str, role: str) -> bool:
    """Whether a column of this category and role must be spoken for here."""
    return category.startswith("user.") and role == "processor"
