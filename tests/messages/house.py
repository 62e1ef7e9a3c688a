"""A whole message path in one process, on real databases: an account, carriers, intake and a worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from sendigopro import worker
from sendigopro.accounts.create import create_account
from sendigopro.accounts.keys import Caller, Callers, create_key
from sendigopro.accounts.model import SCOPES
from sendigopro.channels import credentials, store
from sendigopro.channels.directory import Directory
from sendigopro.channels.model import PLATFORM, Carrier, Sender
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Pool, as_account, connect_pool
from sendigopro.foundation.problems import Problem
from sendigopro.messages.accept import Idempotency, NewMessage
from sendigopro.messages.intake import Intake
from sendigopro.messages.model import Channel, Mode, Status
from sendigopro.messages.view import MessageObject, Viewer
from sendigopro.runtime import Runtime
from sendigopro.settings import Settings
from sendigopro.vault.key_store import open_key_store
from sendigopro.vault.vault import Vault
from sendigopro.worker import Worker
from tests.databases import Databases

PATIENCE_SECONDS = 20.0
LOOK_SECONDS = 0.02


@dataclass(slots=True)
class House:
    """Everything a test touches."""

    databases: Databases
    runtime: Runtime
    vault: Vault
    directory: Directory
    intake: Intake
    viewer: Viewer
    account_id: UUID
    test: Caller
    live: Caller
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    worker: Worker | None = None

    async def send(self, caller: Caller | None = None, *, key: str | None = None, **asked: Any) -> MessageObject:
        """Accept one message, or raise its problem."""
        (result,) = await self.send_many([asked], caller=caller, key=key)
        if isinstance(result, Problem):
            raise result
        return result

    async def send_many(
        self, asked: list[dict[str, Any]], *, caller: Caller | None = None, key: str | None = None
    ) -> list[MessageObject | Problem]:
        """Accept several; each has a result of its own."""
        messages = [msgspec.convert({"to": "+4915112345678", "body": "hello", **one}, NewMessage) for one in asked]
        idempotency = Idempotency(key, msgspec.json.encode(asked)) if key is not None else None
        answer = await self.intake.acceptor.accept(caller or self.test, messages, idempotency=idempotency)
        return answer.results

    async def see(self, message_id: str) -> MessageObject:
        """The message as customers see it now."""
        parsed = ids.parse("msg", message_id)
        return (await self.viewer.describe(self.account_id, [parsed]))[parsed]

    async def until(self, message_id: str, *statuses: Status) -> MessageObject:
        """Wait until a message has one of these statuses."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (seen := await self.see(message_id)).status not in statuses:
                await asyncio.sleep(LOOK_SECONDS)
        return seen

    async def start_worker(self, name: str = "worker-1") -> Worker:
        """Run a worker's jobs in this process."""
        runtime = Runtime(name, self.runtime.settings, self.runtime.main, self.runtime.vault, self.runtime.door)
        built = worker.build(runtime)
        stop = asyncio.Event()
        self.tasks.append(asyncio.create_task(worker.run(built, stop)))
        self.worker = built
        return built

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[Any]:
        """A connection that may do what an operator may."""
        yield await self.databases.main("owner")

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """Ask the database `main` directly."""
        rows: list[Any] = await self.runtime.main.fetch(query, *args)
        return rows


@asynccontextmanager
async def house_of(databases: Databases, folder: Path, **settings: Any) -> AsyncIterator[House]:
    """Build it, run its intake, and end everything that was started."""
    chosen = Settings(data_dir=folder, database_url=databases.main_url, vault_url=databases.vault_url, **settings)
    urls = (chosen.main("pipeline"), chosen.vault("pipeline"), chosen.main("door"))
    pools = [await connect_pool(url, size=8, name="test") for url in urls]
    runtime = Runtime("web-1", chosen, *pools)
    vault = Vault(runtime.vault, open_key_store(chosen))
    owner = await databases.main("owner")
    async with owner.transaction():
        account_id = await create_account(owner, vault, name="Test", currency="EUR")
        assert account_id is not None
        keys = {
            mode: await create_key(owner, account_id=account_id, mode=mode, scopes=SCOPES, purpose="transactional")
            for mode in Mode
        }
    await set_up(runtime.main, vault, account_id)
    directory = Directory(runtime.main)
    await directory.refresh()
    callers = Callers(runtime.main)
    built = House(
        databases,
        runtime, vault, directory, Intake(runtime, vault=vault, directory=directory),
        Viewer(reading=partial(as_account, runtime.door), vault=vault, directory=directory), account_id,
        await callers.authenticate(f"Bearer {keys[Mode.TEST].token}"),
        await callers.authenticate(f"Bearer {keys[Mode.LIVE].token}"),
    )  # fmt: skip
    built.tasks.append(asyncio.create_task(built.intake.run()))
    try:
        yield built
    finally:
        for task in reversed(built.tasks):
            task.cancel()
        await asyncio.gather(*built.tasks, return_exceptions=True)
        await vault.close()
        for pool in pools:
            pool.terminate()


async def set_up(pool: Pool, vault: Vault, account_id: UUID) -> None:
    """The sandbox for both kinds of key, and a sender."""
    async with pool.acquire() as conn:
        carrier = Carrier(ids.new(), "sandbox", "sandbox", Channel.SMS, 4, 300, is_enabled=True)
        sealed = await credentials.seal(vault, carrier.id, credentials.read("sandbox", {}))
        await store.put_carrier(conn, carrier, credentials=sealed)
        for mode in Mode:
            await store.put_route(conn, account_id=PLATFORM, mode=mode, channel=Channel.SMS, carrier_ids=[carrier.id])
        await store.add_sender(conn, Sender(account_id, ids.new(), Channel.SMS, "SendiGoPro", is_default=True))
