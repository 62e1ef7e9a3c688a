"""A house for every test that asks."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.databases import Databases
from tests.messages.house import House, house_of


@pytest.fixture
async def house(databases: Databases, tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(databases, tmp_path) as built:
        yield built
