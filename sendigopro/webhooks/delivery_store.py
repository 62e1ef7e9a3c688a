"""The SQL of retries, of attempts made, and of replays."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sendigopro.foundation.postgres import Conn
from sendigopro.webhooks.model import Attempt, DeliveryRow, Health, Put, Replay, RetryRow

# The whole schedule takes 27 h 45 min, with jitter three hours more; who rested in between was asked less often.
LATE_HOURS = 48


async def relax_commit(conn: Conn) -> None:
    """What this transaction writes may be lost with the machine's power: all of it, and then the outbox tells again."""
    await conn.execute("SET LOCAL synchronous_commit = off")


async def insert_retries(conn: Conn, *, puts: Sequence[Put]) -> None:
    """Write down what must be tried again; what stands there already stays as it is."""
    rows = [put.row for put in puts]
    await conn.execute(
        """
        INSERT INTO main.webhook_retries
            (account_id, lane_id, event_id, batch_id, endpoint_id, mode, attempts, due_at)
        SELECT a, l, e, b, p, m, n, now() + make_interval(secs => s)
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::smallint[], $7::smallint[],
                    $8::float8[]) AS t (a, l, e, b, p, m, n, s)
        ON CONFLICT (account_id, lane_id, event_id) DO NOTHING
        """,
        [row.account_id for row in rows],
        [row.lane_id for row in rows],
        [row.event_id for row in rows],
        [row.batch_id for row in rows],
        [row.endpoint_id for row in rows],
        [row.mode for row in rows],
        [row.attempts for row in rows],
        [put.pause_seconds for put in puts],
    )


async def replay_events(conn: Conn, *, row: RetryRow, event_ids: Sequence[UUID], batch_ids: Sequence[UUID]) -> None:
    """Make events due now for one endpoint, with all their attempts before them."""
    await conn.execute(
        """
        INSERT INTO main.webhook_retries
            (account_id, lane_id, event_id, batch_id, endpoint_id, mode, attempts, due_at)
        SELECT $1, $2, e, b, $3, $4, 0, now() FROM unnest($5::uuid[], $6::uuid[]) AS t (e, b)
        ON CONFLICT (account_id, lane_id, event_id)
        DO UPDATE SET attempts = 0, first_at = now(), due_at = now(), lease_owner = NULL, lease_until = '-infinity'
        """,
        row.account_id,
        row.lane_id,
        row.endpoint_id,
        row.mode,
        list(event_ids),
        list(batch_ids),
    )


async def lease_due_of_everyone(
    conn: Conn, *, owner: str, lease_seconds: float, resting: Sequence[UUID], per_lane: int, limit: int
) -> list[RetryRow]:
    """Take what is due, a few of each receiver, so that one with a million is one among others.

    `resting` are receivers that must not be asked now. The receivers themselves are found by hopping along the index.
    """
    rows = await conn.fetch(
        """
        WITH RECURSIVE lanes AS (
            (SELECT account_id, lane_id FROM main.webhook_retries ORDER BY account_id, lane_id LIMIT 1)
            UNION ALL
            SELECT following.account_id, following.lane_id FROM lanes, LATERAL (
                SELECT r.account_id, r.lane_id FROM main.webhook_retries r
                WHERE (r.account_id, r.lane_id) > (lanes.account_id, lanes.lane_id)
                ORDER BY r.account_id, r.lane_id LIMIT 1
            ) following
        ), due AS (
            SELECT picked.* FROM lanes, LATERAL (
                SELECT r.account_id, r.lane_id, r.event_id FROM main.webhook_retries r
                WHERE r.account_id = lanes.account_id AND r.lane_id = lanes.lane_id
                  AND r.due_at <= now() AND r.lease_until <= now()
                ORDER BY r.due_at LIMIT $4 FOR UPDATE SKIP LOCKED
            ) picked
            WHERE lanes.lane_id <> ALL($3::uuid[])
            LIMIT $5
        )
        UPDATE main.webhook_retries r SET lease_owner = $1, lease_until = now() + make_interval(secs => $2)
        FROM due
        WHERE r.account_id = due.account_id AND r.lane_id = due.lane_id AND r.event_id = due.event_id
        RETURNING r.account_id, r.lane_id, r.event_id, r.batch_id, r.endpoint_id, r.mode, r.attempts
        """,
        owner,
        lease_seconds,
        list(resting),
        per_lane,
        limit,
    )
    return [RetryRow(*row) for row in rows]


