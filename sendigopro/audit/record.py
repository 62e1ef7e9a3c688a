"""To write an entry, in the transaction of the change it tells of: both are kept, or neither."""

from uuid import UUID

from sendigopro.audit import store
from sendigopro.audit.chain import hash_of, told
from sendigopro.audit.model import Action, Actor, Entry, Facts, Stored, check, kept_request_id
from sendigopro.audit.sealed import Beside
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn


async def record(
    conn: Conn,
    *,
    account_id: UUID,
    actor: Actor,
    action: Action,
    target: str | None = None,
    facts: Facts | None = None,
    request_id: str | None = None,
    beside: Beside | None = None,
) -> Entry:
    """Append to the account's chain. Call it last: until the transaction ends, the account's other writers wait."""
    assert conn.is_in_transaction()  # else the lock is gone at once, and the entry stays when the change does not
    facts = facts or {}
    check(target=target, facts=facts)
    await store.lock_chain(conn, account_id=account_id)
    last, at = await store.read_head(conn, account_id=account_id)
    entry = Entry(
        account_id=account_id,
        n=last.n + 1,
        id=ids.new() if beside is None else beside.entry_id,
        at=at,
        actor=actor,
        action=action,
        target=target,
        facts=facts,
        request_id=kept_request_id(request_id),
        commitment=None if beside is None else beside.commitment,
    )
    sealed = None if beside is None else beside.sealed
    await store.append(conn, Stored(entry, last.hash, hash_of(last.hash, told(entry)), sealed))
    return entry
