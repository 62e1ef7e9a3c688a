"""The SQL of retention: what is over, and how old the oldest is."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sendigopro.foundation.postgres import Conn


async def identifier_terms_of_everyone(conn: Conn) -> dict[UUID, int]:
    """How many days each account keeps whom it has not met again."""
    rows = await conn.fetch("SELECT id, identifier_retention_days FROM main.accounts")
    return {row[0]: row[1] for row in rows}


async def unseen_subjects(
    conn: Conn, *, account_ids: Sequence[UUID], since: date, limit: int
) -> list[tuple[UUID, UUID, int]]:
    """(account, subject, key slot) of some who were last seen before that day."""
    rows = await conn.fetch(
        "SELECT account_id, id, key_slot FROM vault.subjects WHERE account_id = ANY($1) AND last_seen < $2 LIMIT $3",
        list(account_ids),
        since,
        limit,
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def count_unseen(conn: Conn, *, account_id: UUID, since: date) -> int:
    found: int = await conn.fetchval(
        "SELECT count(*) FROM vault.subjects WHERE account_id = $1 AND last_seen < $2", account_id, since
    )
    return found


async def days_over(conn: Conn, *, today: date, limit: int) -> list[tuple[UUID, date, int]]:
    """(account, day, key slot) of days whose contents must be gone."""
    rows = await conn.fetch(
        "SELECT account_id, bucket, slot FROM vault.buckets WHERE bucket < $1 LIMIT $2", today, limit
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def delete_days(conn: Conn, *, account_ids: Sequence[UUID], days: Sequence[date]) -> None:
    await conn.execute(
        """
        DELETE FROM vault.buckets b USING unnest($1::uuid[], $2::date[]) AS over (account_id, bucket)
        WHERE b.account_id = over.account_id AND b.bucket = over.bucket
        """,
        list(account_ids),
        list(days),
    )


async def count_bodies(conn: Conn, *, account_id: UUID, lowest_id: UUID) -> int:
    """Messages made before the moment of that id whose bodies are still kept."""
    found: int = await conn.fetchval(
        "SELECT count(*) FROM main.message_bodies WHERE account_id = $1 AND message_id < $2", account_id, lowest_id
    )
    return found


async def oldest_seen(conn: Conn, *, account_ids: Sequence[UUID]) -> date | None:
    day: date | None = await conn.fetchval(
        "SELECT min(last_seen) FROM vault.subjects WHERE account_id = ANY($1)", list(account_ids)
    )
    return day


async def oldest_day(conn: Conn) -> date | None:
    day: date | None = await conn.fetchval("SELECT min(bucket) FROM vault.buckets")
    return day


async def has_rows(conn: Conn, partition: str) -> bool:
    """Whether a partition, by its own name in the catalogue, holds anything."""
    found: bool = await conn.fetchval(f"SELECT EXISTS (SELECT 1 FROM {partition})")  # noqa: S608  # from pg_class
    return found


ROW_CLOCKS = {
    "main.unmatched_receipts": ("at", 4),
    "main.unclear_submits": ("at", 5),
    "main.webhook_retries": ("first_at", 8),
    "main.chunks": ("min_expires_at", 2),
    "main.waiting": ("expires_at", 2),
    "main.awaited_receipts": ("due_at", 2),
}
"""Tables whose rows somebody else ends: by which column, and how many days late is late."""


async def oldest_row(conn: Conn, table: str) -> date | None:
    """By the clock of that table."""
    column, _ = ROW_CLOCKS[table]
    day: date | None = await conn.fetchval(f"SELECT min({column})::date FROM {table}")  # noqa: S608  # from the table above
    return day