async def renew_retries(conn: Conn, *, owner: str, lease_seconds: float, rows: Sequence[RetryRow]) -> None:
    """Keep what is still waiting here."""
    await conn.execute(
        """
        UPDATE main.webhook_retries r SET lease_until = now() + make_interval(secs => $2)
        FROM unnest($3::uuid[], $4::uuid[], $5::uuid[]) AS t (account_id, lane_id, event_id)
        WHERE r.account_id = t.account_id AND r.lane_id = t.lane_id AND r.event_id = t.event_id
          AND r.account_id = ANY($3) AND r.lease_owner = $1
        """,
        owner,
        lease_seconds,
        [row.account_id for row in rows],
        [row.lane_id for row in rows],
        [row.event_id for row in rows],
    )


async def release_retries_of_owner(conn: Conn, *, owner: str) -> None:
    """A restarted process gives up what its former life held."""
    await conn.execute(
        """
        UPDATE main.webhook_retries SET lease_until = '-infinity', lease_owner = NULL
        WHERE lease_owner = $1 AND lease_until > now()
        """,
        owner,
    )


async def delete_retries(conn: Conn, *, owner: str, rows: Sequence[RetryRow]) -> None:
    """These receivers have been told, or never will be; what somebody wants replayed meanwhile is ours no longer."""
    await conn.execute(
        """
        DELETE FROM main.webhook_retries r
        USING unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS t (account_id, lane_id, event_id)
        WHERE r.account_id = t.account_id AND r.lane_id = t.lane_id AND r.event_id = t.event_id
          AND r.account_id = ANY($1) AND r.lease_owner = $4
        """,
        [row.account_id for row in rows],
        [row.lane_id for row in rows],
        [row.event_id for row in rows],
        owner,
    )


async def put_back(conn: Conn, *, owner: str, puts: Sequence[Put]) -> None:
    """Wait again: a failed attempt is counted in `attempts`, one that was not made is not."""
    rows = [put.row for put in puts]
    await conn.execute(
        """
        UPDATE main.webhook_retries r
        SET attempts = t.attempts, due_at = now() + make_interval(secs => t.pause),
            lease_owner = NULL, lease_until = '-infinity'
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], $5::float8[])
            AS t (account_id, lane_id, event_id, attempts, pause)
        WHERE r.account_id = t.account_id AND r.lane_id = t.lane_id AND r.event_id = t.event_id
          AND r.account_id = ANY($1) AND r.lease_owner = $6
        """,
        [row.account_id for row in rows],
        [row.lane_id for row in rows],
        [row.event_id for row in rows],
        [row.attempts for row in rows],
        [put.pause_seconds for put in puts],
        owner,
    )


async def delete_retries_of_endpoint(conn: Conn, *, account_id: UUID, endpoint_id: UUID) -> None:
    """A disabled endpoint is told nothing more; its account may replay."""
    await conn.execute(
        "DELETE FROM main.webhook_retries WHERE account_id = $1 AND lane_id = $2", account_id, endpoint_id
    )


async def delete_late_of_everyone(conn: Conn) -> None:
    """Give up what has waited longer than the whole schedule."""
    await conn.execute(
        "DELETE FROM main.webhook_retries WHERE first_at < now() - make_interval(hours => $1)", LATE_HOURS
    )


async def count_retries(conn: Conn, *, account_id: UUID, lane_id: UUID, at_most: int) -> int:
    count: int = await conn.fetchval(
        """
        SELECT count(*) FROM (
            SELECT 1 FROM main.webhook_retries WHERE account_id = $1 AND lane_id = $2 LIMIT $3
        ) counted
        """,
        account_id,
        lane_id,
        at_most,
    )
    return count


