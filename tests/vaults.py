"""Vaults for tests: real databases, real key files, closed at the end."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from sendigopro.foundation.database_urls import as_role
from sendigopro.foundation.postgres import Conn, Pool, connect_pool
from sendigopro.vault.keepers.file import FileKeeper
from sendigopro.vault.tree import KeyTree
from sendigopro.vault.vault import Vault

OpenVault = Callable[[], Awaitable[Vault]]


@pytest.fixture
async def vault_pool(vault_url: str) -> AsyncIterator[Pool]:
    """As the product reads and writes `vault`."""
    pool = await connect_pool(as_role(vault_url, "pipeline"), size=4, name="test", is_hot=True)
    yield pool
    await pool.close()


@pytest.fixture
async def vault_owner(vault_url: str) -> AsyncIterator[Conn]:
    """As a migration, or somebody who broke in, may change `vault`."""
    conn = await asyncpg.connect(as_role(vault_url, "owner"))
    yield conn
    await conn.close()


@pytest.fixture
async def main_pool(main_url: str) -> AsyncIterator[Pool]:
    pool = await connect_pool(as_role(main_url, "pipeline"), size=4, name="test", is_hot=True)
    yield pool
    await pool.close()


@pytest.fixture
async def main_owner(main_url: str) -> AsyncIterator[Conn]:
    conn = await asyncpg.connect(as_role(main_url, "owner"))
    yield conn
    await conn.close()


def key_tree(folder: Path) -> KeyTree:
    """A key store as `up` makes it, opened as cold as by a new process."""
    return KeyTree([folder], FileKeeper([folder / "keeper"]))


@pytest.fixture
def keys(tmp_path: Path) -> KeyTree:
    return key_tree(tmp_path / "keys")


@pytest.fixture
async def open_vault(vault_pool: Pool, tmp_path: Path) -> AsyncIterator[OpenVault]:
    """Opens as many vaults as a test wants, each as cold as a new process."""
    opened: list[Vault] = []

    async def open_one() -> Vault:
        opened.append(Vault(vault_pool, key_tree(tmp_path / "keys")))
        return opened[-1]

    yield open_one
    for vault in opened:
        await vault.close()


@pytest.fixture
async def vault(open_vault: OpenVault) -> Vault:
    return await open_vault()
