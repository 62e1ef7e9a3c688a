"""The SQL of what carriers do just now: binds, what waits for them, what lately became of what they were given."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sendigopro.foundation.postgres import Conn
from sendigopro.messages.model import Rank

WORKS_SECONDS = 6.0
"""A worker says each two seconds which of its binds work."""
RECENTLY = timedelta(minutes=5)
RECENT_MAX = 2000
"""Of each account and end so many are looked at: then a page says "more than"."""
DELAYS_MAX = 300
SENT_RANKS = (Rank.SENT,)
GOOD_RANKS = (Rank.DELIVERED,)
BAD_RANKS = (Rank.REJECTED, Rank.FAILED, Rank.UNDELIVERED)
LOOKED_AT = (*SENT_RANKS, *GOOD_RANKS, *BAD_RANKS)


@dataclass(frozen=True, slots=True)
class Binds:
    """The binds of a carrier that a worker holds."""

    carrier_id: UUID
    owner: str
    held: int
    working: int
    since: datetime | None
    """Of the one that has worked longest without a break."""


@dataclass(frozen=True, slots=True)
class Lane:
    """What of one priority waits for a carrier."""

    carrier_id: UUID
    priority: int
    n: int
    oldest: UUID
    """The chunk's id says when it was made."""


@dataclass(frozen=True, slots=True)
class Recent:
    """How many messages came to one end with a carrier; at most as many as were looked at."""

    carrier_id: UUID
    rank: int
    n: int


@dataclass(frozen=True, slots=True)
class Delay:
    """From the carrier's yes to its receipt, in seconds."""

    carrier_id: UUID
    of: int
    p50: float
    p95: float


async def read_binds(conn: Conn, *, carrier_ids: Sequence[UUID]) -> list[Binds]:
    """By worker."""
    rows = await conn.fetch(
        """
        SELECT carrier_id, owner, count(*), count(*) FILTER (WHERE bound_at > now() - $2::interval),
               min(bound_since) FILTER (WHERE bound_at > now() - $2::interval)
          FROM main.carrier_binds
         WHERE carrier_id = ANY($1) AND lease_until > now()
         GROUP BY carrier_id, owner ORDER BY owner
        """,
        list(carrier_ids),
        timedelta(seconds=WORKS_SECONDS),
    )
    return [Binds(*row) for row in rows]


async def read_lanes(conn: Conn, *, account_id: UUID) -> list[Lane]:
    """What of an account waits for its turn."""
    rows = await conn.fetch(
        """
        SELECT carrier_id, priority, sum(n - intended)::bigint, min(id::text)::uuid FROM main.chunks
         WHERE account_id = $1 GROUP BY carrier_id, priority HAVING sum(n - intended) > 0 ORDER BY priority
        """,
        account_id,
    )
    return [Lane(*row) for row in rows]


async def read_lanes_of_everyone(conn: Conn) -> list[Lane]:
    rows = await conn.fetch(
        """
        SELECT carrier_id, priority, sum(n - intended)::bigint, min(id::text)::uuid FROM main.chunks
         GROUP BY carrier_id, priority HAVING sum(n - intended) > 0 ORDER BY carrier_id, priority
        """
    )
    return [Lane(*row) for row in rows]


async def read_recent(conn: Conn, *, account_ids: Sequence[UUID], since: UUID, limit: int) -> list[Recent]:
    """Ends of messages that were made since; of each account and end the newest `limit`, along the primary key."""
    rows = await conn.fetch(
        """
        SELECT o.carrier_id, r.rank, count(*)
          FROM unnest($1::uuid[]) AS a (account_id)
         CROSS JOIN unnest($2::smallint[]) AS r (rank)
         CROSS JOIN LATERAL (
               SELECT carrier_id FROM main.outcomes
                WHERE account_id = a.account_id AND rank = r.rank AND message_id >= $3
                ORDER BY message_id DESC LIMIT $4) o
         WHERE o.carrier_id IS NOT NULL
         GROUP BY 1, 2
        """,
        list(account_ids),
        [int(rank) for rank in LOOKED_AT],
        since,
        limit,
    )
    return [Recent(*row) for row in rows]


async def read_delays(conn: Conn, *, account_id: UUID, since: UUID, limit: int) -> list[Delay]:
    """Of the newest that were delivered."""
    rows = await conn.fetch(
        """
        WITH lately AS (
            SELECT d.carrier_id, extract(epoch FROM d.at - s.at)::float8 AS seconds
              FROM (SELECT message_id, carrier_id, at FROM main.outcomes
                     WHERE account_id = $1 AND rank = $2 AND message_id >= $4
                     ORDER BY message_id DESC LIMIT $5) d
             CROSS JOIN LATERAL (
                   SELECT at FROM main.outcomes
                    WHERE account_id = $1 AND rank = $3 AND message_id = d.message_id LIMIT 1) s
        )
        SELECT carrier_id, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds),
               percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds)
          FROM lately WHERE carrier_id IS NOT NULL GROUP BY carrier_id
        """,
        account_id,
        int(Rank.DELIVERED),
        int(Rank.SENT),
        since,
        limit,
    )
    return [Delay(*row) for row in rows]
