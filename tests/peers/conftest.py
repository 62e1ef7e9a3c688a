"""One instance for all tests with peers, and an address that takes its webhooks."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.instance import Instance, passing_folder


@dataclass(slots=True)
class Hook:
    """Webhooks as they came, headers and body, for a stranger's library to verify."""

    received: asyncio.Queue[tuple[dict[str, str], bytes]] = field(default_factory=asyncio.Queue)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        await self.received.put((headers, await request.read()))
        return web.Response()


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    application = web.Application()
    application.router.add_post("/hook", hook.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.port = runner.addresses[0][1]
    yield hook
    await runner.cleanup()


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    with passing_folder() as folder:
        instance = Instance(folder)
        try:
            instance.start()
            yield instance
        finally:
            instance.stop()


@pytest.fixture
def ready(instance: Instance) -> dict[str, Any]:
    """What the ready file says: addresses and keys."""
    return instance.wait_ready()


@pytest.fixture
def here() -> Path:
    return Path(__file__).parent
