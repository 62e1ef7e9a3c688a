"""The end of an account, asked and undone: its keys stop at once, its people may still read, take along and undo."""

from datetime import timedelta
from uuid import UUID

from sendigopro.accounts import account_store, store
from sendigopro.audit.model import Action, By
from sendigopro.audit.record import record
from sendigopro.foundation import clock
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Conflict


async def begin_closing(conn: Conn, *, account_id: UUID, children: int, grace_days: int, by: By) -> None:
    """Nothing is deleted yet; what is on its way still arrives."""
    if children:
        raise Conflict("has_accounts", "This account has accounts of its own. Close them first.", param="name")
    closes_at = clock.now() + timedelta(days=grace_days)
    if not await account_store.begin_closing(conn, account_id=account_id, closes_at=closes_at):
        raise Conflict("is_closing", "This account is being closed already.", param="name")
    await store.announce_change(conn, what="keys")
    await record(
        conn, account_id=account_id, actor=by.actor, request_id=by.request_id, action=Action.ACCOUNT_CLOSING,
        facts={"grace_days": grace_days, "on": closes_at.date().isoformat()},
    )  # fmt: skip


async def undo_closing(conn: Conn, *, account_id: UUID, by: By) -> None:
    """Its keys open again what they did."""
    if not await account_store.undo_closing(conn, account_id=account_id):
        raise Conflict("not_closing", "This account is not being closed, or it is too late to undo it.")
    await store.announce_change(conn, what="keys")
    await record(conn, account_id=account_id, actor=by.actor, request_id=by.request_id, action=Action.ACCOUNT_KEPT)
