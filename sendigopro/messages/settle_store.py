"""The SQL of outcomes, carriers' ids and receipts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec

from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn, Row, firsts
from sendigopro.messages.model import CHARGED, FINAL_RANKS, Rank
from sendigopro.messages.store import Tally, columns_of

_FINAL = [int(rank) for rank in FINAL_RANKS]
_CHARGED = [int(rank) for rank in CHARGED]


class OutcomeRow(msgspec.Struct, frozen=True, gc=False):
    """What became of a message."""

    account_id: UUID
    message_id: UUID
    rank: int
    at: datetime
    reason: str | None
    carrier_id: UUID | None
    carrier_code: str | None
    attempt: int
    moves_money: bool = False


async def append_outcomes(conn: Conn, rows: Sequence[OutcomeRow]) -> dict[tuple[UUID, int], bool]:
    """Append outcomes unless the message has ended or has this one already.

    Returns the (message, rank) that were new, and of those that move money whether the message was charged before.
    Two workers may write the same end at once: the key lets one of them through, and only that one charges,
    counts and tells.
    """
    found = await conn.fetch(
        """
        INSERT INTO main.outcomes (account_id, message_id, rank, at, reason, carrier_id, carrier_code, attempt)
        SELECT n.account_id, n.message_id, n.rank, n.at, n.reason, n.carrier_id, n.carrier_code, n.attempt
        FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::timestamptz[], $5::text[], $6::uuid[],
                               $7::text[], $8::smallint[])
                  AS n (account_id, message_id, rank, at, reason, carrier_id, carrier_code, attempt)
        WHERE n.rank < $10 OR NOT EXISTS (
            SELECT 1 FROM main.outcomes o
            WHERE o.account_id = n.account_id AND o.message_id = n.message_id AND o.rank = ANY($9)
        )
        ON CONFLICT DO NOTHING
        RETURNING message_id, rank, message_id = ANY($11) AND EXISTS (
            SELECT 1 FROM main.outcomes p
            WHERE p.account_id = outcomes.account_id AND p.message_id = outcomes.message_id AND p.rank = ANY($12)
        ) AS was_charged
        """,
        [r.account_id for r in rows],
        [r.message_id for r in rows],
        [r.rank for r in rows],
        [r.at for r in rows],
        [r.reason for r in rows],
        [r.carrier_id for r in rows],
        [r.carrier_code for r in rows],
        [r.attempt for r in rows],
        _FINAL,
        int(Rank.OPEN),
        [r.message_id for r in rows if r.moves_money],
        _CHARGED,
    )
    return {(row["message_id"], row["rank"]): row["was_charged"] for row in found}


async def find_refs_of_everyone(conn: Conn, *, carrier_id: UUID, refs: Sequence[str], since: datetime) -> list[Row]:
    """Whose these carrier's ids are, the newest first: ids repeat."""
    rows: list[Row] = await conn.fetch(
        """
        SELECT ref, at, account_id, message_id, part FROM main.carrier_refs
        WHERE carrier_id = $1 AND ref = ANY($2) AND at >= $3 ORDER BY at DESC
        """,
        carrier_id,
        list(refs),
        since,
    )
    return rows


