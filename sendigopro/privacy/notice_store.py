"""The SQL of the notice: its versions, its proofs, and what the columns say."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sendigopro.foundation.postgres import Conn, Row


async def act_as_owner(conn: Conn) -> None:
    """Until the end of the transaction."""
    await conn.execute("SET LOCAL ROLE owner")


async def read_hashes(conn: Conn) -> Mapping[int, bytes]:
    """What stands there already."""
    return {row["id"]: row["sha256"] for row in await conn.fetch("SELECT id, sha256 FROM main.notice_versions")}


async def insert_version(
    conn: Conn,
    number: int,
    *,
    published_at: datetime,
    effective_at: datetime,
    sha256: bytes,
    body: str,
    difference: str,
    change_class: str,
) -> None:
    await conn.execute(
        """
        INSERT INTO main.notice_versions (id, published_at, effective_at, sha256, body, difference, change_class)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        number,
        published_at,
        effective_at,
        sha256,
        body,
        difference,
        change_class,
    )


async def read_versions(conn: Conn) -> list[Row]:
    """All, newest first, without their bodies; `is_in_force` once its day has come."""
    rows: list[Row] = await conn.fetch(
        """
        SELECT id, published_at, effective_at, sha256, difference, change_class, effective_at <= now() AS is_in_force
          FROM main.notice_versions ORDER BY id DESC
        """
    )
    return rows


async def read_body(conn: Conn, number: int) -> str | None:
    body: str | None = await conn.fetchval("SELECT body FROM main.notice_versions WHERE id = $1", number)
    return body


async def insert_runs(conn: Conn, *, at: datetime, version: str, results: Iterable[tuple[str, bool, str]]) -> None:
    """One run: clause, whether it passed, and a figure."""
    await conn.executemany(
        "INSERT INTO main.proof_runs (clause, at, version, passed, figure) VALUES ($1, $2, $3, $4, $5)",
        [(clause, at, version, passed, figure) for clause, passed, figure in results],
    )


async def read_last_runs(conn: Conn) -> list[Row]:
    """The last run of each clause."""
    rows: list[Row] = await conn.fetch(
        "SELECT DISTINCT ON (clause) clause, at, version, passed, figure FROM main.proof_runs ORDER BY clause, at DESC"
    )
    return rows


async def read_comments(conn: Conn, schemas: list[str]) -> list[Row]:
    """What each column says of itself; partitions say what their parent says."""
    rows: list[Row] = await conn.fetch(
        """
        SELECT n.nspname || '.' || c.relname AS table, a.attname AS column, col_description(c.oid, a.attnum) AS comment
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         ORDER BY 1, a.attnum
        """,
        schemas,
    )
    return rows
