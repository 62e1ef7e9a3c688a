"""Migrations run once, in order, never half, and nothing unannotated passes the gate."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from sendigopro.foundation import migration_files, migrations, roles
from sendigopro.foundation.embedded import EmbeddedServer
from sendigopro.foundation.migration_files import MigrationError

PEOPLE = """
-- Whom we know.
CREATE TABLE IF NOT EXISTS main.people ( -- the line of the table needs no note
    id     uuid PRIMARY KEY, -- @account_ref
    secret bytea NOT NULL CHECK (octet_length(secret) > 0), -- @sealed_body AES-GCM
    note   text DEFAULT 'a; b -- @none' -- @account_fact
);
CREATE FUNCTION main.one() RETURNS integer LANGUAGE plpgsql AS $body$
BEGIN
    RETURN 1; -- not the end of the statement
END;
$body$;
"""


@pytest.fixture
async def empty(server: EmbeddedServer) -> AsyncIterator[str]:
    """A database no migration has touched."""
    admin = await asyncpg.connect(server.url("postgres"), user="postgres")
    await roles.ensure_roles(admin)
    await admin.execute("CREATE DATABASE unmigrated OWNER owner")
    yield server.url("unmigrated")
    await admin.execute("DROP DATABASE unmigrated WITH (FORCE)")
    await admin.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of migrations with the real profiles and no files yet."""
    (tmp_path / "main").mkdir()
    shutil.copy(migration_files.default_folder() / "profiles.json", tmp_path)
    return tmp_path


async def migrate(url: str, folder: Path) -> list[str]:
    conn = await asyncpg.connect(url, user="owner")
    try:
        return await migrations.migrate(conn, "main", folder)
    finally:
        await conn.close()


async def fetchval(url: str, query: str, *values: object) -> Any:  # whatever the query gives
    conn = await asyncpg.connect(url, user="owner")
    try:
        return await conn.fetchval(query, *values)
    finally:
        await conn.close()


async def test_a_second_run_finds_nothing_to_do(empty: str, folder: Path) -> None:
    (folder / "main" / "0001_people.sql").write_text(PEOPLE)
    first = await migrate(empty, folder)
    second = await migrate(empty, folder)

    assert (first, second) == (["0001_people.sql"], [])


async def test_two_nodes_at_once_apply_each_file_once(empty: str, folder: Path) -> None:
    (folder / "main" / "0001_people.sql").write_text(PEOPLE.replace("IF NOT EXISTS ", ""))
    for number in range(2, 8):
        (folder / "main" / f"{number:04}_more.sql").write_text(
            f"ALTER TABLE main.people ADD COLUMN more_{number} text; -- @account_fact"
        )

    results = await asyncio.gather(*(migrate(empty, folder) for _ in range(4)))

    assert min(name for applied in results for name in applied) == "0001_people.sql"
    assert sum(len(applied) for applied in results) == 7


async def test_the_catalogue_carries_all_seven_keys_and_the_profiles_name(empty: str, folder: Path) -> None:
    (folder / "main" / "0001_people.sql").write_text(PEOPLE)
    await migrate(empty, folder)
    comment = json.loads(await fetchval(empty, "SELECT col_description('main.people'::regclass, 2)"))

    assert comment["profile"] == "sealed_body"
    assert set(comment) == {
        *("category", "role", "purposes", "basis", "retention", "source", "recipients", "profile"),
    }


async def test_sealed_columns_are_kept_out_of_statistics(empty: str, folder: Path) -> None:
    (folder / "main" / "0001_people.sql").write_text(PEOPLE)
    await migrate(empty, folder)
    query = """
        SELECT array_agg(attname::text) FROM pg_attribute
         WHERE attrelid = 'main.people'::regclass AND attstattarget = 0
    """

    assert await fetchval(empty, query) == ["secret"]


