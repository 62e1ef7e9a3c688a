"""After a restore: what the journal knows and the databases have forgotten is done again, entry by entry."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from sendigopro.consent import store as consent
from sendigopro.foundation.postgres import Conn
from sendigopro.privacy import closed_store, journal_store, requests_store
from sendigopro.privacy.closed import condemn
from sendigopro.privacy.desk import Desk
from sendigopro.privacy.journal import Entry, Head, Intent
from sendigopro.privacy.model import DUE, Request

Replayed = Callable[[Desk, Conn, Intent], Awaitable[None]]


async def replay(desk: Desk) -> Counter[str]:
    """Apply every entry beyond the databases' head, each in a transaction; how many there were of each kind.

    It may be run again at any time. What it brings back is finished by `job.Erasures`; nobody reads it before.
    """
    done: Counter[str] = Counter()
    async with desk.main.acquire() as conn:
        applied = await journal_store.read_head(conn)
    desk.journal.check(applied)
    for entry in desk.journal.entries_after(applied.n):
        done[entry.intent.kind] += await _apply(desk, entry)
    return done


async def _apply(desk: Desk, entry: Entry) -> bool:
    intent = entry.intent
    if intent.kind == "erase":
        await desk.vault.forget(intent.key_slots)  # the keys first: they are outside every transaction
    if intent.kind == "close":
        await condemn(desk, intent.account_id)
    async with desk.main.acquire() as conn, conn.transaction():
        applied = await journal_store.lock_head(conn)
        if applied.n >= entry.n:
            return False  # somebody else replays as well
        again = REPLAYED.get(intent.kind)
        if again is not None:
            await again(desk, conn, intent)
        await journal_store.advance(
            conn, Head(entry.n, entry.hash), account_ids=[intent.account_id], intent_ids=[intent.id]
        )
    return True


async def _erase(_desk: Desk, conn: Conn, intent: Intent) -> None:
    assert intent.request_id is not None
    await consent.set_standing(conn, account_id=intent.account_id, macs=[intent.mac], state="erased")
    await requests_store.insert_replayed(
        conn,
        Request(
            account_id=intent.account_id, id=intent.request_id, mode=intent.mode, type="erase", status="erasing",
            outcome=None, is_lift=False, asked_by=None, grace_hours=0, grace_until=None, created_at=intent.at,
            due_at=intent.at + DUE, unreadable_at=None, completed_at=None, lookup=None, mac=intent.mac,
            subject_ids=intent.subject_ids, key_slots=intent.key_slots, body_mac=None, has_receipt=False,
        ),
    )  # fmt: skip


async def _opt_out(_desk: Desk, conn: Conn, intent: Intent) -> None:
    await consent.set_standing(
        conn, account_id=intent.account_id, macs=[intent.mac], state="opted_out", scope=intent.scope
    )


async def _restrict(_desk: Desk, conn: Conn, intent: Intent) -> None:
    await consent.set_standing(
        conn, account_id=intent.account_id, macs=[intent.mac], state="restricted", scope=intent.scope
    )


async def _lift(_desk: Desk, conn: Conn, intent: Intent) -> None:
    await consent.lift_standing(
        conn, account_id=intent.account_id, macs=[intent.mac], state="restricted", scope=intent.scope
    )


async def _close(_desk: Desk, conn: Conn, intent: Intent) -> None:
    """Nobody comes in; the hourly job deletes what was restored."""
    await closed_store.close_again(conn, account_id=intent.account_id)


REPLAYED: Mapping[str, Replayed] = {
    "erase": _erase, "opt_out": _opt_out, "restrict": _restrict, "lift": _lift, "close": _close,
}  # fmt: skip
"""What is done again for each kind. `erased` only says that an erasure was finished. A `rectify` cannot be: the journal
holds no identifiers, so it is counted and told, and the account corrects it again."""
