"""The SQL of forgetting a person's messages, some hundred at a time."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sendigopro.foundation.postgres import Conn


async def lock_messages_of(conn: Conn, *, account_id: UUID, subject_id: UUID, limit: int) -> dict[UUID, date]:
    """Messages that still lead to this person, locked; with the day their bodies expire on."""
    rows = await conn.fetch(
        """
        SELECT id, body_expires_on FROM main.messages WHERE account_id = $1 AND subject_id = $2
        ORDER BY id LIMIT $3 FOR NO KEY UPDATE
        """,
        account_id,
        subject_id,
        limit,
    )
    return {row["id"]: row["body_expires_on"] for row in rows}


async def take_all_waiting(
    conn: Conn, *, account_id: UUID, message_ids: Sequence[UUID], unclear_why: int
) -> list[UUID]:
    """Take them out of their wait, whatever they wait for; returns those that have not left before."""
    rows = await conn.fetch(
        "DELETE FROM main.waiting WHERE account_id = $1 AND message_id = ANY($2) RETURNING message_id, why",
        account_id,
        list(message_ids),
    )
    return [row["message_id"] for row in rows if row["why"] != unclear_why]


async def lock_places(
    conn: Conn, *, account_id: UUID, message_ids: Sequence[UUID]
) -> list[tuple[UUID, UUID, int, int, datetime]]:
    """Lock the chunks that hold these messages: (message, chunk, its position, intended, min_expires_at)."""
    rows = await conn.fetch(
        """
        SELECT place.message_id, c.id, place.position, c.intended, c.min_expires_at
        FROM (
            SELECT m.id AS message_id, coalesce(v.chunk_id, m.chunk_id) AS chunk_id,
                   coalesce(v.position, m.position) AS position
            FROM main.messages m
            LEFT JOIN main.moved v ON v.account_id = $1 AND v.message_id = m.id
            WHERE m.account_id = $1 AND m.id = ANY($2) AND m.id >= $3 AND m.id <= $4
        ) place
        JOIN main.chunks c ON c.account_id = $1 AND c.id = place.chunk_id
        ORDER BY c.id FOR UPDATE OF c
        """,
        account_id,
        list(message_ids),
        min(message_ids),
        max(message_ids),
    )
    return [(row["message_id"], row["id"], row["position"], row["intended"], row["min_expires_at"]) for row in rows]


async def delete_contents(conn: Conn, *, account_id: UUID, message_ids: Sequence[UUID], days: Sequence[date]) -> None:
    """What they said, what came with them, their tags, and the MAC of who they went to; facts and counts stay."""
    await conn.execute(
        """
        WITH bodies AS (
            DELETE FROM main.message_bodies WHERE account_id = $1 AND message_id = ANY($2) AND expires_on = ANY($3)
        ), tags AS (
            DELETE FROM main.message_tags WHERE account_id = $1 AND message_id = ANY($2)
              AND message_id >= $4 AND message_id <= $5
        )
        DELETE FROM main.unclear_submits WHERE account_id = $1 AND message_id = ANY($2)
        """,
        account_id,
        list(message_ids),
        list(days),
        min(message_ids),
        max(message_ids),
    )


async def delete_idempotency_of(conn: Conn, *, account_id: UUID, message_ids: Sequence[UUID], since: date) -> None:
    """Keys of requests for these messages alone.

    That of a batch for others too stays its day: without it a repeat of the batch would be sent to all the others
    once more.
    """
    await conn.execute(
        "DELETE FROM main.idempotency WHERE account_id = $1 AND day >= $3 AND message_ids <@ $2",
        account_id,
        list(message_ids),
        since,
    )


async def forget_subject_of(conn: Conn, *, account_id: UUID, message_ids: Sequence[UUID]) -> None:
    """From here no row leads from these messages to their person."""
    await conn.execute(
        """
        UPDATE main.messages SET subject_id = NULL
        WHERE account_id = $1 AND id = ANY($2) AND id >= $3 AND id <= $4
        """,
        account_id,
        list(message_ids),
        min(message_ids),
        max(message_ids),
    )


async def delete_unmatched_of(conn: Conn, *, recipient_mac: bytes, settled_before: datetime) -> None:
    """Receipts to this number that match no message; of younger ones only the MAC, so that their message may come.

    One that an unclear submit may still have stays as it is: the person's own submits are gone by now, so it is of
    another account. Read whole: few receipts are set aside, and an index would cost each of them more than it saves.
    """
    await conn.execute(
        """
        WITH found AS (
            SELECT id, at < $2 AS is_settled FROM main.unmatched_receipts r
            WHERE recipient_mac = $1 AND NOT EXISTS (
                SELECT FROM main.unclear_submits u
                WHERE u.carrier_id = r.carrier_id AND u.recipient_mac = $1
                  AND (r.reference IS NULL OR u.reference = r.reference)
            )
        ), settled AS (
            DELETE FROM main.unmatched_receipts WHERE id IN (SELECT id FROM found WHERE is_settled)
        )
        UPDATE main.unmatched_receipts SET recipient_mac = NULL WHERE id IN (SELECT id FROM found WHERE NOT is_settled)
        """,
        recipient_mac,
        settled_before,
    )
