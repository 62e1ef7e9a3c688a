"""The SQL of the queue: chunks are leased, declared and released; what waits becomes due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sendigopro.foundation.postgres import Conn, Row
from sendigopro.messages.model import Chunk, Why

NOBODY = UUID(int=0)
"""Before every account: where a round begins."""
EVERYBODY = UUID(int=(1 << 128) - 1)
"""Behind every account: where a round ends."""
LEASE = """
WITH RECURSIVE round AS (
    SELECT priority, place, after, $8::uuid AS last, 1 AS lap
    FROM unnest($2::smallint[], $3::uuid[]) WITH ORDINALITY AS p (priority, after, place)
    UNION ALL
    SELECT priority, place, $9::uuid, after, 2
    FROM unnest($2::smallint[], $3::uuid[]) WITH ORDINALITY AS p (priority, after, place)
),
walk AS (
    SELECT r.priority, r.place, r.lap, r.last, first.account_id, 1 AS step
    FROM round r CROSS JOIN LATERAL (
        SELECT account_id FROM main.chunks
        WHERE carrier_id = $1 AND priority = r.priority AND account_id > r.after AND account_id <= r.last
          AND lease_until < now()
        ORDER BY account_id LIMIT 1
    ) first
    UNION ALL
    SELECT w.priority, w.place, w.lap, w.last, next.account_id, w.step + 1
    FROM walk w CROSS JOIN LATERAL (
        SELECT account_id FROM main.chunks
        WHERE carrier_id = $1 AND priority = w.priority AND account_id > w.account_id AND account_id <= w.last
          AND lease_until < now()
        ORDER BY account_id LIMIT 1
    ) next
    WHERE w.step < $4
),
candidates AS (
    SELECT w.place, w.lap, w.account_id, c.id, c.n - c.intended AS open,
           row_number() OVER (PARTITION BY w.place, w.account_id ORDER BY c.id) AS turn
    FROM walk w CROSS JOIN LATERAL (
        SELECT id, n, intended FROM main.chunks
        WHERE carrier_id = $1 AND priority = w.priority AND account_id = w.account_id AND lease_until < now()
        ORDER BY id LIMIT 64
    ) c
),
picked AS (
    SELECT account_id, id, sum(open) OVER (ORDER BY place, turn, lap, account_id, id) - open AS before
    FROM candidates
),
unhurried AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE main.chunks c SET lease_owner = $6, lease_until = now() + make_interval(secs => $7)
FROM picked p CROSS JOIN unhurried
WHERE c.account_id = p.account_id AND c.id = p.id AND p.before < $5 AND c.lease_until < now()
RETURNING c.account_id, c.id, c.mode, c.carrier_id, c.priority, c.message_ids, c.intended, c.dropped, c.attempt,
          c.body_expires_on, c.min_expires_at, old.lease_owner IS DISTINCT FROM $6 AS was_anothers
