"""The words a column's annotation may use, and the reading of annotations: what, whose, why, how long, for whom."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

KEYS = ("category", "role", "purposes", "basis", "retention", "source", "recipients")
PROFILE_KEY = "profile"  # the name under which migrations/profiles.json holds the seven

# Names follow the Fides taxonomy. True: PostgreSQL keeps no statistics on such a column, because pg_statistic would
# hold samples of its values long after the rows are gone.
CATEGORIES: dict[str, bool] = {
    "system": False,
    "system.operations": False,
    "system.authentication": True,
    "user.account": False,
    "user.account.settings": False,
    "user.authorizing": True,
    "user.authorizing.credentials": True,
    "user.behavior": False,
    "user.contact": True,
    "user.contact.email": True,
    "user.contact.organization": True,
    "user.contact.phone_number": True,
    "user.contact.url": True,
    "user.content": True,
    "user.content.private": True,
    "user.demographic.language": False,
    "user.device": True,
    "user.device.ip_address": True,
    "user.financial": False,
    "user.location.imprecise": False,
    "user.name": True,
    "user.payment": True,
    "user.privacy_preferences": False,
    "user.telemetry": False,
    "user.unique_id": True,
    "user.unique_id.pseudonymous": True,
}

ROLES = {
    "controller": "we decide why and how: our members, our website, our own operation",
    "processor": "the account decides: end users and what is sent to them",
}

PURPOSES = {
    "account": "keep the account and its members",
    "analytics": "anonymous counts",
    "comply": "meet a legal duty",
    "customer_instruction": "do what the account told us to do",
    "deliver": "bring messages to their recipients and say what became of them",
    "events": "run an event",
    "fraud": "prevent and find abuse",
    "marketing": "tell people about the product",
    "operate": "run the software itself",
    "payments": "bill and be paid",
    "security": "protect the service and its users",
    "support": "answer questions",
    "troubleshoot": "find faults",
}

BASES = {
    "consent": "GDPR 6(1)(a)",
    "contract": "GDPR 6(1)(b)",
    "customer_instruction": "the account's own basis; we are its processor, GDPR 28(3)(a)",
    "legal_obligation": "GDPR 6(1)(c)",
    "legitimate_interests": "GDPR 6(1)(f), with a balancing test",
    "none": "no personal data",
}

RETENTIONS = {
    "account_life": "as long as the account, plus 30 days",
    "anonymous": "kept: no person can be found in it",
    "audit_term": "term of the audit log",
    "body_term": "the account's term for bodies of this product",
    "identifier_term": "last seen, plus the account's term for identifiers; set null or deleted when forgotten",
    "hold_term": "until the legal hold is released, reviewed every 90 days; then its key dies and it is deleted",
    "idempotency_term": "one to two days",
    "key_life": "as long as what it opens",
    "message_term": "as long as the message's row",
    "request_term": "7 days",
    "outbox_term": "until delivered, or the end of retries",
    "software_life": "as long as the installation: it describes the software, not anybody",
    "standing_term": "until withdrawn; an opt-out outlives erasure as a bare MAC",
    "statutory": "the term of the country's tax and commercial law",
    "until_done": "until the work it stands for is done",
}

SOURCES = {
    "account": "the account, by API, SMPP or console",
    "carrier": "a carrier's answers and receipts",
    "member": "the member",
    "operator": "staff, by console or command line",
    "subject": "the end user, by a message or reply",
    "system": "made by the software",
    "website": "a form or a visit on the website",
}

RECIPIENTS = {
    "account": "the account it belongs to, by API, webhook and console",
    "authorities": "tax and other authorities, where a law demands it",
    "carriers": "the carrier that transports the message",
    "mail_provider": "who sends our own mail",
    "nobody": "it stays inside",
    "payment_provider": "who takes the payments",
    "staff": "people who run the installation",
}


class UnknownWordError(ValueError):
    """An annotation uses a word that is not in the vocabulary, or lacks a key."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a column holds, as its COMMENT in the database says."""

    category: str
    role: str
    purposes: tuple[str, ...]
    basis: str
    retention: str
    source: str
    recipients: tuple[str, ...]
    profile: str = ""

    @property
    def is_kept_from_statistics(self) -> bool:
        return CATEGORIES[self.category]

    def comment(self) -> str:
        """The JSON that stands in the catalogue."""
        words = {key: getattr(self, key) for key in (*KEYS, PROFILE_KEY)}
        return json.dumps(words, ensure_ascii=False)


def read_annotation(words: Mapping[str, object], *, profile: str = "") -> Annotation:
    """Check the seven keys and every word in them; `UnknownWordError` says which one is wrong."""
    unknown = set(words) - {*KEYS, PROFILE_KEY}
    missing = [key for key in KEYS if key not in words]
    if unknown or missing:
        raise UnknownWordError(f"missing {missing}" if missing else f"unknown {sorted(unknown)}")
    return Annotation(
        category=one_of(CATEGORIES, words, "category"),
        role=one_of(ROLES, words, "role"),
        purposes=some_of(PURPOSES, words, "purposes"),
        basis=one_of(BASES, words, "basis"),
        retention=one_of(RETENTIONS, words, "retention"),
        source=one_of(SOURCES, words, "source"),
        recipients=some_of(RECIPIENTS, words, "recipients"),
        profile=profile or str(words.get(PROFILE_KEY, "")),
    )


def read_comment(comment: str) -> Annotation:
    """Read a COMMENT back."""
    try:
        words = json.loads(comment)
    except json.JSONDecodeError as error:
        raise UnknownWordError("the comment is not JSON") from error
    if not isinstance(words, dict):
        raise UnknownWordError("the comment is not a JSON object")
    return read_annotation(words)


def one_of(vocabulary: Mapping[str, object], words: Mapping[str, object], key: str) -> str:
    word = words[key]
    if not isinstance(word, str) or word not in vocabulary:
        raise UnknownWordError(f"{key} {word!r} is not in foundation/catalogue.py")
    return word


def some_of(vocabulary: Mapping[str, object], words: Mapping[str, object], key: str) -> tuple[str, ...]:
    chosen = words[key]
    if not isinstance(chosen, list) or not chosen:
        raise UnknownWordError(f"{key} must be a list with at least one word")
    return tuple(one_of(vocabulary, {key: word}, key) for word in chosen)
