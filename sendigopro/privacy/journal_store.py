"""The SQL between the databases and the journal: what must still be written into it, and how far it is applied."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from sendigopro.foundation.postgres import Conn
from sendigopro.privacy.journal import Head, Intent


async def intend(conn: Conn, intent: Intent) -> None:
    """Have the journal say so once this transaction has committed; `journaling.catch_up` sees to it."""
    await conn.execute(
        "INSERT INTO main.journal_intents (account_id, id, entry) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        intent.account_id,
        intent.id,
        msgspec.msgpack.encode(intent),
    )


async def read_head(conn: Conn) -> Head:
    row = await conn.fetchrow("SELECT applied_head, hash FROM main.journal_head WHERE id = 1")
    return Head() if row is None else Head(row["applied_head"], row["hash"])


async def look(conn: Conn) -> tuple[Head, bool]:
    """How far the journal is applied, and whether anything waits to be written into it; in one snapshot."""
    row = await conn.fetchrow(
        """
        SELECT applied_head, hash, EXISTS (SELECT 1 FROM main.journal_intents) AS has_intents
        FROM main.journal_head WHERE id = 1
        """
    )
    return (Head(), True) if row is None else (Head(row["applied_head"], row["hash"]), row["has_intents"])


async def lock_head(conn: Conn) -> Head:
    """The same, and nobody else may advance it until the transaction ends."""
    row = await conn.fetchrow("SELECT applied_head, hash FROM main.journal_head WHERE id = 1 FOR UPDATE")
    return Head() if row is None else Head(row["applied_head"], row["hash"])


async def read_intents_of_everyone(conn: Conn) -> list[Intent]:
    """The oldest first."""
    rows = await conn.fetch("SELECT entry FROM main.journal_intents ORDER BY id")
    return [msgspec.msgpack.decode(row["entry"], type=Intent) for row in rows]


async def advance(conn: Conn, head: Head, *, account_ids: Sequence[UUID], intent_ids: Sequence[UUID]) -> None:
    """All entries up to `head` are in these databases; these intents are among them."""
    await conn.execute("UPDATE main.journal_head SET applied_head = $1, hash = $2 WHERE id = 1", head.n, head.hash)
    await conn.execute(
        """
        DELETE FROM main.journal_intents i USING unnest($1::uuid[], $2::uuid[]) AS written (account_id, id)
        WHERE i.account_id = written.account_id AND i.id = written.id
        """,
        list(account_ids),
        list(intent_ids),
    )
