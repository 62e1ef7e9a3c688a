"""Webhook tests run on the event loop of production."""

from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

HERE = Path(__file__).parent


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], uvloop.Loop]] | None:
    del config
    return {"uvloop": uvloop.new_event_loop} if item.path.is_relative_to(HERE) else None
