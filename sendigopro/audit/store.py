"""All the SQL of the audit log."""

import json
from datetime import datetime
from uuid import UUID

from sendigopro.audit.model import Actor, ActorKind, Entry, Head, Stored
from sendigopro.foundation.postgres import Conn, Row
from sendigopro.foundation.spelling import canonical

COLUMNS = (
    "l.account_id, l.n, l.id, l.at, l.actor_kind, l.actor_id, l.action, l.target, l.facts, l.request_id, "
    "l.commitment, l.prev_hash, l.hash, p.sealed"
)
FROM = "main.audit_log l LEFT JOIN main.audit_personal p ON p.account_id = l.account_id AND p.id = l.id"


async def lock_chain(conn: Conn, *, account_id: UUID) -> None:
    """One writer of an account after the other, until the transaction ends, so that its chain has no fork."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('audit ' || $1, 0))", str(account_id))


async def read_head(conn: Conn, *, account_id: UUID) -> tuple[Head, datetime]:
    """The last entry, and the time of the next: never before it, whatever the clock does."""
    row = await conn.fetchrow(
        """
        SELECT last.n, last.hash, greatest(clock_timestamp(), last.at) AS at
        FROM (VALUES (1)) one
        LEFT JOIN LATERAL (
            SELECT n, hash, at FROM main.audit_log WHERE account_id = $1 ORDER BY n DESC LIMIT 1
        ) last ON true
        """,
        account_id,
    )
    assert row is not None
    return Head() if row["n"] is None else Head(row["n"], row["hash"]), row["at"]


async def append(conn: Conn, stored: Stored) -> None:
    """Write one entry, and what stands beside it; the database refuses it anywhere but at the end."""
    entry = stored.entry
    await conn.execute(
        """
        INSERT INTO main.audit_log
            (account_id, n, id, at, actor_kind, actor_id, action, target, facts, request_id, commitment, prev_hash,
             hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        """,
        entry.account_id,
        entry.n,
        entry.id,
        entry.at,
        str(entry.actor.kind),
        entry.actor.id,
        str(entry.action),
        entry.target,
        canonical(entry.facts).decode(),
        entry.request_id,
        entry.commitment,
        stored.prev_hash,
        stored.hash,
    )
    if stored.sealed is not None:
        await conn.execute(
            "INSERT INTO main.audit_personal (account_id, id, sealed) VALUES ($1, $2, $3)",
            entry.account_id,
            entry.id,
            stored.sealed,
        )


async def list_entries(
    conn: Conn,
    *,
    account_id: UUID,
    action: str | None,
    since: datetime | None,
    until: datetime | None,
    after: UUID | None,
    before: UUID | None,
    limit: int,
    actor: Actor | None = None,
) -> list[Stored]:
    """Newest first; `after` and `before` are entries that were seen."""
    rows = await conn.fetch(
        f"""
        SELECT * FROM (
            SELECT {COLUMNS} FROM {FROM}
            WHERE l.account_id = $1 AND ($2::text IS NULL OR l.action = $2)
              AND ($3::timestamptz IS NULL OR l.at >= $3) AND ($4::timestamptz IS NULL OR l.at < $4)
              AND ($5::uuid IS NULL OR l.n < (SELECT n FROM main.audit_log WHERE account_id = $1 AND id = $5))
              AND ($6::uuid IS NULL OR l.n > (SELECT n FROM main.audit_log WHERE account_id = $1 AND id = $6))
              AND ($8::text IS NULL OR l.actor_kind = $8) AND ($9::uuid IS NULL OR l.actor_id = $9)
            ORDER BY CASE WHEN $6::uuid IS NULL THEN l.n END DESC, l.n LIMIT $7
        ) page ORDER BY n DESC
        """,  # noqa: S608  # the columns are ours
        account_id,
        action,
        since,
        until,
        after,
        before,
        limit,
        None if actor is None else str(actor.kind),
        None if actor is None else actor.id,
    )
    return [_stored(row) for row in rows]


async def read_after(conn: Conn, *, account_id: UUID, after_n: int, until_n: int, limit: int) -> list[Stored]:
    """The next entries in their order, up to one that is known to be there."""
    rows = await conn.fetch(
        f"SELECT {COLUMNS} FROM {FROM} WHERE l.account_id = $1 AND l.n > $2 AND l.n <= $3 ORDER BY l.n LIMIT $4",  # noqa: S608
        account_id,
        after_n,
        until_n,
        limit,
    )
    return [_stored(row) for row in rows]


async def erase_personal(conn: Conn, *, account_id: UUID | None, actor_id: UUID, target: str) -> int:
    """Erase what names a person beside the entries that they wrote or that are about them; the chain stays whole.

    Without an account, in all of them: who is forgotten is looked for once, so the log is read whole.
    """
    rows = await conn.fetch(
        """
        DELETE FROM main.audit_personal p USING main.audit_log l
        WHERE ($1::uuid IS NULL OR l.account_id = $1) AND (l.actor_id = $2 OR l.target = $3)
          AND p.account_id = l.account_id AND p.id = l.id
        RETURNING 1
        """,
        account_id,
        actor_id,
        target,
    )
    return len(rows)


def _stored(row: Row) -> Stored:
    entry = Entry(
        account_id=row["account_id"],
        n=row["n"],
        id=row["id"],
        at=row["at"],
        actor=Actor(ActorKind(row["actor_kind"]), row["actor_id"]),
        action=row["action"],
        target=row["target"],
        facts=json.loads(row["facts"]),
        request_id=row["request_id"],
        commitment=row["commitment"],
    )
    return Stored(entry, row["prev_hash"], row["hash"], row["sealed"])