async def highest_ranks(conn: Conn, *, account_ids: Sequence[UUID], message_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The highest outcome of each message, for several accounts."""
    rows = await conn.fetch(
        """
        SELECT message_id, max(rank) AS rank FROM main.outcomes
        WHERE account_id = ANY($1) AND message_id = ANY($2) AND message_id >= $3 AND message_id <= $4
        GROUP BY message_id
        """,
        list(account_ids),
        list(message_ids),
        min(message_ids),
        max(message_ids),
    )
    return {row["message_id"]: row["rank"] for row in rows}


async def report_parts(
    conn: Conn,
    *,
    account_id: UUID,
    message_id: UUID,
    parts: Sequence[int],
    ranks: Sequence[int],
    reasons: Sequence[str | None],
) -> list[tuple[int, int, str | None]]:
    """Add reports on parts of one message; returns all there are now: (part, rank, reason).

    The message's row is locked first, so that two workers with its last two parts see each other.
    """
    await conn.execute(
        "SELECT 1 FROM main.messages WHERE account_id = $1 AND id = $2 FOR NO KEY UPDATE", account_id, message_id
    )
    await conn.execute(
        """
        INSERT INTO main.part_reports (account_id, message_id, part, rank, reason)
        SELECT $1, $2, * FROM unnest($3::smallint[], $4::smallint[], $5::text[]) ON CONFLICT DO NOTHING
        """,
        account_id,
        message_id,
        list(parts),
        list(ranks),
        list(reasons),
    )
    rows = await conn.fetch(
        "SELECT part, rank, reason FROM main.part_reports WHERE account_id = $1 AND message_id = $2",
        account_id,
        message_id,
    )
    return [(row["part"], row["rank"], row["reason"]) for row in rows]


@dataclass(frozen=True, slots=True)
class UnmatchedRow:
    """A receipt whose message is not known yet."""

    id: UUID
    carrier_id: UUID
    ref: str
    rank: int
    carrier_code: str
    recipient_mac: bytes | None
    reference: int | None
    at: datetime
    tries: int = 0


async def insert_unmatched(conn: Conn, rows: Sequence[UnmatchedRow], *, retry_seconds: float) -> None:
    """Set receipts aside; they are matched again soon."""
    await conn.execute(
        """
        INSERT INTO main.unmatched_receipts
            (id, carrier_id, ref, rank, carrier_code, recipient_mac, reference, at, next_try_at, tries)
        SELECT u.*, now() + make_interval(secs => $9), 0
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::smallint[], $5::text[], $6::bytea[], $7::int[],
                    $8::timestamptz[]) AS u
        """,
        [r.id for r in rows],
        [r.carrier_id for r in rows],
        [r.ref for r in rows],
        [r.rank for r in rows],
        [r.carrier_code for r in rows],
        [r.recipient_mac for r in rows],
        [r.reference for r in rows],
        [r.at for r in rows],
        retry_seconds,
    )


async def claim_unmatched_of_everyone(conn: Conn, *, limit: int, lease_seconds: float) -> list[UnmatchedRow]:
    """Take receipts that are due for another try; whoever dies with them leaves them due again after the lease."""
    rows = await conn.fetch(
        """
        UPDATE main.unmatched_receipts u SET next_try_at = now() + make_interval(secs => $2)
        FROM (
            SELECT id FROM main.unmatched_receipts WHERE next_try_at <= now()
            ORDER BY next_try_at LIMIT $1 FOR UPDATE SKIP LOCKED
        ) due
        WHERE u.id = due.id
        RETURNING u.id, u.carrier_id, u.ref, u.rank, u.carrier_code, u.recipient_mac, u.reference, u.at, u.tries
        """,
        limit,
        lease_seconds,
    )
    return [UnmatchedRow(*row.values()) for row in rows]


async def delete_unmatched(conn: Conn, *, receipt_ids: Sequence[UUID]) -> None:
    """These found their message, or were given up."""
    await conn.execute("DELETE FROM main.unmatched_receipts WHERE id = ANY($1)", list(receipt_ids))


async def postpone_unmatched(conn: Conn, *, receipt_ids: Sequence[UUID]) -> None:
    """Each 200 ms for the first minute, then hourly."""
    await conn.execute(
        """
        UPDATE main.unmatched_receipts SET tries = least(tries + 1, 30000), next_try_at = now() +
            CASE WHEN at > now() - interval '1 minute' THEN interval '200 milliseconds' ELSE interval '1 hour' END
        WHERE id = ANY($1)
        """,
        list(receipt_ids),
    )


@dataclass(frozen=True, slots=True)
class UnclearRow:
    """A submit without an answer."""

    carrier_id: UUID
    recipient_mac: bytes
    at: datetime
    account_id: UUID
    message_id: UUID
    reference: int
    segments: int


async def insert_unclear(conn: Conn, rows: Sequence[UnclearRow]) -> None:
    """Remember submits that may have arrived, so that a receipt can still find them."""
    await conn.execute(
        """
        INSERT INTO main.unclear_submits (carrier_id, recipient_mac, at, account_id, message_id, reference, segments)
        SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::int[],
                             $7::smallint[])
        ON CONFLICT (account_id, message_id) DO UPDATE SET at = EXCLUDED.at, carrier_id = EXCLUDED.carrier_id
        """,
        [r.carrier_id for r in rows],
        [r.recipient_mac for r in rows],
        [r.at for r in rows],
        [r.account_id for r in rows],
        [r.message_id for r in rows],
        [r.reference for r in rows],
        [r.segments for r in rows],
    )


async def find_unclear_of_everyone(
    conn: Conn, *, carrier_id: UUID, recipient_mac: bytes, not_before: datetime
) -> list[tuple[UUID, UUID, int]]:
    """Candidates for a receipt with an unknown id: (account, message, reference)."""
    rows = await conn.fetch(
        """
        SELECT account_id, message_id, reference FROM main.unclear_submits
        WHERE carrier_id = $1 AND recipient_mac = $2 AND at >= $3 LIMIT 3
        """,
        carrier_id,
        recipient_mac,
        not_before,
    )
    return [(row["account_id"], row["message_id"], row["reference"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Books:
    """What a group of outcomes changes beside them."""

    refs: Sequence[tuple[UUID, str, datetime, UUID, UUID, int]] = ()
    """Carrier, its id, when, account, message, part."""
    sent: Mapping[tuple[UUID, int], Sequence[UUID]] = field(default_factory=dict)
    """(Account, mode) → messages whose receipts are awaited from now on."""
    tallies: Sequence[Tally] = ()
    done: Sequence[tuple[UUID, UUID]] = ()
    """(Account, chunk) whose last message is accounted for."""
    clear: Sequence[tuple[UUID, UUID]] = ()
    """(Account, message) that were unclear, and are no longer."""


async def keep_books(conn: Conn, books: Books, *, receipt_wait_seconds: float) -> None:
    """Write all of it with one statement: it is a fifth of what the same costs singly."""
    counts = [len(messages) for messages in books.sent.values()]
    await conn.execute(
        """
        WITH referred AS (
            INSERT INTO main.carrier_refs (carrier_id, ref, at, account_id, message_id, part)
            SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::smallint[])
        ),
        awaited AS (
            INSERT INTO main.awaited_receipts (account_id, id, mode, due_at, message_ids)
            SELECT a.account_id, a.id, a.mode, now() + make_interval(secs => $13),
                   ($11::uuid[])[a.first : a.first + a.n - 1]
            FROM unnest($7::uuid[], $8::uuid[], $9::smallint[], $10::int[], $12::int[])
                 AS a (account_id, id, mode, first, n)
        ),
        counted AS (
            INSERT INTO main.tallies (account_id, mode, hour, channel, country, rank, n, micros)
            SELECT * FROM unnest($14::uuid[], $15::smallint[], $16::timestamptz[], $17::smallint[], $18::text[],
                                 $19::smallint[], $20::bigint[], $21::bigint[])
        ),
        cleared AS (
            DELETE FROM main.unclear_submits WHERE account_id = ANY($24) AND message_id = ANY($25)
        )
        DELETE FROM main.chunks c USING unnest($22::uuid[], $23::uuid[]) AS done (account_id, id)
        WHERE c.account_id = done.account_id AND c.id = done.id AND c.account_id = ANY($22)
        """,
        *columns_of(books.refs, 6),
        [account_id for account_id, _ in books.sent],
        [ids.new() for _ in books.sent],
        [mode for _, mode in books.sent],
        firsts(counts),
        [message_id for messages in books.sent.values() for message_id in messages],
        counts,
        receipt_wait_seconds,
        *columns_of(books.tallies, 8),
        *columns_of(books.done, 2),
        *columns_of(books.clear, 2),
    )


async def take_overdue_receipts(conn: Conn, *, limit: int) -> list[tuple[UUID, int, list[UUID]]]:
    """Groups whose receipts should have come: (account, mode, messages)."""
    rows = await conn.fetch(
        """
        DELETE FROM main.awaited_receipts a USING (
            SELECT account_id, id FROM main.awaited_receipts WHERE due_at <= now()
            ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
        ) due
        WHERE a.account_id = due.account_id AND a.id = due.id
        RETURNING a.account_id, a.mode, a.message_ids
        """,
        limit,
    )
    return [(row["account_id"], row["mode"], list(row["message_ids"])) for row in rows]
