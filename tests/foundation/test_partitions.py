"""Partitions are there before the first row needs them, and far expiries never stand in their way."""

import asyncio
from datetime import date, timedelta
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendigopro.foundation import clock, ids, migration_files, migrations, partitions
from sendigopro.foundation.database_urls import as_role
from tests.databases import Databases

TODAY = date(2026, 11, 23)
TABLES = """
CREATE TABLE main.things ( -- @partitions ahead=14
    account_id uuid NOT NULL, -- @account_ref
    id uuid NOT NULL, -- @subject_ref
    word text NOT NULL DEFAULT 'none' CHECK (word <> ''), -- @message_fact
    PRIMARY KEY (account_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX things_word ON main.things (account_id, word);
CREATE TABLE main.papers ( -- @partitions reach=35 firsts=13
    account_id uuid NOT NULL, -- @account_ref
    expires_on date NOT NULL -- @message_fact
) PARTITION BY RANGE (expires_on);
CREATE TABLE main.hours ( -- @partitions every=month
    at timestamptz NOT NULL -- @tally
) PARTITION BY RANGE (at);
"""


@pytest.fixture
async def tables(databases: Databases, tmp_path: Path) -> None:
    (tmp_path / "main").mkdir()
    profiles = migration_files.default_folder() / "profiles.json"
    (tmp_path / "profiles.json").write_bytes(profiles.read_bytes())
    (tmp_path / "main" / "9000_tables.sql").write_text(TABLES)
    conn = await databases.main("owner")
    await migrations.migrate(conn, "main", tmp_path)


@pytest.fixture
async def conn(databases: Databases, tables: None) -> asyncpg.Connection:  # noqa: ARG001  # it makes the tables
    return await databases.main("owner")


async def names_of(conn: asyncpg.Connection, table: str) -> list[str]:
    rows = await conn.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::text::regclass", table
    )
    return sorted(row["name"] for row in rows)


async def test_days_are_made_from_yesterday_to_the_horizon(conn: asyncpg.Connection) -> None:
    await partitions.ensure_ahead(conn, today=TODAY)
    names = await names_of(conn, "main.things")

    assert {"main.things_d20261122", "main.things_d20261123", "main.things_d20261207"} <= set(names)
    assert await partitions.days_ahead(conn, today=TODAY) == 14


async def test_readiness_shrinks_as_days_pass_without_upkeep(conn: asyncpg.Connection) -> None:
    await partitions.ensure_ahead(conn, today=TODAY + timedelta(days=400))

    assert await partitions.days_ahead(conn, today=TODAY + timedelta(days=413)) == 1
    assert await partitions.days_ahead(conn, today=TODAY + timedelta(days=414)) == 0
    assert await partitions.days_ahead(conn, today=TODAY + timedelta(days=416)) < 0


async def test_rows_land_in_the_partition_of_their_id(conn: asyncpg.Connection) -> None:
    account = ids.new()
    for shift in (-1, 0, 13):
        day = ids.first_of_day(clock.today() + timedelta(days=shift))
        await conn.execute("INSERT INTO main.things (account_id, id) VALUES ($1, $2)", account, day)
    rows = await conn.fetch("SELECT tableoid::regclass::text AS name FROM main.things ORDER BY id")

    expected = [f"main.things_d{clock.today() + timedelta(days=shift):%Y%m%d}" for shift in (-1, 0, 13)]
    assert [row["name"] for row in rows] == expected


async def test_a_new_partition_has_the_parents_indexes_defaults_checks_and_silent_columns(
    conn: asyncpg.Connection,
) -> None:
    await partitions.ensure_ahead(conn, today=TODAY)
    name = "main.things_d20261123"
    indexes = await conn.fetchval("SELECT count(*) FROM pg_index WHERE indrelid = $1::text::regclass", name)
    quiet = await partitions.quiet_columns(conn, name)

    assert indexes == 2
    assert quiet == ["id"]
    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute("INSERT INTO main.things VALUES ($1, $2, '')", ids.new(), ids.first_of_day(TODAY))


