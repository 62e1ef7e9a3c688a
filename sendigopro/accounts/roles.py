"""What a member's role lets them do. What is not named here, or by a role that their account made, nobody may.

Reading about traffic and reading about people are apart: `messages.read` shows that a message went, `subjects.read`
to whom and `bodies.read` what it said. The words are those of the scopes of API keys, where both can do a thing.
"""

from collections.abc import Iterable, Mapping
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
PERSONAL: Final = frozenset({P.READ_SUBJECTS, P.READ_BODIES, P.PLAY_RECORDINGS})
"""What shows who somebody is, or what was said."""
PERMISSIONS: Final[Mapping[str, frozenset[Permission]]] = {
    "owner": frozenset(P),
    "admin": frozenset(P) - {P.CHANGE_OWNERS},
    "developer": _WATCH
    | {P.WRITE_MESSAGES, P.USE_HANDSET, P.WRITE_WEBHOOKS, P.WRITE_SENDERS, P.READ_KEYS, P.WRITE_KEYS, P.READ_BALANCE},
    "billing": _SEE | {P.READ_BALANCE},
    "agent": _SEE | PERSONAL | {P.READ_MESSAGES, P.WRITE_MESSAGES, P.USE_HANDSET},
    "privacy_officer": _WATCH | PERSONAL | {P.WRITE_PRIVACY, P.APPROVE_PRIVACY, P.READ_AUDIT},
    "viewer": _WATCH,
}
GUEST: Final = "guest"
SEEING_GUEST: Final = "guest_seeing_people"
_LOOK = _WATCH - _SEE
GUESTS: Final[Mapping[str, frozenset[Permission]]] = {GUEST: _LOOK, SEEING_GUEST: _LOOK | PERSONAL}
"""Staff who were let in (`grants.py`). They read as a viewer does, but not who the members are; people and texts only
if the account said so. No member has these roles."""
WHILE_CLOSING: Final = PERSONAL | {
    P.READ_MESSAGES, P.READ_EVENTS, P.READ_WEBHOOKS, P.READ_SENDERS, P.READ_BALANCE, P.READ_KEYS, P.READ_AUDIT,
    P.READ_PRIVACY, P.WRITE_PRIVACY, P.APPROVE_PRIVACY, P.SEE_MEMBERS, P.CHANGE_ACCOUNT,
}  # fmt: skip
"""What any role is still good for when its account is being closed: to read, to take along, to undo."""
GIVEABLE: Final = frozenset(P) - {P.CHANGE_OWNERS}
"""What a role that an account made may hold: owners make owners, nobody else."""


def granted_by(role: str, custom: Iterable[str] | None = None) -> frozenset[Permission]:
    """What a role grants: ours by the table, one that an account made by its words. An unknown role grants nothing."""
    if role in PERMISSIONS or role in GUESTS:
        return PERMISSIONS.get(role) or GUESTS[role]
    return frozenset(Permission(word) for word in custom or () if word in GIVEABLE)


def need_permission(held: frozenset[Permission], permission: Permission) -> None:
    """`NotAllowed` that says who could."""
    if permission not in held:
        able = ", ".join(one.replace("_", " ") for one, granted in PERMISSIONS.items() if permission in granted)
        raise NotAllowed("role_may_not", f"Your role may not do this. These may: {able}.")


def need_all(held: frozenset[Permission], wanted: frozenset[Permission]) -> None:
    """Nobody gives, or takes away, what they do not hold themselves."""
    if beyond := sorted(wanted - held):
        raise NotAllowed(
            "beyond_your_role",
            f"This role may do what yours may not: {', '.join(beyond)}. Ask somebody who holds it.",
        )
