"""The SQL of retention: what is over, and how old the oldest is."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sendigopro.foundation.postgres import Conn

BEFORE_ALL = UUID(int=0)


async def accounts_of_everyone(conn: Conn) -> list[UUID]:
    rows = await conn.fetch("SELECT id FROM main.accounts")
    return [row[0] for row in rows]


async def unseen_subjects(
    conn: Conn, *, account_ids: Sequence[UUID], since: date, after: tuple[UUID, UUID], limit: int
) -> list[tuple[UUID, UUID, int]]:
    """(account, subject, key slot) of the next who were last seen before that day."""
    rows = await conn.fetch(
        """
        SELECT account_id, id, key_slot FROM vault.subjects
         WHERE account_id = ANY($1) AND last_seen < $2 AND (account_id, id) > ($3, $4)
         ORDER BY account_id, id LIMIT $5
        """,
        list(account_ids),
        since,
        *after,
        limit,
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def with_messages_since(
    conn: Conn, *, account_ids: Sequence[UUID], subject_ids: Sequence[UUID], since: datetime, lowest_id: UUID
) -> set[UUID]:
    """Who of them has a message that expired since that moment, or has not yet: they are met until then."""
    rows = await conn.fetch(
        """
        SELECT DISTINCT m.subject_id
          FROM unnest($1::uuid[], $2::uuid[]) AS wanted (account_id, subject_id)
          JOIN main.messages m ON m.account_id = wanted.account_id AND m.subject_id = wanted.subject_id
         WHERE m.id >= $4 AND m.expires_at >= $3
        """,
        list(account_ids),
        list(subject_ids),
        since,
        lowest_id,
    )
    return {row[0] for row in rows}


async def count_unseen(conn: Conn, *, account_id: UUID, since: date) -> int:
    found: int = await conn.fetchval(
        "SELECT count(*) FROM vault.subjects WHERE account_id = $1 AND last_seen < $2", account_id, since
    )
    return found


async def messages_over(
    conn: Conn, *, account_id: UUID, purposes: Sequence[int] | None, expired_before: datetime,
    between: tuple[UUID, UUID], limit: int,
) -> dict[UUID, date]:  # fmt: skip
    """The next messages of a product (of what was received: no purposes) that expired before; ids in order.

    Each with the day that its body is filed under. `between` bounds the ids, the lower one left out.
    """
    rows = await conn.fetch(
        """
        SELECT id, body_expires_on FROM main.messages
         WHERE account_id = $1 AND id > $2 AND id < $3 AND expires_at < $4
           AND direction = $5 AND ($6::smallint[] IS NULL OR purpose = ANY($6))
         ORDER BY id LIMIT $7
        """,
        account_id,
        *between,
        expired_before,
        0 if purposes is not None else 1,
        purposes,
        limit,
    )
    return {row["id"]: row["body_expires_on"] for row in rows}


async def count_over(
    conn: Conn, *, account_id: UUID, purposes: Sequence[int] | None, expired_before: datetime, bodies_only: bool
) -> int:
    """How many messages of a product expired before; or how many of their texts are still kept."""
    found: int = await conn.fetchval(
        """
        SELECT count(*) FROM main.messages m
         WHERE account_id = $1 AND expires_at < $2 AND direction = $3
           AND ($4::smallint[] IS NULL OR purpose = ANY($4))
           AND (NOT $5 OR EXISTS (
                SELECT FROM main.message_bodies b
                 WHERE b.account_id = m.account_id AND b.message_id = m.id AND b.expires_on = m.body_expires_on))
        """,
        account_id,
        expired_before,
        0 if purposes is not None else 1,
        purposes,
        bodies_only,
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


async def oldest_of_product(
    conn: Conn, *, account_id: UUID, purposes: Sequence[int] | None, bodies_only: bool
) -> date | None:
    """When the oldest message of a product expired, or the oldest whose text is still kept."""
    day: date | None = await conn.fetchval(
        """
        SELECT (min(expires_at) AT TIME ZONE 'UTC')::date FROM main.messages m
         WHERE account_id = $1 AND direction = $2 AND ($3::smallint[] IS NULL OR purpose = ANY($3))
           AND (NOT $4 OR EXISTS (
                SELECT FROM main.message_bodies b
                 WHERE b.account_id = m.account_id AND b.message_id = m.id AND b.expires_on = m.body_expires_on))
        """,
        account_id,
        0 if purposes is not None else 1,
        purposes,
        bodies_only,
    )
    return day


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
    "main.accounts": ("closes_at", 0),
}
"""Tables whose rows somebody else ends: by which column, and how many days late is late."""


async def oldest_row(conn: Conn, table: str) -> date | None:
    """By the clock of that table."""
    column, _ = ROW_CLOCKS[table]
    day: date | None = await conn.fetchval(f"SELECT min({column})::date FROM {table}")  # noqa: S608  # from the table above
    return day