@pytest.mark.usefixtures("tables")
async def test_two_nodes_at_once_make_each_partition_once(databases: Databases) -> None:
    others = [await databases.main("owner") for _ in range(3)]
    later = TODAY + timedelta(days=100)
    made = await asyncio.gather(*(partitions.ensure_ahead(other, today=later) for other in others))

    flat = [name for names in made for name in names]
    assert len(flat) == len(set(flat)) > 0


async def test_making_partitions_does_not_wait_for_readers_or_writers(
    conn: asyncpg.Connection, databases: Databases
) -> None:
    busy = await databases.main("owner")
    async with busy.transaction():
        await busy.execute(
            "INSERT INTO main.things (account_id, id) VALUES ($1, $2)",
            ids.new(),
            ids.first_of_day(clock.today()),
        )
        async with asyncio.timeout(10):
            made = await partitions.ensure_ahead(conn, today=clock.today() + timedelta(days=5))

    assert made


async def test_upkeep_over_a_year_never_overlaps_and_every_bucket_has_its_partition(conn: asyncpg.Connection) -> None:
    for day in range(0, 400, 13):
        today = TODAY + timedelta(days=day)
        await partitions.ensure_ahead(conn, today=today)
        for distance in (0, 1, 34, 35, 36, 60, 200, 365):
            bucket = partitions.expiry_bucket(today + timedelta(days=distance), today)
            await conn.execute("INSERT INTO main.papers VALUES ($1, $2)", ids.new(), bucket)

    assert await conn.fetchval("SELECT count(*) FROM main.papers") == 31 * 8


async def test_months_are_made_whole(conn: asyncpg.Connection) -> None:
    await partitions.ensure_ahead(conn, today=date(2026, 12, 20))

    assert {"main.hours_m202612", "main.hours_m202701"} <= set(await names_of(conn, "main.hours"))


async def test_retention_drops_what_has_ended_and_nothing_else(conn: asyncpg.Connection) -> None:
    await partitions.ensure_ahead(conn, today=TODAY)
    gone = await partitions.drop_before(conn, "main.papers", TODAY)
    left = await names_of(conn, "main.papers")

    assert gone == ["main.papers_d20261122"]
    assert left[0] == "main.papers_d20261123"


async def test_a_partition_in_use_is_left_for_the_next_time(conn: asyncpg.Connection, databases: Databases) -> None:
    await partitions.ensure_ahead(conn, today=TODAY)
    reader = await databases.main("owner")
    async with reader.transaction():
        await reader.fetch("SELECT account_id FROM main.papers")
        while_read = await partitions.drop_before(conn, "main.papers", TODAY)
    afterwards = await partitions.drop_before(conn, "main.papers", TODAY)

    assert (while_read, afterwards) == ([], ["main.papers_d20261122"])


async def test_upkeep_makes_what_is_missing_in_every_database(conn: asyncpg.Connection, databases: Databases) -> None:
    missing = f"main.things_d{clock.today() + timedelta(days=3):%Y%m%d}"
    await conn.execute(f"DROP TABLE {missing}")
    job = asyncio.create_task(
        partitions.keep_ahead([as_role(url, "owner") for url in (databases.main_url, databases.vault_url)])
    )
    async with asyncio.timeout(20):
        while missing not in await names_of(conn, "main.things"):  # the catalogue tells nobody
            await asyncio.sleep(0.02)
    job.cancel()
    await asyncio.wait([job])

    assert job.cancelled()


@given(st.dates(date(2026, 1, 1), date(2090, 1, 1)), st.integers(0, 400))
def test_an_expiry_bucket_is_never_early_and_at_most_a_month_late(today: date, distance: int) -> None:
    day = today + timedelta(days=distance)
    bucket = partitions.expiry_bucket(day, today)

    assert timedelta(0) <= bucket - day < timedelta(days=31)
    assert bucket == day or (bucket.day == 1 and distance > partitions.NEAR_DAYS)
