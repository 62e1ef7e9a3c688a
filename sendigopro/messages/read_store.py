"""The SQL of looking at messages: states, lists, timelines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sendigopro.foundation.postgres import Conn, Row
from sendigopro.messages.model import ALL_RANKS

_RANKS = [int(rank) for rank in ALL_RANKS]


@dataclass(frozen=True, slots=True)
class State:
    """What the tables say of one message's status."""

    rank: int | None = None
    reason: str | None = None
    at: datetime | None = None
    waiting_why: int | None = None
    is_intended: bool = False
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """Since when an expired message is still kept: what was sent, in the order of its purposes, and what came in."""

    sent: Sequence[datetime]
    received: datetime

    def not_before(self, moment: datetime) -> "Kept":
        return Kept([max(one, moment) for one in self.sent], max(self.received, moment))


async def read_states(conn: Conn, *, account_id: UUID, message_ids: Sequence[UUID]) -> dict[UUID, State]:
    """The highest outcome of each message, or what the queue says of it.

    All in one statement, so that a message that moves from the queue to its outcome meanwhile is seen in one of them.
    All is looked up message by message: planned while tables were empty, joins would read them whole, or once for each.
    """
    rows = await conn.fetch(
        """
        SELECT m.id, h.rank, h.reason, h.at, w.why,
               coalesce(coalesce(v.position, m.position) < c.intended, false) AS is_intended,
               coalesce(w.attempt, c.attempt, 1) AS attempt
        FROM main.messages m
        LEFT JOIN LATERAL (
            SELECT rank, reason, at FROM main.outcomes
            WHERE account_id = $1 AND rank = ANY($3) AND message_id = m.id AND message_id >= $4 AND message_id <= $5
            ORDER BY rank DESC LIMIT 1
        ) h ON true
        LEFT JOIN LATERAL (
            SELECT why, attempt FROM main.waiting WHERE account_id = $1 AND message_id = m.id LIMIT 1
        ) w ON true
        LEFT JOIN LATERAL (
            SELECT chunk_id, position FROM main.moved
            WHERE account_id = $1 AND message_id = m.id AND message_id >= $4 AND message_id <= $5 LIMIT 1
        ) v ON true
        LEFT JOIN LATERAL (
            SELECT intended, attempt FROM main.chunks
            WHERE account_id = $1 AND id = coalesce(v.chunk_id, m.chunk_id) LIMIT 1
        ) c ON true
        WHERE m.account_id = $1 AND m.id = ANY($2) AND m.id >= $4 AND m.id <= $5
        """,
        account_id,
        list(message_ids),
        _RANKS,
        min(message_ids),
        max(message_ids),
    )
    return {
        row["id"]: State(row["rank"], row["reason"], row["at"], row["why"], row["is_intended"], row["attempt"])
        for row in rows
    }


async def read_outcomes(conn: Conn, *, account_id: UUID, message_id: UUID) -> list[Row]:
    """Everything that became of one message, in order of time."""
    rows: list[Row] = await conn.fetch(
        """
        SELECT rank, at, reason, carrier_id, carrier_code, attempt FROM main.outcomes
        WHERE account_id = $1 AND rank = ANY($3) AND message_id = $2 ORDER BY at, rank
        """,
        account_id,
        message_id,
        _RANKS,
    )
    return rows


@dataclass(frozen=True, slots=True)
class Scanned:
    """What was found in one window of a list."""

    ids: Sequence[UUID]
    last: UUID | None
    """As far as was looked; None when that is the end."""


