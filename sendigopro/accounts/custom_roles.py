"""Roles that an account makes itself: what they hold, who may give them, and that nobody rises by one."""

import re
from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from sendigopro.accounts import people_store, roles_store
from sendigopro.accounts.roles import GIVEABLE, PERMISSIONS, Permission, granted_by, need_all, need_permission
from sendigopro.accounts.sessions import Signed, need_proof
from sendigopro.audit.model import Action, By, Facts
from sendigopro.audit.record import record
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Conflict, Invalid, NotFound

NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,39}")
ROLES_MAX: Final = 40


def read_role_name(text: str) -> str:
    """A word as ours are: it stands in the audit log, so it names a task and nobody."""
    name = "_".join(text.strip().lower().split())
    if NAME.fullmatch(name) is None:
        raise Invalid(
            "invalid_role_name",
            "A role's name has 2 to 40 letters, digits and spaces, and begins with a letter: night desk.",
            param="name",
        )
    if name in PERMISSIONS:
        raise Invalid("role_is_ours", "There is a role of this name already, and it cannot be changed.", param="name")
    return name


def read_permissions(words: Collection[str]) -> frozenset[Permission]:
    unknown = sorted(word for word in words if word not in GIVEABLE)
    if unknown or not words:
        told = "No role can hold one of these permissions." if unknown else "A role needs at least one permission."
        raise Invalid("invalid_permissions", told, param="permissions")
    return frozenset(Permission(word) for word in words)


async def granted_in(conn: Conn, *, account_id: UUID, role: str) -> frozenset[Permission]:
    """What a role of this account grants, kept so until the transaction ends; `Invalid` when there is none such."""
    if role in PERMISSIONS:
        return PERMISSIONS[role]
    words = await roles_store.share_role(conn, account_id=account_id, name=role)
    if words is None:
        raise Invalid("invalid_role", "There is no such role in this account. Choose one of the list.", param="role")
    return granted_by(role, words)


async def held_now(conn: Conn, signed: Signed) -> frozenset[Permission]:
    """What who is signed in may do, under a lock: it may have been taken since the request came.

    Whose role stands in the account above, where this one cannot look, may what they might when the request came.
    """
    if signed.is_of_parent:
        return signed.permissions
    role = await people_store.lock_role(conn, account_id=signed.account_id, person_id=signed.person_id)
    if role is None:
        return frozenset()
    return signed.permissions & await granted_in(conn, account_id=signed.account_id, role=role)


async def names(conn: Conn, *, account_id: UUID) -> list[str]:
    """Of the roles that the account made."""
    return [one.name for one in await roles_store.list_roles(conn, account_id=account_id)]


async def create_role(conn: Conn, signed: Signed, *, name: str, permissions: frozenset[Permission], by: By) -> None:
    await may_make(conn, signed, permissions)
    if await roles_store.count_roles(conn, account_id=signed.account_id) >= ROLES_MAX:
        raise Conflict("too_many_roles", f"An account has at most {ROLES_MAX} roles of its own.", param="name")
    words = spelt(permissions)
    if not await roles_store.insert_role(conn, account_id=signed.account_id, name=name, permissions=words):
        raise Conflict("role_exists", "There is a role of this name already. Choose another.", param="name")
    await noted(conn, signed, Action.ROLE_CREATED, name=name, by=by, facts={"permissions": words})


async def change_role(conn: Conn, signed: Signed, *, name: str, permissions: frozenset[Permission], by: By) -> None:
    """From the next request on of everybody who has it."""
    held = await may_make(conn, signed, permissions)
    before = await present(conn, signed, name)
    need_all(held, granted_by(name, before))
    words = spelt(permissions)
    if sorted(before) == words:
        return
    await roles_store.set_permissions(conn, account_id=signed.account_id, name=name, permissions=words)
    await noted(
        conn, signed, Action.ROLE_CHANGED, name=name, by=by, facts={"permissions": words, "before": sorted(before)}
    )


async def remove_role(conn: Conn, signed: Signed, *, name: str, by: By) -> None:
    """Not while somebody has it; a foreign key holds the same."""
    held = await may_make(conn, signed, frozenset())
    before = await present(conn, signed, name)
    need_all(held, granted_by(name, before))
    members = await roles_store.count_members(conn, account_id=signed.account_id, name=name)
    if members:
        have = "member has" if members == 1 else "members have"
        raise Conflict("role_in_use", f"{members} {have} this role. Give them another one first.", param="role")
    if await roles_store.count_invitations(conn, account_id=signed.account_id, name=name):
        raise Conflict("role_is_offered", "An invitation offers this role. Withdraw it first.", param="role")
    await roles_store.delete_role(conn, account_id=signed.account_id, name=name)
    await noted(conn, signed, Action.ROLE_REMOVED, name=name, by=by, facts={"before": sorted(before)})


# Parts


async def may_make(conn: Conn, signed: Signed, permissions: frozenset[Permission]) -> frozenset[Permission]:
    """What they hold themselves, if they may make a role of this; else `NotAllowed`."""
    need_proof(signed)
    held = await held_now(conn, signed)
    need_permission(held, Permission.CHANGE_MEMBERS)
    need_all(held, permissions)
    return held


async def present(conn: Conn, signed: Signed, name: str) -> Sequence[str]:
    words = await roles_store.lock_role(conn, account_id=signed.account_id, name=name)
    if words is None:
        raise NotFound("role_not_found", "The account has made no such role.", param="role")
    return words


def spelt(permissions: frozenset[Permission]) -> list[str]:
    return sorted(one.value for one in permissions)


async def noted(conn: Conn, signed: Signed, action: Action, *, name: str, by: By, facts: Facts) -> None:
    await record(
        conn, account_id=signed.account_id, actor=by.actor, request_id=by.request_id, action=action,
        target=f"role:{name}", facts=facts,
    )  # fmt: skip
