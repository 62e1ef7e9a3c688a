"""The SQL of accepting and reading messages. The queue's is in queue_store.py, that of outcomes in settle_store.py."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sendigopro.foundation.postgres import Conn, Row, copy_rows, firsts
from sendigopro.messages.model import FINAL_RANKS
from sendigopro.messages.rows import BODY_COLUMNS, MESSAGE_COLUMNS, TAG_COLUMNS


@dataclass(slots=True)
class ChunkRow:
    """A chunk about to be written."""

    account_id: UUID
    id: UUID
    mode: int
    carrier_id: UUID
    priority: int
    message_ids: list[UUID]
    body_expires_on: date
    min_expires_at: datetime
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A message that is not due yet."""

    account_id: UUID
    message_id: UUID
    mode: int
    due_at: datetime
    carrier_id: UUID
    priority: int
    attempt: int
    why: int
    expires_at: datetime
    body_expires_on: date


@dataclass(frozen=True, slots=True)
class Claim:
    """An idempotency key with what it stands for."""

    account_id: UUID
    key_mac: bytes
    body_mac: bytes
    message_ids: list[UUID]
    code: int


async def copy_messages(conn: Conn, rows: Sequence[bytes]) -> None:
    """Write packed rows of `messages`."""
    await copy_rows(conn, "messages", columns=MESSAGE_COLUMNS, rows=rows)


async def copy_bodies(conn: Conn, rows: Sequence[bytes]) -> None:
    """Write packed rows of `message_bodies`."""
    await copy_rows(conn, "message_bodies", columns=BODY_COLUMNS, rows=rows)


async def copy_tags(conn: Conn, rows: Sequence[bytes]) -> None:
    """Write packed rows of `message_tags`."""
    await copy_rows(conn, "message_tags", columns=TAG_COLUMNS, rows=rows)


Tally = tuple[UUID, int, datetime, int, str, int, int, int]
"""Account, mode, hour, channel, country, rank, n, micros."""


async def insert_chunks(conn: Conn, chunks: Sequence[ChunkRow], *, tallies: Sequence[Tally] = ()) -> None:
    """Queue what is due, and count it. Arrays of arrays do not unnest, so ids travel flat, with their counts."""
    await conn.execute(
        """
        WITH counted AS (
            INSERT INTO main.tallies (account_id, mode, hour, channel, country, rank, n, micros)
            SELECT * FROM unnest($12::uuid[], $13::smallint[], $14::timestamptz[], $15::smallint[], $16::text[],
                                 $17::smallint[], $18::bigint[], $19::bigint[])
        )
        INSERT INTO main.chunks
            (account_id, id, mode, carrier_id, priority, message_ids, n, body_expires_on, min_expires_at, attempt)
        SELECT c.account_id, c.id, c.mode, c.carrier_id, c.priority,
               ($6::uuid[])[c.first : c.first + c.n - 1], c.n, c.body_expires_on, c.min_expires_at, c.attempt
        FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::uuid[], $5::smallint[],
                    $7::int[], $8::smallint[], $9::date[], $10::timestamptz[], $11::smallint[])
             AS c (account_id, id, mode, carrier_id, priority, first, n, body_expires_on, min_expires_at, attempt)
        """,
        [c.account_id for c in chunks],
        [c.id for c in chunks],
        [c.mode for c in chunks],
        [c.carrier_id for c in chunks],
        [c.priority for c in chunks],
        [message_id for c in chunks for message_id in c.message_ids],
        firsts([len(c.message_ids) for c in chunks]),
        [len(c.message_ids) for c in chunks],
        [c.body_expires_on for c in chunks],
        [c.min_expires_at for c in chunks],
        [c.attempt for c in chunks],
        *columns_of(tallies, 8),
    )


