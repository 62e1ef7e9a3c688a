"""Every statement about mails that have not left yet."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sendigopro.foundation.postgres import Conn
from sendigopro.mail.model import Due

CHANNEL = "sendigopro_mail"


async def insert(conn: Conn, *, mail_id: UUID, sealed: bytes, given_up_at: datetime) -> None:
    """In the transaction of what it tells of: both are kept, or neither. A worker hears of it with the commit."""
    await conn.execute(
        "INSERT INTO main.mails (id, sealed, given_up_at) VALUES ($1, $2, $3)", mail_id, sealed, given_up_at
    )
    await conn.execute("SELECT pg_notify($1, '')", CHANNEL)


async def lease_of_everyone(conn: Conn, *, now: datetime, until: datetime, limit: int) -> list[Due]:
    """Those whose turn it is; nobody else takes them before `until`."""
    rows = await conn.fetch(
        """
        UPDATE main.mails SET due_at = $2, attempts = attempts + 1
         WHERE id IN (SELECT id FROM main.mails WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
        RETURNING id, sealed, attempts
        """,
        now,
        until,
        limit,
    )
    return [Due(*row) for row in rows]


async def put_off(conn: Conn, *, mail_id: UUID, due_at: datetime) -> None:
    await conn.execute("UPDATE main.mails SET due_at = $2 WHERE id = $1", mail_id, due_at)


async def delete(conn: Conn, *, ids: Sequence[UUID]) -> None:
    await conn.execute("DELETE FROM main.mails WHERE id = ANY($1)", list(ids))


async def delete_given_up(conn: Conn, *, now: datetime) -> int:
    """What could not be sent in time; how many."""
    done: str = await conn.execute("DELETE FROM main.mails WHERE given_up_at <= $1", now)
    return int(done.rpartition(" ")[2])