"""
"""Two laps for each priority: from behind the account served last to the end, and from the beginning to it."""


async def lease_chunks(
    conn: Conn,
    *,
    carrier_id: UUID,
    owner: str,
    lease_seconds: float,
    priorities: Sequence[int],
    after: Sequence[UUID],
    accounts_max: int,
    messages_max: int,
) -> list[Chunk]:
    """Take chunks of one carrier: the first priority first, and within one the accounts in turn.

    `after` names, for each priority, the account that was served last: the round goes on behind it and ends with it.
    The lease joins no other table and skips nothing by lock: a chunk that another worker took meanwhile fails the
    last test. It does not wait for the disk: who loses it with the server's memory may declare nothing in it.
    """
    rows = await conn.fetch(
        LEASE,
        carrier_id,
        list(priorities),
        list(after),
        accounts_max,
        messages_max,
        owner,
        lease_seconds,
        EVERYBODY,
        NOBODY,
    )
    return [_chunk(row, was_anothers=row["was_anothers"]) for row in rows]


def _chunk(row: Row, *, was_anothers: bool = False) -> Chunk:
    return Chunk(
        account_id=row["account_id"],
        id=row["id"],
        mode=row["mode"],
        carrier_id=row["carrier_id"],
        priority=row["priority"],
        message_ids=row["message_ids"],
        intended=row["intended"],
        dropped=set(row["dropped"]),
        attempt=row["attempt"],
        body_expires_on=row["body_expires_on"],
        min_expires_at=row["min_expires_at"],
        was_anothers=was_anothers,
    )


@dataclass(frozen=True, slots=True)
class Declared:
    """What one declaration found: chunks that are still ours, with what must not leave; who may not be contacted."""

    dropped: dict[UUID, set[int]]
    standing: dict[tuple[UUID, bytes], str]
    at: datetime | None


async def declare_intent(
    conn: Conn,
    *,
    owner: str,
    account_ids: Sequence[UUID],
    chunk_ids: Sequence[UUID],
    intended: Sequence[int],
    macs: Sequence[bytes],
    lease_seconds: float,
) -> Declared:
    """Say how far each chunk may have left, and ask in the same statement who must not be contacted.

    One statement, so one transaction and one round trip. The row lock orders it against a cancel: whoever comes
    second sees the first. Chunks that are absent from the answer are no longer ours. A lease that ran out while the
    database was away, and that nobody took since, is ours still, and is renewed.
    """
    rows = await conn.fetch(
        """
        WITH declared AS (
            UPDATE main.chunks c SET intended = greatest(c.intended, s.intended),
                lease_until = greatest(c.lease_until, now() + make_interval(secs => $6))
            FROM unnest($2::uuid[], $3::uuid[], $4::smallint[]) AS s (account_id, id, intended)
            WHERE c.account_id = s.account_id AND c.id = s.id AND c.account_id = ANY($2)
              AND c.lease_owner = $1 AND c.lease_until > '-infinity'
            RETURNING c.account_id, c.id, c.dropped
        )
        SELECT account_id, id, dropped, now() AS at, NULL::bytea AS mac, NULL::text AS state FROM declared
        UNION ALL
        SELECT account_id, NULL, NULL, NULL, mac, state FROM main.standing
        WHERE account_id = ANY($2) AND mac = ANY($5) AND scope IN (0, 1)
        """,
        owner,
        list(account_ids),
        list(chunk_ids),
        list(intended),
        list(macs),
        lease_seconds,
    )
    dropped = {row["id"]: set(row["dropped"]) for row in rows if row["id"] is not None}
    standing = {(row["account_id"], row["mac"]): row["state"] for row in rows if row["mac"] is not None}
    return Declared(dropped, standing, next((row["at"] for row in rows if row["at"] is not None), None))


async def renew_leases(
    conn: Conn, *, owner: str, account_ids: Sequence[UUID], chunk_ids: Sequence[UUID], lease_seconds: float
) -> set[UUID]:
    """Keep chunks; returns those that are still ours."""
    rows = await conn.fetch(
        """
        UPDATE main.chunks c SET lease_until = now() + make_interval(secs => $4)
        FROM unnest($2::uuid[], $3::uuid[]) AS s (account_id, id)
        WHERE c.account_id = s.account_id AND c.id = s.id AND c.account_id = ANY($2)
          AND c.lease_owner = $1 AND c.lease_until > '-infinity'
        RETURNING c.id
        """,
        owner,
        list(account_ids),
        list(chunk_ids),
        lease_seconds,
    )
    return {row["id"] for row in rows}


async def release_chunks(conn: Conn, *, owner: str, account_ids: Sequence[UUID], chunk_ids: Sequence[UUID]) -> None:
    """Give chunks back before their lease ends."""
    await conn.execute(
        """
        UPDATE main.chunks c SET lease_until = '-infinity'
        FROM unnest($2::uuid[], $3::uuid[]) AS s (account_id, id)
        WHERE c.account_id = s.account_id AND c.id = s.id AND c.account_id = ANY($2) AND c.lease_owner = $1
        """,
        owner,
        list(account_ids),
        list(chunk_ids),
    )


async def release_of_owner(conn: Conn, *, owner: str) -> None:
    """A restarted worker under its old name gives up what its former life held, so that it is leased again at once."""
    await conn.execute("UPDATE main.chunks SET lease_until = '-infinity' WHERE lease_owner = $1", owner)


async def resolved_of_chunk(conn: Conn, *, account_id: UUID, chunk_id: UUID, message_ids: Sequence[UUID]) -> set[UUID]:
    """Which messages of a chunk somebody has already accounted for: an outcome, a wait, or another chunk."""
    rows = await conn.fetch(
        """
        SELECT message_id FROM main.outcomes
        WHERE account_id = $1 AND message_id = ANY($3) AND message_id >= $4 AND message_id <= $5
        UNION SELECT message_id FROM main.waiting WHERE account_id = $1 AND message_id = ANY($3)
        UNION SELECT message_id FROM main.moved
        WHERE account_id = $1 AND message_id = ANY($3) AND message_id >= $4 AND message_id <= $5 AND chunk_id <> $2
        """,
        account_id,
        chunk_id,
        list(message_ids),
        min(message_ids),
        max(message_ids),
    )
    return {row["message_id"] for row in rows}


async def delete_chunks(conn: Conn, *, account_ids: Sequence[UUID], chunk_ids: Sequence[UUID]) -> None:
    """The last message of these chunks is accounted for."""
    await conn.execute(
        """
        DELETE FROM main.chunks c USING unnest($1::uuid[], $2::uuid[]) AS done (account_id, id)
        WHERE c.account_id = done.account_id AND c.id = done.id AND c.account_id = ANY($1)
        """,
        list(account_ids),
        list(chunk_ids),
    )


@dataclass(frozen=True, slots=True)
class Due:
    """A message whose wait is over, or whose time has run out."""

    account_id: UUID
    message_id: UUID
    mode: int
    carrier_id: UUID
    priority: int
    attempt: int
    why: int
    expires_at: datetime
    body_expires_on: date


async def take_due(conn: Conn, *, limit: int) -> list[Due]:
    """Take what waits no longer; the caller puts it into chunks in the same transaction."""
    rows = await conn.fetch(
        """
        DELETE FROM main.waiting w USING (
            SELECT account_id, message_id FROM main.waiting WHERE due_at <= now()
            ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
        ) due
        WHERE w.account_id = due.account_id AND w.message_id = due.message_id
        RETURNING w.account_id, w.message_id, w.mode, w.carrier_id, w.priority, w.attempt, w.why, w.expires_at,
                  w.body_expires_on
        """,
        limit,
    )
    return [Due(*row.values()) for row in rows]


async def insert_moved(
    conn: Conn,
    *,
    account_ids: Sequence[UUID],
    message_ids: Sequence[UUID],
    chunk_ids: Sequence[UUID],
    positions: Sequence[int],
) -> None:
    """Remember where a message is now."""
    await conn.execute(
        """
        INSERT INTO main.moved (account_id, message_id, chunk_id, position)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[])
        ON CONFLICT (account_id, message_id)
        DO UPDATE SET chunk_id = EXCLUDED.chunk_id, position = EXCLUDED.position
        """,
        list(account_ids),
        list(message_ids),
        list(chunk_ids),
        list(positions),
    )


async def take_expired_waiting(conn: Conn, *, limit: int) -> list[Due]:
    """Take what waits although its time has run out."""
    rows = await conn.fetch(
        """
        DELETE FROM main.waiting w USING (
            SELECT account_id, message_id FROM main.waiting WHERE expires_at <= now()
            LIMIT $1 FOR UPDATE SKIP LOCKED
        ) late
        WHERE w.account_id = late.account_id AND w.message_id = late.message_id
        RETURNING w.account_id, w.message_id, w.mode, w.carrier_id, w.priority, w.attempt, w.why, w.expires_at,
                  w.body_expires_on
        """,
        limit,
    )
    return [Due(*row.values()) for row in rows]


async def lock_expired_chunks(conn: Conn, *, limit: int) -> list[Chunk]:
    """Lock chunks that nobody works on and that hold a message whose time has run out."""
    rows = await conn.fetch(
        """
        SELECT account_id, id, mode, carrier_id, priority, message_ids, intended, dropped, attempt, body_expires_on,
               min_expires_at
        FROM main.chunks WHERE min_expires_at <= now() AND lease_until < now()
        ORDER BY min_expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
        """,
        limit,
    )
    return [_chunk(row) for row in rows]


async def expiries_of(
    conn: Conn, *, account_id: UUID, message_ids: Sequence[UUID]
) -> list[tuple[UUID, bool, datetime]]:
    """(message, is expired, expires_at) by the database's clock."""
    rows = await conn.fetch(
        """
        SELECT id, expires_at <= now() AS is_expired, expires_at FROM main.messages
        WHERE account_id = $1 AND id = ANY($2) AND id >= $3 AND id <= $4
        """,
        account_id,
        list(message_ids),
        min(message_ids),
        max(message_ids),
    )
    return [(row["id"], row["is_expired"], row["expires_at"]) for row in rows]