async def append_deliveries(conn: Conn, *, rows: Sequence[DeliveryRow]) -> None:
    """Rows with arrays do not fit into unnest, so they go one by one, in one round trip."""
    await conn.executemany(
        """
        INSERT INTO main.webhook_deliveries (account_id, id, mode, endpoint_id, event_ids, codes, millis, attempts)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        [
            (row.account_id, row.id, row.mode, row.endpoint_id, row.event_ids, row.codes, row.millis, row.attempts)
            for row in rows
        ],
    )


async def list_attempts(
    conn: Conn,
    *,
    account_id: UUID,
    mode: int,
    since: UUID,
    until: UUID,
    after: tuple[UUID, int] | None,
    endpoint_id: UUID | None,
    event_id: UUID | None,
    succeeded: bool | None,
    limit: int,
) -> list[Attempt]:
    """Attempts, the newest first; `since` and `until` bound the ids of rows, so that partitions prune."""
    after_id, after_position = after if after is not None else (until, 0)
    rows = await conn.fetch(
        """
        SELECT d.id, a.position::int, d.endpoint_id, a.event_id, a.code, a.millis, a.attempt
        FROM main.webhook_deliveries d,
             unnest(d.event_ids, d.codes, d.millis, d.attempts) WITH ORDINALITY
                 AS a (event_id, code, millis, attempt, position)
        WHERE d.account_id = $1 AND d.mode = $2 AND d.id >= $3 AND d.id <= $4
          AND (d.id, a.position) < ($4, $5)
          AND ($6::uuid IS NULL OR d.endpoint_id = $6)
          AND ($7::uuid IS NULL OR (d.event_ids @> ARRAY[$7] AND a.event_id = $7))
          AND ($8::bool IS NULL OR (a.code BETWEEN 200 AND 299) = $8)
        ORDER BY d.id DESC, a.position DESC LIMIT $9
        """,
        account_id,
        mode,
        since,
        after_id,
        after_position,
        endpoint_id,
        event_id,
        succeeded,
        limit,
    )
    return [Attempt(*row) for row in rows]


async def read_health(conn: Conn, *, account_id: UUID, mode: int, since: UUID, limit: int) -> list[Health]:
    """How endpoints did lately, by the newest rows of attempts, so many at most."""
    rows = await conn.fetch(
        """
        SELECT d.endpoint_id,
               (array_agg(d.id ORDER BY d.id DESC) FILTER (WHERE a.good > 0))[1],
               sum(a.good)::int, sum(a.bad)::int
        FROM (
            SELECT id, endpoint_id, codes FROM main.webhook_deliveries
            WHERE account_id = $1 AND mode = $2 AND id >= $3 ORDER BY id DESC LIMIT $4
        ) d, LATERAL (
            SELECT count(*) FILTER (WHERE c BETWEEN 200 AND 299) AS good,
                   count(*) FILTER (WHERE c NOT BETWEEN 200 AND 299) AS bad
            FROM unnest(d.codes) c
        ) a
        GROUP BY d.endpoint_id
        """,
        account_id,
        mode,
        since,
        limit,
    )
    return [Health(*row) for row in rows]


async def insert_replay(
    conn: Conn, *, account_id: UUID, replay_id: UUID, mode: int, endpoint_id: UUID, since: datetime
) -> Replay:
    (row,) = await conn.fetch(
        """
        INSERT INTO main.webhook_replays (account_id, id, mode, endpoint_id, since) VALUES ($1, $2, $3, $4, $5)
        RETURNING account_id, id, mode, endpoint_id, since, until, after_xid, after_id, queued, false
        """,
        account_id,
        replay_id,
        mode,
        endpoint_id,
        since,
    )
    return Replay(*row)


async def lease_replays_of_everyone(conn: Conn, *, lease_seconds: float, limit: int) -> list[Replay]:
    """Replays that nobody is working on."""
    rows = await conn.fetch(
        """
        UPDATE main.webhook_replays r SET lease_until = now() + make_interval(secs => $1)
        FROM (
            SELECT account_id, id FROM main.webhook_replays
            WHERE finished_at IS NULL AND lease_until < now() ORDER BY lease_until LIMIT $2 FOR UPDATE SKIP LOCKED
        ) open
        WHERE r.account_id = open.account_id AND r.id = open.id
        RETURNING r.account_id, r.id, r.mode, r.endpoint_id, r.since, r.until, r.after_xid, r.after_id, r.queued,
                  r.until_xid <= pg_snapshot_xmin(pg_current_snapshot())
        """,
        lease_seconds,
        limit,
    )
    return [Replay(*row) for row in rows]


async def advance_replay(
    conn: Conn,
    *,
    account_id: UUID,
    replay_id: UUID,
    after_xid: int,
    after_id: UUID,
    queued: int,
    pause_seconds: float | None,
) -> None:
    """Note how far it has come, and when it goes on: never, when there is no pause."""
    await conn.execute(
        """
        UPDATE main.webhook_replays
        SET after_xid = $3, after_id = $4, queued = queued + $5,
            lease_until = now() + make_interval(secs => coalesce($6, 0)),
            finished_at = CASE WHEN $6::float8 IS NULL THEN now() END
        WHERE account_id = $1 AND id = $2
        """,
        account_id,
        replay_id,
        after_xid,
        after_id,
        queued,
        pause_seconds,
    )