def columns_of(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows as columns, which is how arrays travel."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


async def insert_waiting(conn: Conn, rows: Sequence[WaitingRow], *, out_of: Sequence[UUID | None] = ()) -> None:
    """Set aside what is not due; a message waits once.

    `out_of` names the chunks they come from: what has ended or gone on to another chunk meanwhile is passed over. So
    neither a commit of unknown end that is repeated, nor a worker that stalled, can send a message twice.
    """
    await conn.execute(
        """
        INSERT INTO main.waiting
            (account_id, message_id, mode, due_at, carrier_id, priority, attempt, why, expires_at, body_expires_on)
        SELECT w.account_id, w.message_id, w.mode, w.due_at, w.carrier_id, w.priority, w.attempt, w.why, w.expires_at,
               w.body_expires_on
        FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::timestamptz[], $5::uuid[], $6::smallint[],
                    $7::smallint[], $8::smallint[], $9::timestamptz[], $10::date[], $11::uuid[])
             AS w (account_id, message_id, mode, due_at, carrier_id, priority, attempt, why, expires_at,
                   body_expires_on, chunk_id)
        WHERE w.chunk_id IS NULL OR NOT EXISTS (
            SELECT 1 FROM main.moved v
            WHERE v.account_id = w.account_id AND v.message_id = w.message_id AND v.chunk_id <> w.chunk_id
        ) AND NOT EXISTS (
            SELECT 1 FROM main.outcomes o
            WHERE o.account_id = w.account_id AND o.rank = ANY($12) AND o.message_id = w.message_id
        )
        ON CONFLICT (account_id, message_id) DO NOTHING
        """,
        [r.account_id for r in rows],
        [r.message_id for r in rows],
        [r.mode for r in rows],
        [r.due_at for r in rows],
        [r.carrier_id for r in rows],
        [r.priority for r in rows],
        [r.attempt for r in rows],
        [r.why for r in rows],
        [r.expires_at for r in rows],
        [r.body_expires_on for r in rows],
        list(out_of) or [None] * len(rows),
        [int(rank) for rank in FINAL_RANKS],
    )


async def find_claims(
    conn: Conn, *, account_ids: Sequence[UUID], key_macs: Sequence[bytes], days: Sequence[date]
) -> list[Row]:
    """Keys used in the last 24 hours: today's partition and yesterday's."""
    rows: list[Row] = await conn.fetch(
        """
        SELECT account_id, key_mac, body_mac, message_ids, code FROM main.idempotency
        WHERE account_id = ANY($1) AND key_mac = ANY($2) AND day = ANY($3) AND at > now() - interval '24 hours'
        """,
        list(account_ids),
        list(key_macs),
        list(days),
    )
    return rows


async def claim(conn: Conn, claims: Sequence[Claim], *, days: Sequence[date]) -> set[tuple[UUID, bytes]]:
    """Take keys on all the days, or not at all; returns those that were free.

    Sorted, so that two groups never wait for each other in a circle. A key that another transaction is
    claiming makes this one wait for its end.
    """
    ordered = sorted(claims, key=lambda c: (c.account_id.bytes, c.key_mac))
    rows = await conn.fetch(
        """
        INSERT INTO main.idempotency (account_id, key_mac, day, body_mac, message_ids, code, at)
        SELECT c.account_id, c.key_mac, d.day, c.body_mac, ($4::uuid[])[c.first : c.first + c.n - 1], c.code, now()
        FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $5::int[], $6::int[], $7::smallint[])
             AS c (account_id, key_mac, body_mac, first, n, code), unnest($8::date[]) AS d (day)
        ON CONFLICT DO NOTHING RETURNING account_id, key_mac
        """,
        [c.account_id for c in ordered],
        [c.key_mac for c in ordered],
        [c.body_mac for c in ordered],
        [message_id for c in ordered for message_id in c.message_ids],
        firsts([len(c.message_ids) for c in ordered]),
        [len(c.message_ids) for c in ordered],
        [c.code for c in ordered],
        list(days),
    )
    taken = Counter((row["account_id"], row["key_mac"]) for row in rows)
    won = {key for key, count in taken.items() if count == len(days)}
    partly = [c for c in ordered if (c.account_id, c.key_mac) in taken and (c.account_id, c.key_mac) not in won]
    if partly:
        await unclaim(conn, partly)
    return won


async def unclaim(conn: Conn, claims: Sequence[Claim]) -> None:
    """Give keys back that this transaction took."""
    await conn.execute(
        """
        DELETE FROM main.idempotency i USING unnest($1::uuid[], $2::bytea[]) AS c (account_id, key_mac)
        WHERE i.account_id = c.account_id AND i.key_mac = c.key_mac AND i.account_id = ANY($1) AND i.at = now()
        """,
        [c.account_id for c in claims],
        [c.key_mac for c in claims],
    )


async def notify_work(conn: Conn, carrier_ids: Iterable[UUID]) -> None:
    """Wake the workers that drain these carriers; a hint only, the poll is the net."""
    await conn.execute(
        "SELECT pg_notify('sendigopro_work', carrier) FROM unnest($1::text[]) AS c (carrier)",
        [str(carrier_id) for carrier_id in carrier_ids],
    )


async def queue_depths_of_everyone(conn: Conn) -> dict[UUID, int]:
    """How many messages of each account are queued, for the ceiling."""
    rows = await conn.fetch("SELECT account_id, sum(n - intended) AS depth FROM main.chunks GROUP BY account_id")
    return {row["account_id"]: row["depth"] for row in rows}


async def read_messages(conn: Conn, *, account_id: UUID, message_ids: Sequence[UUID]) -> list[Row]:
    """The stored facts of messages, with their sealed bodies and details."""
    rows: list[Row] = await conn.fetch(
        """
        SELECT m.account_id, m.id, m.mode, m.channel, m.direction, m.purpose, m.priority, m.subject_id, m.sender_id,
               m.segments, m.encoding, m.country, m.carrier_id, m.price_micros, m.held_micros, m.currency, m.send_at,
               m.expires_at, m.body_expires_on, m.has_callback, m.chunk_id, m.position, b.body, b.details
        FROM main.messages m
        LEFT JOIN main.message_bodies b
          ON b.account_id = m.account_id AND b.message_id = m.id AND b.expires_on = m.body_expires_on
         AND b.account_id = $1 AND b.message_id = ANY($2)
        WHERE m.account_id = $1 AND m.id = ANY($2) AND m.id >= $3 AND m.id <= $4
        """,
        account_id,
        list(message_ids),
        min(message_ids),
        max(message_ids),
    )
    return rows


async def read_to_send(
    conn: Conn, *, account_ids: Sequence[UUID], message_ids: Sequence[UUID], days: Sequence[date]
) -> list[Row]:
    """The same for a worker, for several accounts at once; pairs of account and message, partitions bounded."""
    rows: list[Row] = await conn.fetch(
        """
        SELECT m.account_id, m.id, m.mode, m.purpose, m.subject_id, m.sender_id, m.segments, m.encoding, m.country,
               m.price_micros, m.held_micros, m.currency, m.send_at, m.expires_at, m.body_expires_on, m.has_callback,
               b.body, b.details
        FROM main.messages m
        LEFT JOIN main.message_bodies b
          ON b.account_id = m.account_id AND b.message_id = m.id AND b.expires_on = m.body_expires_on
         AND b.account_id = ANY($1) AND b.message_id = ANY($2) AND b.expires_on = ANY($5)
        WHERE m.account_id = ANY($1) AND m.id = ANY($2) AND m.id >= $3 AND m.id <= $4
        """,
        list(account_ids),
        list(message_ids),
        min(message_ids),
        max(message_ids),
        list(days),
    )
    return rows
