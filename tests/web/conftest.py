"""A whole web process on real databases, answering on a free port, and somebody who knows its keys."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sendigopro.accounts.create import create_account
from sendigopro.accounts.keys import create_key
from sendigopro.accounts.model import SCOPES
from sendigopro.console import handset_key
from sendigopro.web import process
from tests.databases import Databases
from tests.messages.house import House, house_of
from tests.web.serving import Reply, reply, say, serving


@dataclass(slots=True)
class Site:
    """A served application, its house, and keys for it."""

    house: House
    web: process.Web
    databases: Databases
    port: int
    test_key: str
    live_key: str
    more: dict[str, Any] = field(default_factory=dict)

    async def ask(
        self,
        method: str,
        target: str,
        body: object = None,
        *,
        key: str | None = "",
        raw: bytes | None = None,
        **headers: str,
    ) -> Reply:
        """One request on a connection of its own; `key=None` sends none."""
        sent = raw if raw is not None else b"" if body is None else msgspec.json.encode(body)
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close"]
        if sent:
            lines.append(f"Content-Length: {len(sent)}")
        if key is not None:
            lines.append(f"Authorization: Bearer {key or self.test_key}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return reply(await say(self.port, "\r\n".join(lines).encode() + b"\r\n\r\n" + sent, until_closed=True))

    async def new_key(self, *scopes: str, mode: int = 0) -> str:
        """A key of the same account."""
        owner = await self.databases.main("owner")
        made = await create_key(
            owner, account_id=self.house.account_id, mode=mode, scopes=scopes or SCOPES, purpose="transactional"
        )
        return made.token

    async def strangers_key(self) -> str:
        """A key of another account."""
        owner = await self.databases.main("owner")
        async with owner.transaction():
            account_id = await create_account(owner, self.house.vault, name="Stranger", currency="EUR")
            assert account_id is not None
            made = await create_key(owner, account_id=account_id, mode=0, scopes=SCOPES, purpose="transactional")
        return made.token

    async def handset_cookie(self) -> str:
        """What `up` prints, as the cookie it becomes."""
        return f"sendigopro_handset={await handset_key.issue(self.house.vault, self.house.account_id)}"


@asynccontextmanager
async def site_of(house: House, databases: Databases, *, port: int = 0) -> AsyncIterator[Site]:
    """Serve a house."""
    web = process.build(house.runtime)
    await web.directory.refresh()
    jobs = asyncio.create_task(process.run_jobs(web))
    async with serving(web.root, port) as port_taken:
        built = Site(house, web, databases, port_taken, "", "")
        built.test_key = await built.new_key()
        built.live_key = await built.new_key(mode=1)
        yield built
    jobs.cancel()
    await asyncio.gather(jobs, return_exceptions=True)
    await web.vault.close()


@pytest.fixture
async def site(databases: Databases, tmp_path: Path) -> AsyncIterator[Site]:
    async with house_of(databases, tmp_path) as house, site_of(house, databases) as built:
        yield built
