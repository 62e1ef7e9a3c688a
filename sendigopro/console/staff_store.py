"""The SQL of the pages of the installation: accounts by number and counts, queues, workers; nothing about anybody."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sendigopro.foundation.postgres import Conn


@dataclass(frozen=True, slots=True)
class StaffAccount:
    """An account as the staff sees it."""

    id: UUID
    state: str
    created_at: datetime
    closed_at: datetime | None
    currency: str
    balance_micros: int
    held_micros: int
    limit_micros: int | None
    live_messages: int
    test_messages: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is not due yet, for a carrier; counted up to a limit."""

    carrier_id: UUID
    n: int
    next_due: datetime


@dataclass(frozen=True, slots=True)
class StaffWorker:
    """A worker, and what it holds."""

    name: str
    seen_at: datetime
    is_alive: bool
    binds: int
    chunks: int
    messages: int


ACCOUNT = """
    SELECT a.id, a.state, a.created_at, a.closed_at, a.currency, c.balance_micros, c.held_micros, c.limit_micros,
           coalesce(t.live, 0)::bigint, coalesce(t.test, 0)::bigint
      FROM main.accounts a
      JOIN main.credit c ON c.account_id = a.id
      LEFT JOIN LATERAL (
           SELECT sum(n) FILTER (WHERE mode = 1) AS live, sum(n) FILTER (WHERE mode = 0) AS test FROM main.tallies
            WHERE account_id = a.id AND hour >= now() - interval '24 hours' AND rank = 0) t ON true
"""
ALIVE_SECONDS = 10.0
WAITING_MAX = 100_000


async def list_accounts_of_everyone(
    conn: Conn, *, state: str | None, before: UUID | None, limit: int
) -> list[StaffAccount]:
    """The newest first, along the primary key."""
    rows = await conn.fetch(
        f"{ACCOUNT} WHERE ($1::text IS NULL OR a.state = $1) AND ($2::uuid IS NULL OR a.id < $2)"
        " ORDER BY a.id DESC LIMIT $3",
        state,
        before,
        limit,
    )
    return [StaffAccount(*row) for row in rows]


async def read_account(conn: Conn, *, account_id: UUID) -> StaffAccount | None:
    row = await conn.fetchrow(f"{ACCOUNT} WHERE a.id = $1", account_id)
    return None if row is None else StaffAccount(*row)


async def count_parts(conn: Conn, *, account_id: UUID) -> tuple[int, int, int, int]:
    """Members, keys that open something, senders, endpoints: how many."""
    row = await conn.fetchrow(
        """
        SELECT (SELECT count(*) FROM main.members WHERE account_id = $1),
               (SELECT count(*) FROM main.api_keys WHERE account_id = $1 AND revoked_at IS NULL),
               (SELECT count(*) FROM main.senders WHERE account_id = $1),
               (SELECT count(*) FROM main.webhook_endpoints WHERE account_id = $1 AND NOT is_callback)
        """,
        account_id,
    )
    assert row is not None  # it counts
    return row[0], row[1], row[2], row[3]


async def lately_active(conn: Conn, *, limit: int) -> list[UUID]:
    """Accounts that were counted for in this hour or the last."""
    rows = await conn.fetch(
        """
        SELECT a.id FROM main.accounts a
         WHERE a.closed_at IS NULL AND EXISTS (
               SELECT FROM main.tallies
                WHERE account_id = a.id AND hour >= date_trunc('hour', now()) - interval '1 hour')
         LIMIT $1
        """,
        limit,
    )
    return [row[0] for row in rows]


async def read_waiting_of_everyone(conn: Conn) -> list[Waiting]:
    rows = await conn.fetch(
        """
        SELECT carrier_id, count(*), min(due_at)
          FROM (SELECT carrier_id, due_at FROM main.waiting ORDER BY due_at LIMIT $1) w GROUP BY carrier_id
        """,
        WAITING_MAX,
    )
    return [Waiting(*row) for row in rows]


async def read_workers(conn: Conn) -> list[StaffWorker]:
    """By name, with what they hold by lease."""
    rows = await conn.fetch(
        """
        WITH leased AS (
            SELECT lease_owner, count(*) AS chunks, sum(n - intended) AS messages FROM main.chunks
             WHERE lease_until > now() GROUP BY lease_owner
        ), bound AS (
            SELECT owner, count(*) AS binds FROM main.carrier_binds WHERE lease_until > now() GROUP BY owner
        )
        SELECT w.name, w.seen_at, w.seen_at > now() - $1::interval, coalesce(b.binds, 0), coalesce(l.chunks, 0),
               coalesce(l.messages, 0)::bigint
          FROM main.workers w
          LEFT JOIN bound b ON b.owner = w.name
          LEFT JOIN leased l ON l.lease_owner = w.name
         ORDER BY w.name
        """,
        timedelta(seconds=ALIVE_SECONDS),
    )
    return [StaffWorker(*row) for row in rows]


async def database_bytes(conn: Conn) -> int:
    size: int = await conn.fetchval("SELECT pg_database_size(current_database())")
    return size
