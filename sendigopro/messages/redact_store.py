"""The SQL of redaction and deletion."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sendigopro.foundation.postgres import Conn
from sendigopro.messages.model import ALL_RANKS


async def lock_message(conn: Conn, *, account_id: UUID, message_id: UUID) -> date | None:
    """Lock one message; the day its body expires, or None when there is no such message."""
    day: date | None = await conn.fetchval(
        "SELECT body_expires_on FROM main.messages WHERE account_id = $1 AND id = $2 FOR UPDATE", account_id, message_id
    )
    return day


async def blank_body(conn: Conn, *, account_id: UUID, message_id: UUID, expires_on: date) -> None:
    """The body goes; metadata, tags and callback URL stay."""
    await conn.execute(
        "UPDATE main.message_bodies SET body = NULL WHERE account_id = $1 AND message_id = $2 AND expires_on = $3",
        account_id,
        message_id,
        expires_on,
    )


async def delete_messages(conn: Conn, *, account_id: UUID, message_ids: Sequence[UUID], days: Sequence[date]) -> None:
    """Everything of these messages, whose bodies expire on these days; counts stay, they name nobody."""
    await conn.execute(
        """
        WITH bodies AS (
            DELETE FROM main.message_bodies WHERE account_id = $1 AND message_id = ANY($2) AND expires_on = ANY($3)
        ), outcomes AS (
            DELETE FROM main.outcomes WHERE account_id = $1 AND rank = ANY($4) AND message_id = ANY($2)
               AND message_id >= $5 AND message_id <= $6
        ), parts AS (
            DELETE FROM main.part_reports WHERE account_id = $1 AND message_id = ANY($2)
               AND message_id >= $5 AND message_id <= $6
        ), tags AS (
            DELETE FROM main.message_tags WHERE account_id = $1 AND message_id = ANY($2)
               AND message_id >= $5 AND message_id <= $6
        ), moved AS (
            DELETE FROM main.moved WHERE account_id = $1 AND message_id = ANY($2)
               AND message_id >= $5 AND message_id <= $6
        ), unclear AS (
            DELETE FROM main.unclear_submits WHERE account_id = $1 AND message_id = ANY($2)
        )
        DELETE FROM main.messages WHERE account_id = $1 AND id = ANY($2) AND id >= $5 AND id <= $6
        """,
        account_id,
        list(message_ids),
        list(set(days)),
        [int(rank) for rank in ALL_RANKS],
        min(message_ids),
        max(message_ids),
    )


async def delete_bodies(conn: Conn, *, account_id: UUID, message_ids: Sequence[UUID], days: Sequence[date]) -> None:
    """What these messages said and what came with it, sealed as it is."""
    await conn.execute(
        "DELETE FROM main.message_bodies WHERE account_id = $1 AND message_id = ANY($2) AND expires_on = ANY($3)",
        account_id,
        list(message_ids),
        list(set(days)),
    )
