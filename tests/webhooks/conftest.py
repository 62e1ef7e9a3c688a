"""Webhook tests run on the event loop of production."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import uvloop

from tests.databases import Databases
from tests.webhooks.desk import Desk, desk_of

HERE = Path(__file__).parent


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], uvloop.Loop]] | None:
    del config
    return {"uvloop": uvloop.new_event_loop} if item.path.is_relative_to(HERE) else None


@pytest.fixture
async def desk(databases: Databases, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_of(databases, tmp_path) as built:
        yield built
