"""What a member's role lets them do. What is not named here, nobody may.

Reading about traffic and reading about people are apart: `messages.read` shows that a message went, `subjects.read`
to whom and `bodies.read` what it said. The words are those of the scopes of API keys, where both can do a thing.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sendigopro.foundation.problems import NotAllowed


class Permission(StrEnum):
    """One kind of doing."""

    READ_MESSAGES = "messages.read"
    WRITE_MESSAGES = "messages.write"
    READ_SUBJECTS = "subjects.read"
    """Who people are: numbers and addresses, which are masked for everybody else."""
    READ_BODIES = "bodies.read"
    """What was said, which is left out for everybody else."""
    PLAY_RECORDINGS = "recordings.play"
    READ_EVENTS = "events.read"
    READ_WEBHOOKS = "webhooks.read"
    WRITE_WEBHOOKS = "webhooks.write"
    READ_SENDERS = "senders.read"
    WRITE_SENDERS = "senders.write"
    READ_BALANCE = "balance.read"
    READ_PRIVACY = "privacy.read"
    WRITE_PRIVACY = "privacy.write"
    APPROVE_PRIVACY = "privacy.approve"
    READ_AUDIT = "audit.read"
    READ_KEYS = "keys.read"
    WRITE_KEYS = "keys.write"
    USE_HANDSET = "handset.use"
    """Read test messages and answer them."""
    SEE_MEMBERS = "members.read"
    CHANGE_MEMBERS = "members.write"
    CHANGE_OWNERS = "owners.write"
    """Make somebody an owner, or unmake one."""
    CHANGE_ACCOUNT = "account.write"
    """Its name, its limits, who may sign in how, its end."""


P = Permission
_SEE = frozenset({P.SEE_MEMBERS})
_WATCH = _SEE | {P.READ_MESSAGES, P.READ_EVENTS, P.READ_WEBHOOKS, P.READ_SENDERS, P.READ_PRIVACY}
_PEOPLE = frozenset({P.READ_SUBJECTS, P.READ_BODIES, P.PLAY_RECORDINGS})
PERMISSIONS: Final[Mapping[str, frozenset[Permission]]] = {
    "owner": frozenset(P),
    "admin": frozenset(P) - {P.CHANGE_OWNERS},
    "developer": _WATCH
    | {P.WRITE_MESSAGES, P.USE_HANDSET, P.WRITE_WEBHOOKS, P.WRITE_SENDERS, P.READ_KEYS, P.WRITE_KEYS, P.READ_BALANCE},
    "billing": _SEE | {P.READ_BALANCE},
    "agent": _SEE | _PEOPLE | {P.READ_MESSAGES, P.WRITE_MESSAGES, P.USE_HANDSET},
    "privacy_officer": _WATCH | _PEOPLE | {P.WRITE_PRIVACY, P.APPROVE_PRIVACY, P.READ_AUDIT},
    "viewer": _WATCH,
}
GUEST: Final = "guest"
SEEING_GUEST: Final = "guest_seeing_people"
_LOOK = _WATCH - _SEE
GUESTS: Final[Mapping[str, frozenset[Permission]]] = {GUEST: _LOOK, SEEING_GUEST: _LOOK | _PEOPLE}
"""Staff who were let in (`grants.py`). They read as a viewer does, but not who the members are; people and texts only
if the account said so. No member has these roles."""


def may(role: str, permission: Permission) -> bool:
    return permission in PERMISSIONS.get(role, GUESTS.get(role, frozenset()))


def need_permission(role: str, permission: Permission) -> None:
    """`NotAllowed` that says who could."""
    if not may(role, permission):
        able = ", ".join(one.replace("_", " ") for one, granted in PERMISSIONS.items() if permission in granted)
        raise NotAllowed("role_may_not", f"Your role, {role.replace('_', ' ')}, may not do this. These may: {able}.")
