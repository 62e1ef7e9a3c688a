"""The SQL of lists that members take away: asked, written by a worker, ended after a day or by an erasure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sendigopro.foundation.postgres import Conn, Row


@dataclass(frozen=True, slots=True)
class Export:
    """One of them."""

    account_id: UUID
    person_id: UUID
    id: UUID
    mode: int
    format: str
    with_subjects: bool
    with_bodies: bool
    is_personal: bool
    """Somebody can be told in it: erasing anybody ends it."""
    state: str
    query: bytes | None = field(repr=False)
    key: bytes | None = field(repr=False)
    done: int
    reached: datetime | None
    is_cut: bool
    created_at: datetime
    ends_at: datetime


COLUMNS = (
    "account_id, person_id, id, mode, format, with_subjects, with_bodies, is_personal, state, query, key, done, "
    "reached, is_cut, created_at, ends_at"
)


def _export(row: Row) -> Export:
    return Export(*(row[name] for name in COLUMNS.split(", ")))


async def insert_export(conn: Conn, export: Export, *, at_most: int) -> bool:
    """False when the member has so many already."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 21))", export.person_id.hex)
    done = await conn.execute(
        """
        INSERT INTO main.message_exports (account_id, person_id, id, mode, format, with_subjects, with_bodies,
               is_personal, query, key, created_at, ends_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
        WHERE (SELECT count(*) FROM main.message_exports
               WHERE account_id = $1 AND person_id = $2 AND ends_at > $11) < $13
        """,
        export.account_id, export.person_id, export.id, export.mode, export.format, export.with_subjects,
        export.with_bodies, export.is_personal, export.query, export.key, export.created_at, export.ends_at, at_most,
    )  # fmt: skip
    return bool(done.endswith(" 1"))


async def list_exports(conn: Conn, *, account_id: UUID, person_id: UUID, mode: int, now: datetime) -> list[Export]:
    """One member's that are not over, newest first."""
    rows = await conn.fetch(
        f"""
        SELECT {COLUMNS} FROM main.message_exports
        WHERE account_id = $1 AND person_id = $2 AND mode = $3 AND ends_at > $4 ORDER BY id DESC LIMIT 100
        """,  # noqa: S608  # the columns above
        account_id, person_id, mode, now,
    )  # fmt: skip
    return [_export(row) for row in rows]


async def read_export(conn: Conn, *, account_id: UUID, person_id: UUID, export_id: UUID) -> Export | None:
    """One, if it is theirs."""
    row = await conn.fetchrow(
        f"SELECT {COLUMNS} FROM main.message_exports WHERE account_id = $1 AND person_id = $2 AND id = $3",  # noqa: S608  # the columns above
        account_id, person_id, export_id,
    )  # fmt: skip
    return None if row is None else _export(row)


async def end_export(conn: Conn, *, account_id: UUID, person_id: UUID, export_id: UUID) -> None:
    """Nobody opens its file again."""
    await conn.execute(
        """
        UPDATE main.message_exports SET state = 'ended', query = NULL, key = NULL
        WHERE account_id = $1 AND person_id = $2 AND id = $3
        """,
        account_id, person_id, export_id,
    )  # fmt: skip


async def end_personal(conn: Conn, *, account_id: UUID) -> None:
    """Somebody is forgotten: what may tell of them opens to nobody from this transaction on."""
    await conn.execute(
        """
        UPDATE main.message_exports SET state = 'ended', query = NULL, key = NULL
        WHERE account_id = $1 AND is_personal AND state <> 'ended'
        """,
        account_id,
    )


async def ended_of(conn: Conn, *, account_id: UUID) -> list[UUID]:
    """Whose files must go."""
    rows = await conn.fetch("SELECT id FROM main.message_exports WHERE account_id = $1 AND state = 'ended'", account_id)
    return [row["id"] for row in rows]


async def lease_of_everyone(conn: Conn, *, lease_seconds: float) -> Export | None:
    """The next that waits, of any account; who died at one is followed by somebody who begins anew."""
    row = await conn.fetchrow(
        f"""
        UPDATE main.message_exports SET lease_until = now() + make_interval(secs => $1), done = 0, reached = NULL
        WHERE (account_id, person_id, id) = (
            SELECT account_id, person_id, id FROM main.message_exports
            WHERE state = 'waiting' AND lease_until < now() AND ends_at > now()
            ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED
        ) RETURNING {COLUMNS}
        """,  # noqa: S608  # the columns above
        lease_seconds,
    )
    return None if row is None else _export(row)


async def note_progress(
    conn: Conn, export: Export, *, state: str, done: int, reached: datetime | None, is_cut: bool, lease_seconds: float
) -> bool:
    """False when it has been ended meanwhile: then nothing of it may stay."""
    noted = await conn.execute(
        """
        UPDATE main.message_exports
        SET state = $4, done = $5, reached = $6, is_cut = $7, lease_until = now() + make_interval(secs => $8)
        WHERE account_id = $1 AND person_id = $2 AND id = $3 AND state = 'waiting'
        """,
        export.account_id, export.person_id, export.id, state, done, reached, is_cut, lease_seconds,
    )  # fmt: skip
    return bool(noted.endswith(" 1"))


async def delete_over_of_everyone(conn: Conn, *, now: datetime) -> Sequence[tuple[UUID, UUID]]:
    """What is over: account and export, whose files go as well."""
    rows = await conn.fetch("DELETE FROM main.message_exports WHERE ends_at <= $1 RETURNING account_id, id", now)
    return [(row["account_id"], row["id"]) for row in rows]
