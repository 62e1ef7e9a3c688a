"""A desk for every test of packages that asks: messages are sent, received, and told to an endpoint."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sendigopro.foundation.embedded import EmbeddedServer
from tests.databases import Databases, copied
from tests.messages.house import House, house_of
from tests.webhooks.desk import Desk, desk_of


@pytest.fixture
async def desk(databases: Databases, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_of(databases, tmp_path) as built:
        yield built


@pytest.fixture
async def house(databases: Databases, tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(databases, tmp_path) as built:
        yield built


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    return tmp_path / "exports"


@pytest.fixture
async def elsewhere(server: EmbeddedServer, templates: None, tmp_path: Path) -> AsyncIterator[House]:  # noqa: ARG001
    """A second instance: other databases, another key store, another account."""
    main, vault = copied(server, "main"), copied(server, "vault")
    databases = Databases(await asyncio.to_thread(next, main), await asyncio.to_thread(next, vault))
    async with house_of(databases, tmp_path / "elsewhere") as built:
        yield built
    await databases.close()
    for copy in (main, vault):
        await asyncio.to_thread(next, copy, None)
