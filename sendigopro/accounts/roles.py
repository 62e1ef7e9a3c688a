"""What a member's role lets them do in the console. What is not named here, nobody may."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sendigopro.foundation.problems import NotAllowed


class Permission(StrEnum):
    """One kind of doing."""

    SEE_MEMBERS = "members.read"
    CHANGE_MEMBERS = "members.write"
    CHANGE_OWNERS = "owners.write"
    """Make somebody an owner, or unmake one."""
    USE_HANDSET = "handset.use"
    """Read test messages and answer them."""


_SEE = frozenset({Permission.SEE_MEMBERS})
_TRY = _SEE | {Permission.USE_HANDSET}
PERMISSIONS: Final[Mapping[str, frozenset[Permission]]] = {
    "owner": frozenset(Permission),
    "admin": _TRY | {Permission.CHANGE_MEMBERS},
    "developer": _TRY,
    "billing": _SEE,
    "agent": _TRY,
    "privacy_officer": _SEE,
    "viewer": _SEE,
}


def may(role: str, permission: Permission) -> bool:
    return permission in PERMISSIONS.get(role, ())


def need_permission(role: str, permission: Permission) -> None:
    """`NotAllowed` that says who could."""
    if not may(role, permission):
        able = ", ".join(one.replace("_", " ") for one, granted in PERMISSIONS.items() if permission in granted)
        raise NotAllowed("role_may_not", f"Your role, {role.replace('_', ' ')}, may not do this. These may: {able}.")
