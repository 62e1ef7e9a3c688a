"""Every problem the API answers and every reason a message or a webhook fails for: what it means, and what to do.

A test holds the book to the code: what can be raised has a line here, with its status, and nothing else has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the book."""

    code: str
    statuses: tuple[int, ...]
    """HTTP statuses; none for reasons."""
    means: str
    remedy: str


def _problems(status: int, lines: Mapping[str, tuple[str, str]]) -> list[Entry]:
    return [Entry(code, (status,), means, remedy) for code, (means, remedy) in lines.items()]


PROBLEMS: Final = (
    *_problems(
        400,
        {
            "cursor_expired": ("The account has moved since this cursor was given.", "Begin again with `since`."),
            "duplicate_field": ("A field stands twice in one object.", "Send it once."),
            "duplicate_parameter": ("A query parameter stands twice.", "Send it once."),
            "forbidden_url": ("The address lies in a private network.", "Give an address on the public internet."),
            "invalid_body": ("The text holds a NUL character.", "Take it out."),
            "invalid_content_length": ("Content-Length is no number.", "Leave it to your HTTP library."),
            "invalid_cursor": ("This is no cursor of that list.", "Use the `next_cursor` of the last page, unchanged."),
            "invalid_http": ("This is no well-formed HTTP/1.1 request.", "Use a common HTTP library."),
            "invalid_id": (
                "An id has another form than the one needed here.",
                "Ids have a prefix: msg_…, we_…, evt_….",
            ),
            "invalid_idempotency_key": ("The Idempotency-Key is too long or not printable.", "Send a UUID."),
            "invalid_json": ("The body is no JSON.", "The detail says where it breaks off. Encode it with a library."),
            "invalid_network": ("One of the networks is none.", "Write 203.0.113.0/24 or 2001:db8::/32."),
            "invalid_number": (
                "This is no phone number, or not one of its country.",
                "Write it as +447700900123: plus, country, number.",
            ),
            "invalid_parameter": ("A query parameter cannot be read.", "The detail says which and what it may be."),
            "invalid_purpose": ("There is no such purpose.", "The detail lists them."),
            "invalid_replay": ("It takes an event or a time, and one of them.", "Send `event_id` or `since`."),
            "invalid_request": ("The request cannot be read as it is.", "Compare it with the API reference."),
            "invalid_scope": ("There is no such scope, or none was given.", "The detail lists them."),
            "invalid_sender": (
                "This can be no sender.",
                "Use a number, a short code of 3 to 8 digits, or a name of up to 11 letters.",
            ),
            "invalid_since": ("The time lies in the future.", "Send a time that has been."),
            "invalid_url": ("The address cannot be used.", "The detail says why. It begins with https://."),
            "invalid_value": (
                "A field has the wrong type, or is out of its bounds.",
                "`param` names it, the detail says what it may be.",
            ),
            "body_too_slow": ("The body was not whole in time.", "Send it in one go; look at your network."),
            "missing_field": ("A required field is not there.", "`param` names it."),
            "no_default_sender": ("The account has no default sender.", "Name one in `from`, or add one."),
            "not_accepted": (
                "This item was refused when the request was made first.",
                "Send it again as a new request.",
            ),
            "send_at_out_of_range": (
                "`send_at` is too near or too far.",
                "5 minutes to 35 days ahead, or leave it out.",
            ),
            "sender_not_owned": ("This sender is not the account's.", "Use one of GET /v1/senders, or add it first."),
            "too_many_parameters": ("There are too many query parameters.", "Send only those you need."),
            "unknown_event_type": ("There is no such event.", "The detail lists them."),
            "unknown_field": ("The body has a field that is not read here.", "Is it misspelt? `param` names it."),
            "unknown_parameter": ("There is no such query parameter.", "The detail lists those there are."),
        },
    ),
    *_problems(
        401,
        {
            "invalid_key": ("There is no such key, or it was revoked.", "Is it whole? Make a new one if it is lost."),
            "missing_key": ("No key came with the request.", "Send Authorization: Bearer sk_…."),
        },
    ),
    *_problems(
        402,
        {
            "insufficient_credit": ("The account's credit does not cover the message.", "Top it up, then send again."),
        },
    ),
    *_problems(
        403,
        {
            "address_not_allowed": (
                "The key may not be used from this address.",
                "Send from one of its networks, or change them on the key's page.",
            ),
            "missing_scope": ("The key was not made for this.", "Use a key with the scope that the detail names."),
            "second_person_needed": ("Who asked for an erasure cannot approve it.", "Approve it with another key."),
        },
    ),
    *_problems(
        404,
        {
            "account_not_found": (
                "Your account has no such account below it.",
                "Look at those it has.",
            ),
            "endpoint_not_found": (
                "There is no such endpoint in this account and mode.",
                "Are you in test or live mode?",
            ),
            "event_not_found": ("There is no such event in this account and mode.", "Events are kept for 30 days."),
            "message_not_found": (
                "There is no such message in this account.",
                "Are you in test or live mode? Was it removed?",
            ),
            "no_such_key": ("The account has no such key, or it was revoked before.", "List the keys."),
            "not_found": (
                "There is nothing here for this account and mode.",
                "Is the address spelt right? Are you in test or live mode?",
            ),
            "retention_term_not_found": (
                "There is no such product and clock.",
                "GET /v1/privacy/retention lists them.",
            ),
        },
    ),
    *_problems(
        405,
        {
            "method_not_allowed": ("The address does not know this method.", "The header `Allow` says which it knows."),
        },
    ),
    *_problems(
        409,
        {
            "endpoint_disabled": ("The endpoint is switched off.", "Enable it first."),
            "idempotency_in_flight": (
                "A request with this Idempotency-Key is being worked on.",
                "Wait a second, ask again with the same key.",
            ),
            "is_sub_account": (
                "An account below another can have none below itself.",
                "Make it from the account above.",
            ),
            "legal_hold": (
                "The person's data must be kept for a law or a court.",
                "Restrict it meanwhile; ask again when the hold is released.",
            ),
            "no_package": ("There is no package to fetch.", "The detail says whether it is made yet, or was removed."),
            "no_receipt": ("The request has no receipt.", "An erasure has one when it is completed."),
            "not_awaiting_approval": ("The request does not wait for anybody.", "Read its status."),
            "not_ended_yet": ("The message's receipt has not come.", "Remove the message once it has ended."),
            "not_sent_yet": ("The message has not been sent.", "Cancel it first, then remove it."),
            "sender_taken": ("Another account has this number.", "Ask the operator."),
            "too_late": ("It has gone too far to be stopped.", "Nothing: read what became of it."),
            "too_many_accounts": ("The account has as many accounts below it as it may.", "Close one first."),
            "too_many_endpoints": ("The account has as many endpoints as it may.", "Delete one first."),
            "too_many_secrets": ("The secret was rotated too often within a day.", "Wait until old ones have ended."),
            "too_many_senders": ("The account has as many senders as it may.", "Remove one first."),
        },
    ),
    *_problems(
        413,
        {
            "body_too_large": ("The body is longer than what is read here.", "Split the request."),
        },
    ),
    *_problems(
        415,
        {
            "unsupported_encoding": ("The body is compressed.", "Send it without Content-Encoding."),
            "unsupported_media_type": ("The body does not say that it is JSON.", "Content-Type: application/json."),
        },
    ),
    *_problems(
        422,
        {
            "idempotency_key_reused": (
                "This Idempotency-Key came with another body before.",
                "A new key for each new request; the same one for repeats only.",
            ),
            "invalid_identifier": ("The person's identifier is no number.", "Write it as +447700900123."),
            "reason_required": ("Keeping something longer than usual needs a reason.", "Send `reason`."),
            "retention_too_long": ("It may not be kept that long.", "The detail says how long it may."),
            "retention_too_short": ("Receipts and reports need it longer.", "The detail says how long."),
        },
    ),
    *_problems(
        429,
        {
            "queue_full": ("Very many messages of this account wait already.", "Send slower; the queue empties."),
            "rate_limited": (
                "The key or the account asks too often.",
                "Wait as long as Retry-After says. RateLimit tells what is left.",
            ),
        },
    ),
    *_problems(
        431,
        {
            "headers_too_large": ("The headers are too long.", "Send fewer."),
            "target_too_long": ("The address is too long.", "Put what is long into the body."),
        },
    ),
    *_problems(
        500,
        {
            "internal": ("Something went wrong here.", "It is in our log. Tell support the Request-Id."),
        },
    ),
    *_problems(
        503,
        {
            "journal_unavailable": ("The erasure journal cannot be written now.", "Nothing: it goes on when it can."),
            "no_route": ("No carrier is set up for this message.", "Ask the operator."),
            "shutting_down": ("This server is restarting.", "Send the request again."),
            "storage_full": ("The server is short of disk space.", "Nothing was accepted. Try again later."),
            "storage_unavailable": (
                "The database cannot be reached.",
                "Send it again in a few seconds, with the same Idempotency-Key.",
            ),
        },
    ),
)
"""By status."""