_OF_MESSAGE = "id, mode, direction, purpose, expires_at, subject_id"
_WINDOWS = {
    "messages": f"""
        SELECT {_OF_MESSAGE} FROM main.messages
        WHERE account_id = $1 AND id > $3 AND id < $4 ORDER BY id {{order}} LIMIT $12
    """,  # noqa: S608  # the columns above
    "subject": f"""
        SELECT {_OF_MESSAGE} FROM main.messages
        WHERE account_id = $1 AND subject_id = $5 AND id > $3 AND id < $4 ORDER BY id {{order}} LIMIT $12
    """,  # noqa: S608  # the columns above
    "tag": """
        SELECT message_id AS id FROM main.message_tags
        WHERE account_id = $1 AND tag_mac = $7 AND message_id > $3 AND message_id < $4
        ORDER BY message_id {order} LIMIT $12
    """,
    "ranks": """
        SELECT DISTINCT o.id FROM unnest($6::smallint[]) AS r (rank), LATERAL (
            SELECT message_id AS id FROM main.outcomes
            WHERE account_id = $1 AND rank = r.rank AND message_id > $3 AND message_id < $4
            ORDER BY message_id {order} LIMIT $12
        ) o ORDER BY o.id {order} LIMIT $12
    """,
}
"""By what is rarest of what is asked: each is read in the order of an index, and no further than its window."""
_LOOKED_UP = f"SELECT m.{_OF_MESSAGE.replace(', ', ', m.')} FROM c, LATERAL (SELECT * FROM main.messages x WHERE x.account_id = $1 AND x.id = c.id) m"  # noqa: E501, S608  # the columns above


async def scan_messages(
    conn: Conn,
    *,
    account_id: UUID,
    mode: int,
    lowest: UUID,
    highest: UUID,
    subject_id: UUID | None,
    ranks: Sequence[int] | None,
    tag_mac: bytes | None,
    direction: int | None,
    newest_first: bool,
    kept: Kept,
    limit: int,
    window: int,
) -> Scanned:
    """Ids strictly between the two bounds, filtered, among so many that come first; bounds leave out partitions."""
    order, reverse = ("DESC", "ASC") if newest_first else ("ASC", "DESC")
    by = "subject" if subject_id else "tag" if tag_mac else "ranks" if ranks else "messages"
    row = await conn.fetchrow(
        f"""
        WITH c AS MATERIALIZED ({_WINDOWS[by].format(order=order)}),
             m AS ({"SELECT * FROM c" if by in ("messages", "subject") else _LOOKED_UP})
        SELECT (SELECT count(*) FROM c) AS looked_at, (SELECT id FROM c ORDER BY id {reverse} LIMIT 1) AS last, ARRAY(
            SELECT m.id FROM m
            WHERE m.mode = $2
              AND m.expires_at >= CASE WHEN m.direction = 1 THEN $9::timestamptz
                  ELSE ($10::timestamptz[])[m.purpose] END
              AND ($11::smallint IS NULL OR m.direction = $11)
              AND ($5::uuid IS NULL OR m.subject_id = $5)
              AND ($7::bytea IS NULL OR EXISTS (
                    SELECT 1 FROM main.message_tags t
                    WHERE t.account_id = $1 AND t.tag_mac = $7 AND t.message_id = m.id))
              AND ($6::smallint[] IS NULL OR (
                    SELECT o.rank FROM main.outcomes o
                    WHERE o.account_id = $1 AND o.rank = ANY($13) AND o.message_id = m.id
                    ORDER BY o.rank DESC LIMIT 1) = ANY($6))
            ORDER BY m.id {order} LIMIT $8
        ) AS ids
        """,  # noqa: S608  # all of it stands above
        account_id,
        mode,
        lowest,
        highest,
        subject_id,
        None if ranks is None else list(ranks),
        tag_mac,
        limit,
        kept.received,
        kept.sent,
        direction,
        window,
        _RANKS,
    )
    assert row is not None
    return Scanned(row["ids"], row["last"] if row["looked_at"] >= window else None)


async def list_unfinished(
    conn: Conn, *, account_id: UUID, mode: int, lowest: UUID, highest: UUID, newest_first: bool, limit: int
) -> list[UUID]:
    """Ids of messages that have no outcome yet: queued, scheduled, being sent."""
    order = "DESC" if newest_first else "ASC"
    rows = await conn.fetch(
        f"""
        SELECT id FROM (
            SELECT message_id AS id FROM main.waiting
            WHERE account_id = $1 AND mode = $2 AND message_id > $3 AND message_id < $4
            UNION
            SELECT u.id FROM main.chunks c, unnest(c.message_ids) AS u (id)
            WHERE c.account_id = $1 AND c.mode = $2 AND u.id > $3 AND u.id < $4
              AND NOT EXISTS (SELECT 1 FROM main.outcomes o WHERE o.account_id = $1 AND o.message_id = u.id)
        ) open ORDER BY id {order} LIMIT $5
        """,  # noqa: S608  # the order is one of two words above
        account_id,
        mode,
        lowest,
        highest,
        limit,
    )
    return [row["id"] for row in rows]
