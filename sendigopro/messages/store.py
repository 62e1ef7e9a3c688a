"""The SQL of accepting and reading messages. The queue's is in queue_store.py, that of outcomes in settle_store.py."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn, Row, copy_rows, firsts
from sendigopro.messages.model import FINAL_RANKS
from sendigopro.messages.rows import BODY_COLUMNS, MESSAGE_COLUMNS, TAG_COLUMNS, Placed


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
    """Queue what is due, and count it."""
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
        *_chunk_columns(chunks),
        *columns_of(tallies, 8),
    )


async def insert_few(
    conn: Conn, placed: Sequence[Placed], chunks: Sequence[ChunkRow], *, tallies: Sequence[Tally]
) -> None:
    """Store and queue a few messages with one statement; `copy_messages` and its neighbours are for many."""
    await conn.execute(
        """
        WITH new AS (
            SELECT * FROM unnest($11::int[], $12::uuid[], $13::uuid[], $14::smallint[], $15::smallint[], $16::text[],
                                 $17::timestamptz[], $18::date[], $19::boolean[], $20::uuid[], $21::smallint[],
                                 $22::bytea[], $23::bytea[])
                AS n (term, id, subject_id, segments, encoding, country, expires_at, body_expires_on, has_callback,
                      chunk_id, position, body, details)
        ),
        stored AS (
            INSERT INTO main.messages
                (account_id, id, mode, channel, direction, purpose, priority, subject_id, sender_id, key_id, segments,
                 encoding, country, carrier_id, price_micros, held_micros, currency, expires_at, body_expires_on,
                 has_callback, chunk_id, position)
            SELECT ($1::uuid[])[term], id, ($2::smallint[])[term], ($3::smallint[])[term], ($4::smallint[])[term],
                   ($5::smallint[])[term], ($6::smallint[])[term], subject_id, ($7::uuid[])[term], ($8::uuid[])[term],
                   segments, encoding, country, ($9::uuid[])[term], 0, 0, ($10::text[])[term], expires_at,
                   body_expires_on, has_callback, chunk_id, position
            FROM new
        ),
        kept AS (
            INSERT INTO main.message_bodies (account_id, message_id, expires_on, body, details)
            SELECT ($1::uuid[])[term], id, body_expires_on, body, details FROM new
        ),
        counted AS (
            INSERT INTO main.tallies (account_id, mode, hour, channel, country, rank, n, micros)
            SELECT * FROM unnest($35::uuid[], $36::smallint[], $37::timestamptz[], $38::smallint[], $39::text[],
                                 $40::smallint[], $41::bigint[], $42::bigint[])
        )
        INSERT INTO main.chunks
            (account_id, id, mode, carrier_id, priority, message_ids, n, body_expires_on, min_expires_at, attempt)
        SELECT c.account_id, c.id, c.mode, c.carrier_id, c.priority,
               ($29::uuid[])[c.first : c.first + c.n - 1], c.n, c.body_expires_on, c.min_expires_at, c.attempt
        FROM unnest($24::uuid[], $25::uuid[], $26::smallint[], $27::uuid[], $28::smallint[],
                    $30::int[], $31::smallint[], $32::date[], $33::timestamptz[], $34::smallint[])
             AS c (account_id, id, mode, carrier_id, priority, first, n, body_expires_on, min_expires_at, attempt)
        """,
        *_columns_of_few(placed),
        *_chunk_columns(chunks),
        *columns_of(tallies, 8),
    )


def _columns_of_few(placed: Sequence[Placed]) -> tuple[list[Any], ...]:
    """Ten columns of terms, each once; then thirteen of messages, which name their terms by number, from 1."""
    messages = [one.message for one in placed]
    terms = list({id(m.terms): m.terms for m in messages}.values())
    number_of = {id(one): number for number, one in enumerate(terms, start=1)}
    return (
        [t.account_id for t in terms],
        [t.mode for t in terms],
        [t.channel for t in terms],
        [t.direction for t in terms],
        [t.purpose for t in terms],
        [t.priority for t in terms],
        [t.sender_id for t in terms],
        [t.key_id for t in terms],
        [t.carrier_id for t in terms],
        [t.currency for t in terms],
        [number_of[id(m.terms)] for m in messages],
        [ids.from_bytes(m.id) for m in messages],
        [ids.from_bytes(m.subject_id) for m in messages],
        [m.segments for m in messages],
        [m.encoding for m in messages],
        [m.country for m in messages],
        [m.expires_at for m in messages],
        [m.body_expires_on for m in messages],
        [m.has_callback for m in messages],
        [one.chunk_id for one in placed],
        [one.position for one in placed],
        [m.body for m in messages],
        [m.details for m in messages],
    )


def _chunk_columns(chunks: Sequence[ChunkRow]) -> tuple[list[Any], ...]:
    """Chunks as columns. Arrays of arrays do not unnest, so ids travel flat, with their counts."""
    counts = [len(c.message_ids) for c in chunks]
    return (
        [c.account_id for c in chunks],
        [c.id for c in chunks],
        [c.mode for c in chunks],
        [c.carrier_id for c in chunks],
        [c.priority for c in chunks],
        [message_id for c in chunks for message_id in c.message_ids],
        firsts(counts),
        counts,
        [c.body_expires_on for c in chunks],
        [c.min_expires_at for c in chunks],
        [c.attempt for c in chunks],
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


async def notify_work(conn: Conn, places: Iterable[tuple[UUID, int]]) -> None:
    """Tell workers for which carriers, and at which priorities, something was queued; a hint, the poll is the net."""
    await conn.execute(
        "SELECT pg_notify('sendigopro_work', place) FROM unnest($1::text[]) AS p (place)",
        [f"{carrier_id} {priority}" for carrier_id, priority in places],
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
        LEFT JOIN LATERAL (
            SELECT body, details FROM main.message_bodies
            WHERE account_id = m.account_id AND message_id = m.id AND expires_on = m.body_expires_on LIMIT 1
        ) b ON true
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
        LEFT JOIN LATERAL (
            SELECT body, details FROM main.message_bodies
            WHERE account_id = m.account_id AND message_id = m.id AND expires_on = m.body_expires_on
              AND expires_on = ANY($5) LIMIT 1
        ) b ON true
        WHERE m.account_id = ANY($1) AND m.id = ANY($2) AND m.id >= $3 AND m.id <= $4
        """,
        list(account_ids),
        list(message_ids),
        min(message_ids),
        max(message_ids),
        list(days),
    )
    return rows