async def drop_positions(
    conn: Conn, *, account_id: UUID, chunk_id: UUID, positions: Sequence[int], min_expires_at: datetime
) -> None:
    """Positions of a locked chunk that must not leave."""
    await conn.execute(
        """
        UPDATE main.chunks SET dropped = dropped || $3::smallint[], min_expires_at = $4
        WHERE account_id = $1 AND id = $2
        """,
        account_id,
        chunk_id,
        list(positions),
        min_expires_at,
    )


async def take_waiting(conn: Conn, *, account_id: UUID, message_id: UUID) -> bool:
    """Take one message that has not left out of its wait; False when none such waits."""
    found = await conn.fetchval(
        "DELETE FROM main.waiting WHERE account_id = $1 AND message_id = $2 AND why <> $3 RETURNING true",
        account_id,
        message_id,
        int(Why.UNCLEAR_RESEND),
    )
    return found is not None


async def lock_place(conn: Conn, *, account_id: UUID, message_id: UUID) -> tuple[UUID, int, int, datetime] | None:
    """Lock the chunk that holds a message: (chunk, its position, intended, min_expires_at); None when none does."""
    row = await conn.fetchrow(
        """
        SELECT c.id, place.position, c.intended, c.min_expires_at
        FROM (
            SELECT coalesce(v.chunk_id, m.chunk_id) AS chunk_id, coalesce(v.position, m.position) AS position
            FROM main.messages m
            LEFT JOIN main.moved v ON v.account_id = $1 AND v.message_id = $2
            WHERE m.account_id = $1 AND m.id = $2
        ) place
        JOIN main.chunks c ON c.account_id = $1 AND c.id = place.chunk_id
        FOR UPDATE OF c
        """,
        account_id,
        message_id,
    )
    return None if row is None else (row["id"], row["position"], row["intended"], row["min_expires_at"])


