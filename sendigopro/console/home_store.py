"""The SQL of the home page: counts, lately delivered messages, and what of the first steps is done."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sendigopro.foundation.postgres import Conn
from sendigopro.messages.model import Rank


@dataclass(frozen=True, slots=True)
class Count:
    """How many messages of one hour and country came to one end; rank 0: were accepted."""

    hour: datetime
    country: str
    rank: int
    n: int
    micros: int


@dataclass(frozen=True, slots=True)
class Steps:
    """What an account has done already."""

    has_key: bool
    has_message: bool
    has_endpoint: bool
    has_sender: bool
    members: int


async def read_counts(conn: Conn, *, account_id: UUID, mode: int, since: datetime) -> list[Count]:
    rows = await conn.fetch(
        """
        SELECT hour, country, rank, sum(n)::bigint AS n, sum(micros)::bigint AS micros FROM main.tallies
        WHERE account_id = $1 AND mode = $2 AND hour >= $3 GROUP BY hour, country, rank
        """,
        account_id,
        mode,
        since,
    )
    return [Count(*row) for row in rows]


async def read_delivered(
    conn: Conn, *, account_id: UUID, mode: int, since: UUID, limit: int
) -> list[tuple[UUID, datetime]]:
    """(message, when its phone had it) of the newest that were delivered, without those that had to wait by order."""
    rows = await conn.fetch(
        """
        SELECT o.message_id, o.at FROM main.outcomes o
        JOIN LATERAL (
            SELECT mode, send_at FROM main.messages WHERE account_id = $1 AND id = o.message_id LIMIT 1
        ) m ON m.mode = $2 AND m.send_at IS NULL
        WHERE o.account_id = $1 AND o.rank = $3 AND o.message_id >= $4 ORDER BY o.message_id DESC LIMIT $5
        """,
        account_id,
        mode,
        int(Rank.DELIVERED),
        since,
        limit,
    )
    return [(row["message_id"], row["at"]) for row in rows]


async def read_steps(conn: Conn, *, account_id: UUID, mode: int) -> Steps:
    row = await conn.fetchrow(
        """
        SELECT EXISTS (SELECT FROM main.api_keys WHERE account_id = $1 AND mode = $2 AND revoked_at IS NULL),
               EXISTS (SELECT FROM main.messages WHERE account_id = $1 AND mode = $2),
               EXISTS (SELECT FROM main.webhook_endpoints WHERE account_id = $1 AND mode = $2 AND NOT is_callback),
               EXISTS (SELECT FROM main.senders WHERE account_id = $1),
               (SELECT count(*) FROM main.members WHERE account_id = $1)
        """,
        account_id,
        mode,
    )
    assert row is not None  # it counts
    return Steps(*row)


async def read_webhook_health(conn: Conn, *, account_id: UUID, mode: int) -> tuple[int, int, int]:
    """How many endpoints: all, failing now, switched off."""
    row = await conn.fetchrow(
        """
        SELECT count(*), count(*) FILTER (WHERE is_enabled AND failing_since IS NOT NULL),
               count(*) FILTER (WHERE NOT is_enabled)
        FROM main.webhook_endpoints WHERE account_id = $1 AND mode = $2 AND NOT is_callback
        """,
        account_id,
        mode,
    )
    assert row is not None  # it counts
    return row[0], row[1], row[2]


async def newest_message(conn: Conn, *, account_id: UUID, mode: int, after: UUID) -> UUID | None:
    """The newest that is newer than this id."""
    found: UUID | None = await conn.fetchval(
        "SELECT id FROM main.messages WHERE account_id = $1 AND mode = $2 AND id > $3 ORDER BY id DESC LIMIT 1",
        account_id,
        mode,
        after,
    )
    return found
