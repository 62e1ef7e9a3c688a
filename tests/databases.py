"""What all tests share: one PostgreSQL for the session, a fresh pair of databases for every test that asks."""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from sendigopro.foundation import clock, migrations, partitions, roles
from sendigopro.foundation.embedded import EmbeddedServer, Tuning

COUNTER = itertools.count(1)
DAYS_KEPT = 5


class Databases:
    """Two migrated databases of one test. The addresses name no role; `main` and `vault` connect as one."""

    def __init__(self, main_url: str, vault_url: str) -> None:
        self.main_url = main_url
        self.vault_url = vault_url
        self.opened: list[asyncpg.Connection] = []

    async def main(self, role: str = "pipeline") -> asyncpg.Connection:
        return await self.connect(self.main_url, role)

    async def vault(self, role: str = "pipeline") -> asyncpg.Connection:
        return await self.connect(self.vault_url, role)

    async def connect(self, url: str, role: str) -> asyncpg.Connection:
        """A connection the fixture closes."""
        conn = await asyncpg.connect(url, user=role)
        self.opened.append(conn)
        return conn

    async def close(self) -> None:
        for conn in self.opened:
            await conn.close()


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """A real server without fsync; tests of durability start their own."""
    folder = Path(tempfile.mkdtemp(prefix="sendigopro-test-"))
    running = EmbeddedServer(folder, Tuning(is_durable=False, max_connections=200))
    try:
        asyncio.run(running.start())
        yield running
    finally:
        asyncio.run(running.stop())
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def templates(server: EmbeddedServer) -> None:
    """Migrate `main` and `vault` once; every test copies them."""
    asyncio.run(migrate_both(server))


async def migrate_both(server: EmbeddedServer) -> None:
    admin = await asyncpg.connect(server.url("postgres"), user="postgres")
    await roles.ensure_roles(admin)
    await roles.ensure_databases(admin)
    await admin.close()
    for database in ("main", "vault"):
        conn = await asyncpg.connect(server.url(database), user="owner")
        await migrations.migrate(conn, database)
        await thin_out(conn)
        await conn.close()


async def thin_out(conn: asyncpg.Connection) -> None:
    """Keep the partitions of the next days only: a copy costs what its files cost, and most would stay empty."""
    last = clock.today() + timedelta(days=DAYS_KEPT)
    for parent in await partitions.parents(conn):
        if parent.plan.firsts or parent.plan.every != "day":  # filed by a day far ahead, or few anyway
            continue
        for name in parent.partitions:
            if partitions.end_of(name) > last:
                await conn.execute(f"DROP TABLE {name}")


@pytest.fixture
def main_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # it migrates
    """Where a `main` of this test alone is: eight tenths of a second, for its many partitions.

    Tests that look at their own account only can share one: a fixture of this name, scope="module", made of `copied`.
    """
    yield from copied(server, "main")


@pytest.fixture
def vault_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # it migrates
    """Where a `vault` of this test alone is: a tenth."""
    yield from copied(server, "vault")


def copied(server: EmbeddedServer, template: str) -> Iterator[str]:
    """A copy of a migrated database, dropped at the end."""
    name = f"{template}_{next(COUNTER)}"
    asyncio.run(administer(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY OWNER owner"))
    yield server.url(name)
    asyncio.run(administer(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def administer(server: EmbeddedServer, statement: str) -> None:
    conn = await asyncpg.connect(server.url("postgres"), user="postgres")
    await conn.execute(statement)
    await conn.close()


@pytest.fixture
async def databases(main_url: str, vault_url: str) -> AsyncIterator[Databases]:
    """A `main` and a `vault` of this test alone."""
    databases = Databases(main_url, vault_url)
    yield databases
    await databases.close()