async def lanes_of_everyone(conn: Conn) -> list[UUID]:
    """The carriers that chunks wait for: one step down the index for each, however many chunks there are."""
    rows = await conn.fetch(
        """
        WITH RECURSIVE lane AS (
            (SELECT carrier_id FROM main.chunks ORDER BY carrier_id LIMIT 1)
            UNION ALL
            SELECT (SELECT c.carrier_id FROM main.chunks c WHERE c.carrier_id > lane.carrier_id
                    ORDER BY c.carrier_id LIMIT 1)
            FROM lane WHERE lane.carrier_id IS NOT NULL
        )
        SELECT carrier_id FROM lane WHERE carrier_id IS NOT NULL
        """
    )
    return [row["carrier_id"] for row in rows]


async def idle_in_lane(conn: Conn, *, carrier_id: UUID) -> list[tuple[UUID, int]]:
    """(Account, mode) of the chunks of a lane that nobody works on."""
    rows = await conn.fetch(
        "SELECT account_id, mode FROM main.chunks WHERE carrier_id = $1 AND lease_until < now() GROUP BY 1, 2",
        carrier_id,
    )
    return [(row["account_id"], row["mode"]) for row in rows]


async def move_lane(
    conn: Conn, *, account_id: UUID, mode: int, from_carrier: UUID, to_carrier: UUID, limit: int
) -> int:
    """Put an account's chunks that nobody works on onto another carrier; whoever held them last owns them no more."""
    status: str = await conn.execute(
        """
        UPDATE main.chunks c SET carrier_id = $4, lease_owner = NULL, lease_until = '-infinity'
        FROM (
            SELECT account_id, id FROM main.chunks
            WHERE carrier_id = $3 AND account_id = $1 AND mode = $2 AND lease_until < now()
            LIMIT $5 FOR UPDATE SKIP LOCKED
        ) idle
        WHERE c.account_id = $1 AND c.id = idle.id
        """,
        account_id,
        mode,
        from_carrier,
        to_carrier,
        limit,
    )
    return int(status.rpartition(" ")[2])
