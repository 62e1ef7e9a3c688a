"""The SQL of redaction and deletion."""

from datetime import date
from uuid import UUID

from sendigopro.foundation.postgres import Conn


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


async def delete_rows(conn: Conn, *, account_id: UUID, message_id: UUID, expires_on: date) -> None:
    """Everything of one message; counts stay, they name nobody."""
    await conn.execute(
        """
        WITH body AS (
            DELETE FROM main.message_bodies WHERE account_id = $1 AND message_id = $2 AND expires_on = $3
        ), outcomes AS (
            DELETE FROM main.outcomes WHERE account_id = $1 AND message_id = $2
        ), parts AS (
            DELETE FROM main.part_reports WHERE account_id = $1 AND message_id = $2
        ), tags AS (
            DELETE FROM main.message_tags WHERE account_id = $1 AND message_id = $2
        ), moved AS (
            DELETE FROM main.moved WHERE account_id = $1 AND message_id = $2
        ), unclear AS (
            DELETE FROM main.unclear_submits WHERE account_id = $1 AND message_id = $2
        )
        DELETE FROM main.messages WHERE account_id = $1 AND id = $2
        """,
        account_id,
        message_id,
        expires_on,
    )