async def test_a_changed_profile_rewrites_the_comments(empty: str, folder: Path) -> None:
    (folder / "main" / "0001_people.sql").write_text(PEOPLE)
    await migrate(empty, folder)
    path = folder / "profiles.json"
    profiles = json.loads(path.read_text())
    profiles["account_fact"]["retention"] = "statutory"
    path.write_text(json.dumps(profiles))
    await migrate(empty, folder)

    comment = json.loads(await fetchval(empty, "SELECT col_description('main.people'::regclass, 3)"))
    assert comment["retention"] == "statutory"


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("CREATE TABLE main.bare (id uuid);", "main.bare.id (no annotation)"),
        ("CREATE TABLE jobs.bare (id uuid);", "jobs.bare.id (no annotation)"),
        ("CREATE TABLE main.odd (\n id uuid -- @nobody_knows\n);", "main.odd.id: profiles.json has no 'nobody_knows'"),
        ("CREATE TABLE main.odd (\n id uuid\n); COMMENT ON COLUMN main.odd.id IS 'an id';", "not JSON"),
        (
            """CREATE TABLE main.odd (
                id uuid -- @sealed_body
            );
            ALTER TABLE main.odd ALTER COLUMN id SET STATISTICS 10;""",
            "main.odd.id (statistics must be 0)",
        ),
        ("CREATE TABLE main.odd (\n id uuid -- @account_ref\n) PARTITION BY RANGE (id);", "main.odd (needs a plan"),
        (
            "CREATE TABLE main.odd ( -- @partitions\n id bigint -- @account_ref\n) PARTITION BY RANGE (id);",
            "range column must be one of uuid, date, timestamptz",
        ),
        ("CREATE TABLE main.odd (id uuid)", "has no semicolon"),
        ("SELECT nonsense;", "nonsense"),
    ],
)
async def test_a_faulty_migration_is_refused_and_leaves_nothing(
    empty: str, folder: Path, sql: str, complaint: str
) -> None:
    (folder / "main" / "0001_people.sql").write_text(PEOPLE)
    (folder / "main" / "0002_faulty.sql").write_text(sql)

    with pytest.raises(MigrationError) as refused:
        await migrate(empty, folder)

    assert complaint in str(refused.value)
    assert await fetchval(empty, "SELECT coalesce(to_regclass('main.odd'), to_regclass('main.bare'))") is None


async def test_an_edited_file_is_refused(empty: str, folder: Path) -> None:
    path = folder / "main" / "0001_people.sql"
    path.write_text(PEOPLE)
    await migrate(empty, folder)
    path.write_text(PEOPLE + "SELECT 1;")

    with pytest.raises(MigrationError, match=r"0001_people\.sql has been edited"):
        await migrate(empty, folder)


async def test_one_number_for_two_files_is_refused(empty: str, folder: Path) -> None:
    (folder / "main" / "0001_people.sql").write_text(PEOPLE)
    (folder / "main" / "0001_places.sql").write_text(PEOPLE)

    with pytest.raises(MigrationError, match="same number"):
        await migrate(empty, folder)


async def test_the_roles_have_only_what_was_granted(empty: str, folder: Path) -> None:
    (folder / "main" / "0001_people.sql").write_text(PEOPLE)
    await migrate(empty, folder)
    for role in ("pipeline", "door"):
        conn = await asyncpg.connect(empty, user=role)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.fetch("SELECT id FROM main.people")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute("CREATE TABLE main.mine (id uuid)")
        await conn.close()


async def test_a_stranger_cannot_connect(empty: str) -> None:
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(empty, user="stranger")


async def test_a_user_who_may_not_make_roles_is_told_what_the_administrator_must_run(
    server: EmbeddedServer, empty: str
) -> None:
    admin = await asyncpg.connect(server.url("postgres"), user="postgres")
    await admin.execute("CREATE ROLE modest LOGIN")
    conn = await asyncpg.connect(empty.replace("unmigrated", "postgres"), user="modest")

    with pytest.raises(roles.RolesMissingError, match='GRANT owner, pipeline, door TO "modest"'):
        await roles.ensure_roles(conn)
    await conn.close()
    await admin.execute("DROP ROLE modest")
    await admin.close()
