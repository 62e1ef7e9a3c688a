"""Entries of the audit log as people read them: what was done, by whom, with what; what must be seen stands out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from sendigopro.audit.chain import told
from sendigopro.audit.model import PREFIX_OF, Action, ActorKind, Entry, Stored
from sendigopro.foundation import ids

WORDS: Final[Mapping[str, str]] = {
    Action.KEY_CREATED: "made an API key",
    Action.KEY_REVOKED: "revoked an API key",
    Action.MEMBER_INVITED: "invited a member",
    Action.MEMBER_ADDED: "let a member in",
    Action.MEMBER_CHANGED: "changed a member's role",
    Action.MEMBER_REMOVED: "let a member go",
    Action.MEMBER_SECURED: "changed how they sign in",
    Action.ACCOUNT_CREATED: "made a sub-account",
    Action.ACCOUNT_CHANGED: "changed an account's settings",
    Action.ACCOUNT_CLOSING: "closed the account, with grace",
    Action.ACCOUNT_KEPT: "kept the account after all",
    Action.NETWORKS_SET: "changed from where the console is opened",
    Action.ROLE_CREATED: "made a role",
    Action.ROLE_CHANGED: "changed what a role may do",
    Action.ROLE_REMOVED: "removed a role",
    Action.SESSION_STARTED: "signed in",
    Action.SESSION_REFUSED: "was refused to sign in",
    Action.SESSION_ENDED: "signed out",
    Action.RETENTION_SET: "changed how long something is kept",
    Action.PRIVACY_REQUESTED: "made a privacy request",
    Action.PRIVACY_APPROVED: "approved a privacy request",
    Action.PRIVACY_CANCELED: "took a privacy request back",
    Action.PACKAGE_FETCHED: "fetched a person's package",
    Action.PACKAGE_MADE: "made a person's package",
    Action.PACKAGE_IMPORTED: "brought a person's package in",
    Action.ENDPOINT_CREATED: "made a webhook endpoint",
    Action.ENDPOINT_CHANGED: "changed a webhook endpoint",
    Action.ENDPOINT_REMOVED: "removed a webhook endpoint",
    Action.SECRET_ROLLED: "made a new webhook secret",
    Action.SENDER_ADDED: "added a sender",
    Action.SENDER_CHANGED: "changed a sender",
    Action.SUBJECT_UNMASKED: "looked at personal data",
    Action.HOLD_PLACED: "placed a legal hold",
    Action.HOLD_REVIEWED: "reviewed a legal hold",
    Action.HOLD_EXPORTED: "handed a legal hold out",
    Action.HOLD_RELEASED: "released a legal hold",
    Action.AUDIT_EXPORTED: "exported this log",
    Action.PERSONAL_READ: "read personal data by a key",
    Action.STAFF_LOOKED: "looked at a page as staff",
    Action.STAFF_ASKED: "asked for leave to look in",
    Action.STAFF_ALLOWED: "let staff in",
    Action.STAFF_REFUSED: "refused staff",
    Action.REVIEW_ASKED: "asked to go live",
    Action.REVIEW_DECIDED: "decided about going live",
    Action.STAFF_ENTERED: "entered the account as staff",
    Action.STAFF_LEFT: "left the account",
}
"""An action that is not here is shown by its own word."""
STANDS_OUT: Final = ("subject.", "personal.", "staff.", "hold.", "privacy.package")
NOBODY: Final[Mapping[ActorKind, str]] = {
    ActorKind.OPERATOR: "Whoever runs this installation",
    ActorKind.SYSTEM: "The software",
    ActorKind.STAFF: "Staff",
    ActorKind.KEY: "API key",
    ActorKind.MEMBER: "Somebody who is no member now",
}
MEMBER_PREFIX: Final = PREFIX_OF[ActorKind.MEMBER]


@dataclass(frozen=True, slots=True)
class Line:
    """One entry."""

    id: str
    n: int
    at: datetime
    who: str
    who_id: str
    did: str
    action: str
    to: str
    to_id: str
    facts: list[tuple[str, str]]
    beside: list[tuple[str, str]]
    stands_out: bool
    json: str


def line_of(stored: Stored, names: Mapping[UUID, str], beside: Mapping[str, str] | None) -> Line:
    """`names`: members of the account; everybody else stays an id."""
    entry, said = stored.entry, told(stored.entry)
    is_about_themselves = entry.target == said["actor"]["id"]
    to = "" if is_about_themselves else named_target(entry, names)
    return Line(
        id=said["id"], n=entry.n, at=entry.at, who=named_actor(entry, names), who_id=said["actor"]["id"] or "",
        did=WORDS.get(entry.action, entry.action), action=entry.action, to=to,
        to_id="" if is_about_themselves else entry.target or "",
        facts=[(name.replace("_", " "), in_words(value)) for name, value in entry.facts.items() if value is not None],
        beside=sorted((beside or {}).items()), stands_out=entry.action.startswith(STANDS_OUT),
        json=msgspec.json.format(msgspec.json.encode({**said, "hash": stored.hash.hex()}), indent=2).decode(),
    )  # fmt: skip


def named_actor(entry: Entry, names: Mapping[UUID, str]) -> str:
    known = names.get(entry.actor.id) if entry.actor.id is not None else None
    return known or NOBODY[entry.actor.kind]


def named_target(entry: Entry, names: Mapping[UUID, str]) -> str:
    person_id = member_of(entry.target)
    return names.get(person_id, "") if person_id is not None else ""


def member_of(target: str | None) -> UUID | None:
    if target is None or not target.startswith(f"{MEMBER_PREFIX}_"):
        return None
    return ids.parse(MEMBER_PREFIX, target)


def in_words(value: Any) -> str:  # noqa: ANN401  # a fact: a word, a number, a truth, or words
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