def _reasons(lines: Mapping[str, tuple[str, str]]) -> tuple[Entry, ...]:
    return tuple(Entry(code, (), means, remedy) for code, (means, remedy) in lines.items())


REASONS: Final = _reasons(
    {
        "canceled": ("It was canceled before it left.", "Nothing."),
        "carrier_error": ("The carrier had trouble of its own.", "Nothing: it was tried again until its time ran out."),
        "carrier_expired": (
            "The carrier could not reach the phone in time.",
            "The phone was off or out of reach. Send it again if it still matters.",
        ),
        "carrier_rejected": ("The network refused it.", "Is the sender allowed there, and the text no spam?"),
        "carrier_undelivered": ("The network could not deliver it.", "Is the number in use?"),
        "carrier_unknown": ("The carrier does not know what became of it.", "Treat it as not delivered."),
        "carrier_unsure": ("The carrier's answer did not say whether it took it.", "Wait for its receipt."),
        "content_erased": ("Its text was erased before it left.", "Nothing: somebody asked for that."),
        "country_not_allowed": ("The account may not send to this country.", "Ask the operator."),
        "erased": ("The person was forgotten while it waited.", "Nothing: they asked for that."),
        "incomplete": ("The carrier took some parts of a long message.", "Wait for its receipt."),
        "invalid_number": ("The network knows no such number.", "Take it off your list."),
        "invalid_sender": ("The carrier does not take this sender.", "Use another, or have it registered."),
        "invalid_validity": ("The carrier does not take the validity.", "Ask the operator."),
        "no_answer": (
            "It was handed over and the carrier never answered.",
            "It may have arrived. A receipt may still tell.",
        ),
        "no_receipt": ("The carrier took it and said nothing for three days.", "Treat it as not delivered."),
        "not_bound": ("The carrier's link was not ready.", "Nothing: it was tried again."),
        "not_sms_capable": ("The number cannot receive texts.", "Is it a landline?"),
        "opted_out": ("The person does not want messages from this sender.", "Do not write to them."),
        "parameter_not_allowed": ("The carrier refused an option of the message.", "Ask the operator."),
        "queue_full": ("The carrier's queue was full.", "Nothing: it was tried again."),
        "recipient_erased": ("The person was forgotten on their request.", "Do not write to them."),
        "recipient_opted_out": ("The person opted out.", "Do not write to them."),
        "recipient_restricted": ("The person asked that their data is not used.", "Do not write to them."),
        "refused": ("The carrier refused it and did not say why.", "Try another sender; else ask the operator."),
        "sender_not_owned": ("The sender is not the account's.", "Use one of your own."),
        "throttled": ("The carrier asked to go slower.", "Nothing: it was tried again."),
        "too_long": ("The text is longer than the carrier takes.", "Send less, or several messages."),
        "ttl_elapsed": ("Its time ran out before it could be sent.", "Give it a longer `ttl_seconds`, or send again."),
        "unclear_resend": (
            "No answer came the first time, so it was sent once more.",
            "Nothing. The person may have it twice.",
        ),
        "undeliverable": ("The carrier cannot deliver it.", "Is the number in use?"),
        "unencodable": ("The text cannot be written in the carrier's alphabet.", "Leave out what is unusual in it."),
        "unreachable": ("The carrier could not be reached.", "Nothing: it was tried again."),
        "unroutable": ("No carrier leads to this number.", "Ask the operator."),
        "worker_lost": (
            "The server was cut off while it was handing it over.",
            "It may have arrived. A receipt may still tell.",
        ),
        "closing": ("The link to the carrier was being closed.", "Nothing: it was tried again."),
    }
)
"""Why a message is what it is."""

FAILURES: Final = _reasons(
    {
        "put_off": (
            "Not tried: the endpoint fails too often to be asked each time.",
            "Mend it; then everything comes.",
        ),
        "timed_out": ("No answer within the time.", "Answer at once with 2xx, and do the work afterwards."),
        "not_connected": ("No connection could be made.", "Does it listen? Does a firewall let us in?"),
        "not_encrypted": ("The certificate is not good.", "Is it whole, in date, and for this name?"),
        "name_unknown": ("The name leads nowhere.", "Is its DNS right?"),
        "forbidden_address": ("The name leads into a private network.", "Give it a public address."),
        "broke_off": ("The connection ended before the answer.", "Look at the server's log at that time."),
        "not_http": ("What came back is not HTTP.", "Does the port speak HTTPS?"),
        "too_long": ("The answer is too long.", "A status is enough; the body is never read."),
    }
)
"""Why a webhook got no HTTP status."""


def problem(code: str | None) -> Entry | None:
    """What is said of a problem's code."""
    return next((one for one in PROBLEMS if one.code == code), None)
