"""Forward-only migrations of both databases, and the gate that no column without an annotation passes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import asyncpg

from sendigopro.foundation import clock, migration_files, partitions
from sendigopro.foundation.catalogue import Annotation, UnknownWordError, read_comment
from sendigopro.foundation.migration_files import Migration, MigrationError, Statement
from sendigopro.foundation.postgres import Conn

Database = Literal["main", "vault"]

SCHEMAS: Mapping[Database, tuple[str, ...]] = {"main": ("main", "jobs"), "vault": ("vault",)}
LOCK = 0x5E4D1601  # any number, the same in every version
LEDGER_PROFILE = "operations"  # of the table of applied migrations


async def migrate(conn: Conn, database: Database, folder: Path | None = None) -> list[str]:
    """Apply what is missing and return its names; safe to repeat and by two nodes at once.

    Every file is a transaction of its own under one lock, and is looked up again after the lock is held: whoever
    comes second finds it done. `conn` must be able to act as `owner` (see roles.py).
    """
    folder = folder or migration_files.default_folder()
    profiles = migration_files.read_profiles(folder)
    migrations = migration_files.read_migrations(folder / database)
    await conn.execute("SET ROLE owner")
    await make_ledger(conn, database, profiles)
    applied = [name for migration in migrations if (name := await apply(conn, migration, database, profiles=profiles))]
    await refresh_comments(conn, database, profiles)
    await partitions.ensure_ahead(conn, today=clock.today())
    await conn.execute("RESET ROLE")
    return applied


async def pending(conn: Conn, database: Database, folder: Path | None = None) -> list[str]:
    """The names of migrations that are not applied."""
    folder = folder or migration_files.default_folder()
    rows = await conn.fetch(f"SELECT number FROM {database}.migrations")  # noqa: S608  # one of two names
    applied = {row["number"] for row in rows}
    return [one.name for one in migration_files.read_migrations(folder / database) if one.number not in applied]


async def make_ledger(conn: Conn, database: Database, profiles: Mapping[str, Annotation]) -> None:
    """Schemas, who may look into them, and the table of applied migrations."""
    async with conn.transaction():
        await lock(conn)
        for schema in SCHEMAS[database]:
            await conn.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            await conn.execute(f"GRANT USAGE ON SCHEMA {schema} TO pipeline, door")
        ledger = f"{database}.migrations"
        columns = {"number": "integer PRIMARY KEY", "name": "text", "checksum": "bytea", "applied_at": "timestamptz"}
        definitions = ", ".join(f"{name} {kind} NOT NULL" for name, kind in columns.items())
        await conn.execute(f"CREATE TABLE IF NOT EXISTS {ledger} ({definitions})")
        await conn.execute(f"GRANT SELECT ON {ledger} TO pipeline, door")
        for column in columns:
            await annotate(conn, ledger, column, annotation=profiles[LEDGER_PROFILE])


async def apply(conn: Conn, migration: Migration, database: Database, *, profiles: Mapping[str, Annotation]) -> str:
    """Apply one file, or return an empty name when it is there already."""
    async with conn.transaction():
        await lock(conn)
        known = f"SELECT checksum FROM {database}.migrations WHERE number = $1"  # noqa: S608  # one of two names
        before = await conn.fetchval(known, migration.number)
        if before == migration.checksum:
            return ""
        if before is not None:
            raise MigrationError(
                f"{database}/{migration.name} has been edited since it was applied: "
                "undo that and write a new migration."
            )
        for statement in migration.statements:
            await run(conn, statement, migration, profiles=profiles)
        await check_columns(conn, database, migration)
        await conn.execute(
            f"INSERT INTO {database}.migrations (number, name, checksum, applied_at) VALUES ($1, $2, $3, now())",  # noqa: S608  # one of two names
            migration.number,
            migration.name,
            migration.checksum,
        )
    return migration.name


async def run(conn: Conn, statement: Statement, migration: Migration, *, profiles: Mapping[str, Annotation]) -> None:
    """Run one statement and write its notes into the catalogue."""
    try:
        await conn.execute(statement.sql)
    except asyncpg.PostgresError as error:
        raise MigrationError(f"{migration.name}: {error} in: {statement.sql[:200]}") from error
    for column, profile in statement.profiles:
        if profile not in profiles:
            raise MigrationError(f"{migration.name}: {statement.table}.{column}: profiles.json has no {profile!r}.")
        await annotate(conn, statement.table, column, annotation=profiles[profile])
    if statement.plan:
        await partitions.write_plan(conn, statement.table, partitions.read_words(statement.plan))


async def annotate(conn: Conn, table: str, column: str, *, annotation: Annotation) -> None:
    """Put the whole annotation on a column; where its values are personal, keep them out of pg_statistic."""
    text = annotation.comment().replace("'", "''")
    await conn.execute(f"COMMENT ON COLUMN {table}.{column} IS '{text}'")
    target = 0 if annotation.is_kept_from_statistics else -1
    await conn.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS {target}")


async def check_columns(conn: Conn, database: Database, migration: Migration) -> None:
    """The gate: every column of every table of ours says what it holds, or nothing of the migration stays."""
    faults = []
    for row in await columns_of(conn, database):
        try:
            annotation = read_comment(row["comment"] or "null")
        except UnknownWordError as error:
            faults.append(f"{row['column']} ({error if row['comment'] else 'no annotation'})")
            continue
        if annotation.is_kept_from_statistics and row["statistics"] != 0:
            faults.append(f"{row['column']} (statistics must be 0)")
    faults += await partitions.faults(conn, SCHEMAS[database])
    if faults:
        raise MigrationError(f"{database}/{migration.name}: the gate is closed for {', '.join(faults)}.")


async def columns_of(conn: Conn, database: Database) -> list[asyncpg.Record]:
    """Every column with its comment; a partition has its parent's comment, but statistics of its own."""
    rows: list[asyncpg.Record] = await conn.fetch(
        """
        SELECT n.nspname || '.' || c.relname || '.' || a.attname AS column,
               c.oid::regclass::text AS table, a.attname AS name,
               col_description(coalesce(i.inhparent, c.oid), p.attnum) AS comment, a.attstattarget AS statistics
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND c.relispartition
          JOIN pg_attribute p ON p.attrelid = coalesce(i.inhparent, c.oid) AND p.attname = a.attname
         WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p')
         ORDER BY 1
        """,
        [*SCHEMAS[database]],
    )
    return rows


async def refresh_comments(conn: Conn, database: Database, profiles: Mapping[str, Annotation]) -> None:
    """Write comments again whose profile has changed in profiles.json since."""
    async with conn.transaction():
        await lock(conn)
        for row in await columns_of(conn, database):
            written = read_comment(row["comment"])
            current = profiles.get(written.profile, written)
            if current != written:
                await annotate(conn, row["table"], row["name"], annotation=current)


async def lock(conn: Conn) -> None:
    await conn.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
