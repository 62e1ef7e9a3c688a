"""The nouns of the audit log: entries, who acts, what is done. No I/O."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias
from uuid import UUID

NO_HASH: Final = bytes(32)
"""What the first entry of an account follows."""


class Action(StrEnum):
    """What can be done. Members are only added: an entry with a name that nobody knows any more could not be read."""

    KEY_CREATED = "key.created"
    KEY_REVOKED = "key.revoked"
    KEY_LIMITED = "key.limited"
    """To networks that it may be used from; to none: it may be used from everywhere."""
    MEMBER_INVITED = "member.invited"
    MEMBER_ADDED = "member.added"
    MEMBER_CHANGED = "member.changed"
    MEMBER_REMOVED = "member.removed"
    MEMBER_SECURED = "member.secured"
    """Somebody changed how they sign in: what, is in the facts."""
    ACCOUNT_CREATED = "account.created"
    """Of the account above: one of its own was made."""
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_CLOSING = "account.closing"
    ACCOUNT_KEPT = "account.kept"
    """Closing was undone."""
    NETWORKS_SET = "networks.set"
    ROLE_CREATED = "role.created"
    ROLE_CHANGED = "role.changed"
    ROLE_REMOVED = "role.removed"
    SESSION_STARTED = "session.started"
    SESSION_REFUSED = "session.refused"
    SESSION_ENDED = "session.ended"
    SSO_ADDED = "sso.added"
    SSO_CHANGED = "sso.changed"
    SSO_REMOVED = "sso.removed"
    SSO_DOMAIN_CLAIMED = "sso.domain_claimed"
    SSO_DOMAIN_VERIFIED = "sso.domain_verified"
    SSO_DOMAIN_REMOVED = "sso.domain_removed"
    RETENTION_SET = "retention.set"
    PRIVACY_REQUESTED = "privacy.requested"
    PRIVACY_APPROVED = "privacy.approved"
    PRIVACY_CANCELED = "privacy.canceled"
    PACKAGE_FETCHED = "privacy.package_fetched"
    PACKAGE_MADE = "privacy.package_made"
    PACKAGE_IMPORTED = "privacy.package_imported"
    ENDPOINT_CREATED = "endpoint.created"
    ENDPOINT_CHANGED = "endpoint.changed"
    ENDPOINT_REMOVED = "endpoint.removed"
    SECRET_SHOWN = "secret.shown"  # noqa: S105  # the name of an action
    SECRET_ROLLED = "secret.rolled"  # noqa: S105  # the name of an action
    SENDER_ADDED = "sender.added"
    SENDER_CHANGED = "sender.changed"
    SUBJECT_UNMASKED = "subject.unmasked"
    PERSONAL_READ = "personal.read"
    """A key began to read about people in this hour."""
    HOLD_PLACED = "hold.placed"
    HOLD_REVIEWED = "hold.reviewed"
    HOLD_EXPORTED = "hold.exported"
    HOLD_RELEASED = "hold.released"
    AUDIT_EXPORTED = "audit.exported"
    STAFF_ENTERED = "staff.entered"
    STAFF_LEFT = "staff.left"
    STAFF_LOOKED = "staff.looked"
    """At which page, while they were in."""
    STAFF_ASKED = "staff.asked"
    STAFF_ALLOWED = "staff.allowed"
    STAFF_REFUSED = "staff.refused"
    """Before they came in, or while they were: the account says no, or no longer."""
    STAFF_ADDED = "staff.added"
    STAFF_REMOVED = "staff.removed"
    REVIEW_ASKED = "review.asked"
    REVIEW_DECIDED = "review.decided"


class ActorKind(StrEnum):
    """Who may act."""

    KEY = "key"
    MEMBER = "member"
    STAFF = "staff"
    OPERATOR = "operator"
    """Whoever runs commands on the machine itself."""
    SYSTEM = "system"
    """The software, by what was asked of it before."""
    CONNECTION = "connection"
    """A company's identity provider, which says who belongs to it."""


PREFIX_OF: Final[Mapping[ActorKind, str]] = {
    ActorKind.KEY: "key",
    ActorKind.MEMBER: "mem",
    ActorKind.STAFF: "stf",
    ActorKind.CONNECTION: "sso",
}
"""How the id of an actor is written; operator and system have none."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it."""

    kind: ActorKind
    id: UUID | None = None


OPERATOR: Final = Actor(ActorKind.OPERATOR)
SYSTEM: Final = Actor(ActorKind.SYSTEM)


@dataclass(frozen=True, slots=True)
class By:
    """Who does something, and with which request: what a door passes on to whoever does it."""

    actor: Actor
    request_id: str | None = None


BY_OPERATOR: Final = By(OPERATOR)
BY_SYSTEM: Final = By(SYSTEM)

Fact: TypeAlias = str | int | bool | Sequence[str] | None
Facts: TypeAlias = Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done, as it is chained. It names nobody: what does is kept apart, under `commitment`."""

    account_id: UUID
    n: int
    id: UUID
    at: datetime
    actor: Actor
    action: str
    target: str | None
    facts: Facts
    request_id: str | None
    commitment: bytes | None


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry with its place in the chain, and what names somebody if that was not erased."""

    entry: Entry
    prev_hash: bytes
    hash: bytes
    sealed: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of an account: its number and hash; 0 before there is one."""

    n: int = 0
    hash: bytes = NO_HASH


# An entry can never be taken back, so no text comes into it that could be about somebody: an address has an @, a
# name a space, a number a plus. What must be said all the same is sealed beside it (`sealed.py`).
WORD = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
NUMBERS = range(-(1 << 53), (1 << 53) + 1)
"""What every reader of JSON reads alike, RFC 8259 §6."""
OUR_REQUEST = re.compile(r"req_[0-7][0-9a-hjkmnp-tv-z]{25}")


class NotForTheLogError(ValueError):
    """Somebody tried to write into the log what could never be taken out of it."""


def check(*, target: str | None, facts: Facts) -> None:
    """Words, numbers and truths alone may be written."""
    for name, value in [("target", target), *facts.items()]:
        if not is_word(name) or not (value is None or is_word(value) or is_number(value) or are_words(value)):
            raise NotForTheLogError(f"{name if is_word(name) else 'a name'} is no word or number: seal it beside")


def is_word(value: object) -> bool:
    return isinstance(value, str) and WORD.fullmatch(value) is not None


def is_number(value: object) -> bool:
    """Or a truth."""
    return isinstance(value, int) and value in NUMBERS


def are_words(value: object) -> bool:
    return isinstance(value, list | tuple) and all(map(is_word, value))


def kept_request_id(given: str | None) -> str | None:
    """A request's id if we made it: one of the caller's own choice could say anything about anybody, for ever."""
    return given if given is not None and OUR_REQUEST.fullmatch(given) else None
