"""Many accounts through the same two connections: whatever fails, nobody ever sees another's row."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

import asyncpg
import pytest

from sendigopro.accounts.create import create_account
from sendigopro.foundation.database_urls import as_role
from sendigopro.foundation.postgres import Pool, as_account, connect_pool
from sendigopro.vault.vault import Vault
from tests.databases import Databases

ACCOUNTS, TASKS = 12, 300


class GaveUpError(Exception):
    """Somebody's code fails in the middle."""


@pytest.fixture
async def pool(databases: Databases) -> AsyncIterator[Pool]:
    pool = await connect_pool(as_role(databases.main_url, "door"), size=2, name="leaks")
    yield pool
    await pool.close()


@pytest.fixture
async def accounts(databases: Databases, vault: Vault) -> list[UUID]:
    owner = await databases.main("owner")
    made = [await create_account(owner, vault, name=f"Account {n}") for n in range(ACCOUNTS)]
    return [one for one in made if one is not None]


async def visible(pool: Pool, account_id: UUID, chance: random.Random) -> set[UUID]:
    """What one request of an account sees, with the mishaps that requests meet."""
    async with as_account(pool, account_id) as conn:
        seen = {row[0] for row in await conn.fetch("SELECT id FROM main.accounts")}
        seen |= {row[0] for row in await conn.fetch("SELECT account_id FROM main.credit")}
        match chance.randrange(6):
            case 0:
                raise GaveUpError
            case 1:
                await conn.execute("SELECT 1 / 0")
            case 2:
                await conn.fetch("SELECT pg_sleep(0.05)")  # long enough to be cancelled in it
            case 3:
                async with conn.transaction():
                    await conn.fetch("SELECT id FROM main.accounts")
            case _:
                pass
        return seen | {row[0] for row in await conn.fetch("SELECT id FROM main.accounts")}


async def test_no_account_sees_anothers_rows_through_a_shared_pool_with_errors_and_cancellations(
    pool: Pool, accounts: list[UUID]
) -> None:
    chance = random.Random(20261127)  # noqa: S311  # the same mishaps each time, no secret
    leaks: list[tuple[UUID, set[UUID]]] = []
    tally = {"seen": 0, "failed": 0, "cancelled": 0}

    async def request(account_id: UUID, *, gives_up: bool) -> None:
        try:
            async with asyncio.timeout(0.01 if gives_up else None):
                seen = await visible(pool, account_id, chance)
        except (GaveUpError, asyncpg.DivisionByZeroError):
            tally["failed"] += 1
        except TimeoutError:
            tally["cancelled"] += 1
        else:
            tally["seen"] += 1
            if seen != {account_id}:
                leaks.append((account_id, seen))

    async def killed(account_id: UUID) -> None:
        task = asyncio.create_task(request(account_id, gives_up=False))
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async with asyncio.TaskGroup() as group:
        for n in range(TASKS):
            account_id = chance.choice(accounts)
            if n % 10 == 0:
                group.create_task(killed(account_id))
            else:
                group.create_task(request(account_id, gives_up=n % 4 == 0))
    assert leaks == []
    assert min(tally.values()) > 0, tally
    async with pool.acquire() as first, pool.acquire() as second:  # both of them, whatever they went through
        for conn in (first, second):
            assert await conn.fetchval("SELECT current_setting('sendigopro.account_id', true)") in (None, "")
            assert await conn.fetch("SELECT id FROM main.accounts") == []


async def test_a_connection_that_was_told_of_no_account_sees_no_row_of_any(pool: Pool, accounts: list[UUID]) -> None:
    assert accounts
    async with pool.acquire() as conn:
        tables = [
            row[0]
            for row in await conn.fetch(
                """
                SELECT c.oid::regclass::text FROM pg_class c
                  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id' AND NOT a.attisdropped
                 WHERE c.relnamespace = 'main'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                   AND has_column_privilege(c.oid, a.attnum, 'SELECT')
                """
            )
        ]
        assert len(tables) > 10
        for table in tables:
            assert await conn.fetch(f"SELECT account_id FROM {table} LIMIT 1") == [], table  # noqa: S608  # pg_class
