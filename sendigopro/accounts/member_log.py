"""What people who sign in do, and what is done with them, as the audit log of their account has it."""

from uuid import UUID

from sendigopro.audit import sealed, store
from sendigopro.audit.model import OPERATOR, Action, Actor, ActorKind, By, Facts
from sendigopro.audit.record import record
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn
from sendigopro.vault.vault import Vault

PREFIX = "mem"


def by_member(person_id: UUID) -> By:
    return By(Actor(ActorKind.MEMBER, person_id))


async def note_member(
    conn: Conn,
    vault: Vault,
    action: Action,
    *,
    account_id: UUID,
    person_id: UUID,
    by: By | None = None,
    facts: Facts | None = None,
    mail: str | None = None,
) -> None:
    """In the transaction of the change, and last in it. An address stands beside the entry, sealed."""
    by = by or By(OPERATOR)
    beside = None if mail is None else await sealed.seal(vault, account_id=account_id, values={"mail": mail})
    await record(
        conn, account_id=account_id, actor=by.actor, action=action, target=ids.typed(PREFIX, person_id), facts=facts,
        request_id=by.request_id, beside=beside,
    )  # fmt: skip


async def forget_member(conn: Conn, *, person_id: UUID) -> int:
    """What names a person beside entries of any account; the chains stay whole. How many there were."""
    return await store.erase_personal(conn, account_id=None, actor_id=person_id, target=ids.typed(PREFIX, person_id))
