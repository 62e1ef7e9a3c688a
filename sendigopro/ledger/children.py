"""Accounts of an account: with keys and limits of their own, seen from above, and nothing seen from below."""

from typing import Final
from uuid import UUID

from sendigopro.accounts import account_store, store
from sendigopro.accounts.create import create_account
from sendigopro.audit.model import Action, By
from sendigopro.audit.record import record
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Conflict, NotFound
from sendigopro.ledger import store as ledger
from sendigopro.vault.vault import Vault

CHILDREN_MAX: Final = 50


async def create_child(
    conn: Conn,
    vault: Vault,
    *,
    account_id: UUID,
    name: str,
    currency: str,
    rate_per_second: int | None,
    limit_micros: int | None,
    by: By,
) -> UUID:
    """In the caller's transaction, as `owner`."""
    if await account_store.lock_parent(conn, account_id=account_id) is not None:
        raise Conflict("is_sub_account", "An account of an account has none of its own.", param="name")
    if await account_store.count_children(conn, account_id=account_id) >= CHILDREN_MAX:
        raise Conflict("too_many_accounts", f"An account has at most {CHILDREN_MAX} of its own.", param="name")
    child_id = await create_account(conn, vault, name=name, currency=currency, parent_id=account_id)
    assert child_id is not None  # only the first of all may find itself taken
    await account_store.set_rate(conn, account_id=child_id, rate_per_second=rate_per_second)
    await ledger.set_limit(conn, account_id=child_id, limit_micros=limit_micros)
    await noted(conn, account_id, child_id, Action.ACCOUNT_CREATED, rate=rate_per_second, limit=limit_micros, by=by)
    return child_id


async def set_limits(
    conn: Conn, *, account_id: UUID, child_id: UUID, rate_per_second: int | None, limit_micros: int | None, by: By
) -> None:
    """Every process hears of it at once."""
    if not await account_store.is_child(conn, account_id=account_id, child_id=child_id):
        raise NotFound("account_not_found", "This account has no such account.", param="account")
    await account_store.set_rate(conn, account_id=child_id, rate_per_second=rate_per_second)
    await ledger.set_limit(conn, account_id=child_id, limit_micros=limit_micros)
    await store.announce_change(conn, what="keys")
    await noted(conn, account_id, child_id, Action.ACCOUNT_CHANGED, rate=rate_per_second, limit=limit_micros, by=by)


async def noted(
    conn: Conn, account_id: UUID, child_id: UUID, action: Action, *, rate: int | None, limit: int | None, by: By
) -> None:
    """With the account above: the one below never hears whose it is."""
    await record(
        conn, account_id=account_id, actor=by.actor, request_id=by.request_id, action=action,
        target=ids.typed("acc", child_id), facts={"rate_per_second": rate, "limit_micros": limit},
    )  # fmt: skip
