"""A desk for every test of packages that asks: messages are sent, received, and told to an endpoint."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.databases import Databases
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
