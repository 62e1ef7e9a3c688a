"""The SQL of accounts at their end."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from sendigopro.foundation.postgres import Conn

STAYS: Final = ("tallies", "ledger_entries", "holds", "held_subjects", "held_items", "journal_intents")
"""Counts that name nobody; what tax law demands; what another law demands, under its own key; and the journal's."""
QUEUES: Final = ("main.chunks", "main.waiting", "main.senders")
"""What would lead a worker to keys that are dead: first of all."""


async def over_of_everyone(conn: Conn) -> list[UUID]:
    """Accounts whose grace is over and whose rows are still there."""
    rows = await conn.fetch("SELECT id FROM main.accounts WHERE closes_at <= now() ORDER BY id")
    return [row[0] for row in rows]


async def close(conn: Conn, *, account_id: UUID) -> bool:
    """Nobody comes in any more; False when that was so before, or it was kept at the last moment."""
    done: str = await conn.execute(
        "UPDATE main.accounts SET closed_at = now() WHERE id = $1 AND closed_at IS NULL AND closes_at <= now()",
        account_id,
    )
    if not done.endswith(" 1"):
        return False
    for table in QUEUES:
        await conn.execute(f"DELETE FROM {table} WHERE account_id = $1", account_id)  # noqa: S608  # names above
    return True


async def close_again(conn: Conn, *, account_id: UUID) -> None:
    """After a restore: the journal knows that it is gone. Its grace is over, so nobody comes in."""
    await conn.execute(
        "UPDATE main.accounts SET closing_at = coalesce(closing_at, now()), closes_at = now() WHERE id = $1", account_id
    )


async def tables_of_accounts(conn: Conn) -> list[str]:
    """Every table with rows of accounts, but for those that stay."""
    rows = await conn.fetch(
        """
        SELECT 'main.' || quote_ident(c.relname)
          FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id' AND NOT a.attisdropped
         WHERE c.relnamespace = 'main'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
           AND c.relname <> ALL($1)
         ORDER BY c.relname
        """,
        list(STAYS),
    )
    return [row[0] for row in rows]


async def delete_rows(conn: Conn, table: str, *, account_id: UUID) -> bool:
    """False when rows of another table still lead to them."""
    try:
        async with conn.transaction():
            await conn.execute(f"DELETE FROM {table} WHERE account_id = $1", account_id)  # noqa: S608  # from pg_class
    except asyncpg.ForeignKeyViolationError:
        return False
    return True


async def delete_account(conn: Conn, *, account_id: UUID) -> None:
    """The last row: as long as it is there, its end is begun anew."""
    await conn.execute("DELETE FROM main.accounts WHERE id = $1 AND closed_at IS NOT NULL", account_id)


async def own_slots(vault: Conn, *, account_id: UUID) -> Sequence[int]:
    """Of the account's own keys and its days."""
    rows = await vault.fetch(
        """
        SELECT unnest(ARRAY[lookup_slot, suppression_slot, seal_slot]) FROM vault.account_keys WHERE account_id = $1
        UNION ALL
        SELECT slot FROM vault.buckets WHERE account_id = $1
        """,
        account_id,
    )
    return [row[0] for row in rows]


async def subject_slots(vault: Conn, *, account_id: UUID, after: UUID, limit: int) -> list[tuple[UUID, int]]:
    """(subject, key slot) of the next people it knew."""
    rows = await vault.fetch(
        "SELECT id, key_slot FROM vault.subjects WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        account_id,
        after,
        limit,
    )
    return [(row[0], row[1]) for row in rows]


async def delete_from_vault(vault: Conn, *, account_id: UUID) -> None:
    for table in ("subjects", "buckets", "account_keys"):
        await vault.execute(f"DELETE FROM vault.{table} WHERE account_id = $1", account_id)  # noqa: S608  # names above
