"""Who runs the installation: people like all others, with a role beside their memberships."""

from typing import Final
from uuid import UUID

from sendigopro.accounts import people_store, staff_store
from sendigopro.accounts.member_log import note_member
from sendigopro.audit.model import Action
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import NotFound
from sendigopro.vault.vault import Vault

OPERATOR, SUPPORT = "operator", "support"
STAFF_ROLES: Final = (OPERATOR, SUPPORT)
"""An operator decides who goes live; support looks after things, and asks customers for leave to look at theirs."""


async def put_staff(conn: Conn, vault: Vault, *, person_id: UUID, role: str) -> None:
    """In the caller's transaction, as `owner`; the accounts they belong to see it in their audit logs."""
    before = await staff_store.put_staff(conn, person_id=person_id, role=role)
    if before != role:
        await note_in_accounts(conn, vault, Action.STAFF_ADDED, person_id=person_id, role=role)


async def remove_staff(conn: Conn, vault: Vault, *, person_id: UUID) -> None:
    """Whatever they were granted opens nothing from their next request on; in the caller's transaction, as `owner`."""
    role = await staff_store.staff_role(conn, person_id=person_id)
    if role is None or not await staff_store.delete_staff(conn, person_id=person_id):
        raise NotFound("not_staff", "This person is not of the staff.")
    await note_in_accounts(conn, vault, Action.STAFF_REMOVED, person_id=person_id, role=role)


async def note_in_accounts(conn: Conn, vault: Vault, action: Action, *, person_id: UUID, role: str) -> None:
    """In one order, because each entry keeps its account's chain locked until the commit."""
    for account_id, _ in sorted(await people_store.list_memberships(conn, person_id=person_id)):
        await note_member(conn, vault, action, account_id=account_id, person_id=person_id, facts={"role": role})
