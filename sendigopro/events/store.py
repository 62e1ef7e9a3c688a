"""All the SQL of events and the outbox."""

from collections.abc import Sequence
from uuid import UUID

from sendigopro.events.model import Batch, decode, encode
from sendigopro.foundation.postgres import Conn


async def publish(conn: Conn, batches: Sequence[Batch], *, owner: str, lease_seconds: float) -> None:
    """Write batches and the outbox rows that say they must still be told, in the writer's transaction.

    `owner` posts them from memory after the commit; when nobody listens here, pass lease_seconds=0 and
    another process leases them.
    """
    await conn.execute(
        """
        WITH written AS (
            INSERT INTO main.events (account_id, id, mode, n, payload)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::smallint[], $5::bytea[])
            RETURNING account_id, id, mode
        )
        INSERT INTO main.outbox (account_id, id, mode, lease_owner, lease_until)
        SELECT account_id, id, mode, $6, now() + make_interval(secs => $7) FROM written
        """,
        [b.account_id for b in batches],
        [b.id for b in batches],
        [b.mode for b in batches],
        [len(b.events) for b in batches],
        [encode(b.events) for b in batches],
        owner,
        lease_seconds,
    )


async def read_batches(conn: Conn, *, account_ids: Sequence[UUID], batch_ids: Sequence[UUID]) -> list[Batch]:
    """Batches by id, for whoever leased them from the outbox."""
    rows = await conn.fetch(
        """
        SELECT account_id, id, mode, payload FROM main.events
        WHERE account_id = ANY($1) AND id = ANY($2) AND id >= $3 AND id <= $4
        """,
        list(account_ids),
        list(batch_ids),
        min(batch_ids),
        max(batch_ids),
    )
    return [Batch(row["account_id"], row["mode"], row["id"], decode(row["payload"])) for row in rows]


async def finish(conn: Conn, *, account_ids: Sequence[UUID], batch_ids: Sequence[UUID]) -> None:
    """Take batches off the outbox: everybody has been told, or is in somebody's list of retries."""
    await conn.execute(
        """
        DELETE FROM main.outbox o USING unnest($1::uuid[], $2::uuid[]) AS done (account_id, id)
        WHERE o.account_id = done.account_id AND o.id = done.id AND o.account_id = ANY($1)
        """,
        list(account_ids),
        list(batch_ids),
    )


async def renew(
    conn: Conn, *, owner: str, lease_seconds: float, account_ids: Sequence[UUID], batch_ids: Sequence[UUID]
) -> None:
    """Keep what this owner still works on."""
    await conn.execute(
        """
        UPDATE main.outbox o SET lease_until = now() + make_interval(secs => $2)
        FROM unnest($3::uuid[], $4::uuid[]) AS kept (account_id, id)
        WHERE o.account_id = kept.account_id AND o.id = kept.id AND o.account_id = ANY($3) AND o.lease_owner = $1
        """,
        owner,
        lease_seconds,
        list(account_ids),
        list(batch_ids),
    )


async def give_back(conn: Conn, *, owner: str, account_ids: Sequence[UUID], batch_ids: Sequence[UUID]) -> None:
    """Let others lease what this owner has no room for."""
    await conn.execute(
        """
        UPDATE main.outbox o SET lease_until = '-infinity'
        FROM unnest($2::uuid[], $3::uuid[]) AS given (account_id, id)
        WHERE o.account_id = given.account_id AND o.id = given.id AND o.account_id = ANY($2) AND o.lease_owner = $1
        """,
        owner,
        list(account_ids),
        list(batch_ids),
    )


async def lease_orphans_of_everyone(
    conn: Conn, *, owner: str, lease_seconds: float, limit: int
) -> list[tuple[UUID, UUID, int]]:
    """Take over batches whose owner died: (account, batch, mode)."""
    rows = await conn.fetch(
        """
        UPDATE main.outbox o SET lease_owner = $1, lease_until = now() + make_interval(secs => $2)
        FROM (
            SELECT account_id, id FROM main.outbox WHERE lease_until < now()
            ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
        ) orphan
        WHERE o.account_id = orphan.account_id AND o.id = orphan.id
        RETURNING o.account_id, o.id, o.mode
        """,
        owner,
        lease_seconds,
        limit,
    )
    return [(row["account_id"], row["id"], row["mode"]) for row in rows]


async def release_of_owner(conn: Conn, *, owner: str) -> None:
    """A restarted process gives up what its former life held, so that it is leased again at once."""
    await conn.execute("UPDATE main.outbox SET lease_until = '-infinity' WHERE lease_owner = $1", owner)


async def read_after(
    conn: Conn, *, account_id: UUID, mode: int, after: tuple[int, UUID], lowest_id: UUID, limit: int
) -> list[tuple[int, Batch]]:
    """Batches in the order of their transactions, with the transaction's number, after (number, batch id).

    What is newer than the oldest transaction under way is left out, so a reader that goes on from the last one
    it saw misses none. `lowest_id` only spares partitions that are known to be over.
    """
    rows = await conn.fetch(
        """
        SELECT xid, account_id, mode, id, payload FROM main.events
        WHERE account_id = $1 AND mode = $2 AND (xid, id) > ($3::xid8, $4) AND id >= $5
          AND xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY xid, id LIMIT $6
        """,
        account_id,
        mode,
        after[0],
        after[1],
        lowest_id,
        limit,
    )
    return [(row["xid"], Batch(row["account_id"], row["mode"], row["id"], decode(row["payload"]))) for row in rows]


async def find_batch(
    conn: Conn, *, account_id: UUID, mode: int, event_id: bytes, between: tuple[UUID, UUID]
) -> Batch | None:
    """The batch that holds an event; `between` are batch ids around the event's time."""
    row = await conn.fetchrow(
        """
        SELECT account_id, mode, id, payload FROM main.events
        WHERE account_id = $1 AND mode = $2 AND id BETWEEN $4 AND $5 AND position($3::bytea IN payload) > 0
        """,
        account_id,
        mode,
        event_id,
        *between,
    )
    return Batch(row["account_id"], row["mode"], row["id"], decode(row["payload"])) if row is not None else None
