"""The SQL of packages: one person's rows, page by page, and how they are put into a second place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sendigopro.foundation.catalogue import Annotation, read_comment
from sendigopro.foundation.postgres import Conn, Row
from sendigopro.messages.model import ALL_RANKS

_RANKS = [int(rank) for rank in ALL_RANKS]


@dataclass(frozen=True, slots=True)
class SubjectDates:
    """When a subject was first and last seen."""

    mode: int
    first_seen: date
    last_seen: date


async def read_dates(conn: Conn, *, account_id: UUID, subject_id: UUID) -> SubjectDates | None:
    """Of the database `vault`."""
    row = await conn.fetchrow(
        "SELECT mode, first_seen, last_seen FROM vault.subjects WHERE account_id = $1 AND id = $2",
        account_id,
        subject_id,
    )
    return None if row is None else SubjectDates(*row)


async def write_dates(
    owner: Conn, *, account_id: UUID, subject_id: UUID, first_seen: date, last_seen: date, is_new: bool
) -> None:
    """What a package says of a subject; one who was known already keeps the earlier and the later day."""
    await owner.execute(
        """
        UPDATE vault.subjects SET first_seen = CASE WHEN $5 THEN $3 ELSE least(first_seen, $3) END,
                                  last_seen = CASE WHEN $5 THEN $4 ELSE greatest(last_seen, $4) END
        WHERE account_id = $1 AND id = $2
        """,
        account_id,
        subject_id,
        first_seen,
        last_seen,
        is_new,
    )


async def read_annotations(conn: Conn) -> dict[str, Annotation]:
    """What every column of this database says it holds, by `schema.table.column`; partitions through their parent."""
    rows = await conn.fetch(
        """
        SELECT format('%s.%s.%s', n.nspname, c.relname, a.attname) AS name,
               col_description(c.oid, a.attnum) AS comment
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE n.nspname IN ('main', 'vault', 'jobs') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         ORDER BY c.oid, a.attnum
        """
    )
    return {row["name"]: read_comment(row["comment"]) for row in rows if row["comment"] is not None}


async def has_account(conn: Conn, *, account_id: UUID) -> bool:
    found: bool = await conn.fetchval("SELECT EXISTS (SELECT FROM main.accounts WHERE id = $1)", account_id)
    return found


async def read_standing(conn: Conn, *, account_id: UUID, mac: bytes) -> list[Row]:
    rows: list[Row] = await conn.fetch(
        """
        SELECT scope, state, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
        FROM main.standing WHERE account_id = $1 AND mac = $2 ORDER BY scope, state
        """,
        account_id,
        mac,
    )
    return rows


async def count_messages(conn: Conn, *, account_id: UUID, mode: int, subject_id: UUID, until: UUID) -> int:
    count: int = await conn.fetchval(
        "SELECT count(*) FROM main.messages WHERE account_id = $1 AND mode = $2 AND subject_id = $3 AND id <= $4",
        account_id,
        mode,
        subject_id,
        until,
    )
    return count


async def read_messages(
    conn: Conn, *, account_id: UUID, mode: int, subject_id: UUID, after: UUID, until: UUID, limit: int
) -> list[Row]:
    """The next of a subject's messages, oldest first, with their sealed bodies and details.

    Times come as they are written in the package: the server has a processor of its own for that. Ids come as bytes,
    which is what they are looked up by and what seals cover; half a dozen UUIDs a message took longer than its row.
    Partitions are by id, so the order costs no sorting; `messages_of_subject` finds each page at once.
    """
    rows: list[Row] = await conn.fetch(
        """
        SELECT uuid_send(m.id) AS id, m.direction, m.purpose, uuid_send(m.sender_id) AS sender_id, m.segments,
               m.encoding, m.country, uuid_send(m.carrier_id) AS carrier_id,
               to_char(uuid_extract_timestamp(m.id) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
               to_char(m.send_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS send_at,
               to_char(m.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS expires_at,
               m.body_expires_on, b.body, b.details
        FROM main.messages m
        LEFT JOIN LATERAL (
            SELECT body, details FROM main.message_bodies
            WHERE account_id = $1 AND message_id = m.id AND expires_on = m.body_expires_on LIMIT 1
        ) b ON true
        WHERE m.account_id = $1 AND m.mode = $2 AND m.subject_id = $3 AND m.id > $4 AND m.id <= $5
        ORDER BY m.id LIMIT $6
        """,
        account_id,
        mode,
        subject_id,
        after,
        until,
        limit,
    )
    return rows


async def read_outcomes(conn: Conn, *, account_id: UUID, message_ids: Sequence[UUID]) -> list[Row]:
    """Everything that became of these messages, by the key, in order of time; `message_ids` ascends."""
    rows: list[Row] = await conn.fetch(
        """
        SELECT uuid_send(o.message_id) AS message_id,
               to_char(o.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
               o.rank, o.reason, uuid_send(o.carrier_id) AS carrier_id, o.carrier_code, o.attempt
        FROM main.outcomes o
        WHERE o.account_id = $1 AND o.rank = ANY($3) AND o.message_id = ANY($2)
          AND o.message_id >= $4 AND o.message_id <= $5
        ORDER BY o.at, o.rank
        """,
        account_id,
        message_ids,
        _RANKS,
        message_ids[0],
        message_ids[-1],
    )
    return rows


async def read_parts(conn: Conn, *, account_id: UUID, message_ids: Sequence[UUID]) -> list[Row]:
    """Reports on the parts of long messages (`message_ids` ascends)."""
    rows: list[Row] = await conn.fetch(
        """
        SELECT uuid_send(message_id) AS message_id, part, rank, reason FROM main.part_reports
        WHERE account_id = $1 AND message_id = ANY($2) AND message_id >= $3 AND message_id <= $4
        ORDER BY part_reports.message_id, part
        """,
        account_id,
        message_ids,
        message_ids[0],
        message_ids[-1],
    )
    return rows


async def has_deliveries(conn: Conn, *, account_id: UUID, mode: int) -> bool:
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM main.webhook_deliveries WHERE account_id = $1 AND mode = $2)",
        account_id,
        mode,
    )
    return found


async def read_batches(
    conn: Conn, *, account_id: UUID, mode: int, between: tuple[UUID, UUID], after: tuple[int, UUID], limit: int
) -> list[Row]:
    """Batches of events between two ids, in the order of their key, after (transaction, id)."""
    rows: list[Row] = await conn.fetch(
        """
        SELECT xid, id, payload FROM main.events
        WHERE account_id = $1 AND mode = $2 AND (xid, id) > ($3::xid8, $4) AND id >= $5 AND id <= $6
        ORDER BY xid, id LIMIT $7
        """,
        account_id,
        mode,
        after[0],
        after[1],
        between[0],
        between[1],
        limit,
    )
    return rows


async def read_deliveries(
    conn: Conn, *, account_id: UUID, mode: int, after: UUID, until: UUID, limit: int
) -> list[Row]:
    rows: list[Row] = await conn.fetch(
        """
        SELECT id, endpoint_id, event_ids, codes, millis, attempts FROM main.webhook_deliveries
        WHERE account_id = $1 AND mode = $2 AND id > $3 AND id <= $4 ORDER BY id LIMIT $5
        """,
        account_id,
        mode,
        after,
        until,
        limit,
    )
    return rows


# What an import asks and writes


async def owners_of(conn: Conn, *, account_id: UUID, message_ids: Sequence[UUID]) -> dict[UUID, UUID | None]:
    """Which of these messages the account has already, and whose they are."""
    rows = await conn.fetch(
        """
        SELECT id, subject_id FROM main.messages
        WHERE account_id = $1 AND id = ANY($2) AND id >= $3 AND id <= $4
        """,
        account_id,
        message_ids,
        min(message_ids),
        max(message_ids),
    )
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """An outcome as a package brings it."""

    message_id: UUID
    rank: int
    at: datetime
    reason: str | None
    carrier_id: UUID | None
    carrier_code: str | None
    attempt: int


async def insert_outcomes(conn: Conn, *, account_id: UUID, rows: Sequence[OutcomeRow]) -> None:
    """History: nothing is charged, counted or told."""
    await conn.execute(
        """
        INSERT INTO main.outcomes (account_id, message_id, rank, at, reason, carrier_id, carrier_code, attempt)
        SELECT $1, * FROM unnest($2::uuid[], $3::smallint[], $4::timestamptz[], $5::text[], $6::uuid[], $7::text[],
                                 $8::smallint[])
        ON CONFLICT DO NOTHING
        """,
        account_id,
        [row.message_id for row in rows],
        [row.rank for row in rows],
        [row.at for row in rows],
        [row.reason for row in rows],
        [row.carrier_id for row in rows],
        [row.carrier_code for row in rows],
        [row.attempt for row in rows],
    )


async def insert_parts(conn: Conn, *, account_id: UUID, rows: Sequence[tuple[UUID, int, int, str | None]]) -> None:
    await conn.execute(
        """
        INSERT INTO main.part_reports (account_id, message_id, part, rank, reason)
        SELECT $1, * FROM unnest($2::uuid[], $3::smallint[], $4::smallint[], $5::text[]) ON CONFLICT DO NOTHING
        """,
        account_id,
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        [row[3] for row in rows],
    )


async def insert_standing(conn: Conn, *, account_id: UUID, mac: bytes, scope: int, state: str, at: datetime) -> None:
    """Bring an opt-out along, with its date; a graver state that stands already is kept."""
    await conn.execute(
        """
        INSERT INTO main.standing AS s (account_id, mac, scope, state, at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (account_id, mac, scope) DO UPDATE SET state = EXCLUDED.state, at = EXCLUDED.at
         WHERE array_position(ARRAY['opted_out', 'restricted', 'erased'], EXCLUDED.state)
               > array_position(ARRAY['opted_out', 'restricted', 'erased'], s.state)
        """,
        account_id,
        mac,
        scope,
        state,
        at,
    )
