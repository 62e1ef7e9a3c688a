"""An account whose chain is written by hand."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from sendigopro.accounts.create import create_account
from sendigopro.audit.model import Action, Actor, ActorKind, Entry
from sendigopro.audit.record import record
from sendigopro.audit.store import read_after
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn, Pool, as_account, connect_pool
from sendigopro.vault.vault import Vault
from tests.databases import Databases
from tests.privacy.conftest import office  # noqa: F401  # a fixture

ALL = 1 << 40


@dataclass(slots=True)
class Ledger:
    """One account, the doors' pool, and an API key that acts."""

    databases: Databases
    door: Pool
    vault: Vault
    account_id: UUID
    actor: Actor

    async def write(self, action: Action = Action.SENDER_ADDED, **more: Any) -> Entry:
        """One entry in a transaction of its own."""
        async with as_account(self.door, self.account_id) as conn:
            return await self.append(conn, action, **more)

    async def append(self, conn: Conn, action: Action = Action.SENDER_ADDED, **more: Any) -> Entry:
        return await record(conn, account_id=self.account_id, actor=self.actor, action=action, **more)

    async def numbers(self) -> list[int]:
        async with as_account(self.door, self.account_id) as conn:
            found = await read_after(conn, account_id=self.account_id, after_n=0, until_n=ALL, limit=ALL)
        return [one.entry.n for one in found]


async def new_account(databases: Databases, vault: Vault) -> UUID:
    owner = await databases.main("owner")
    async with owner.transaction():
        account_id = await create_account(owner, vault, name="Acme")
    assert account_id is not None
    return account_id


@pytest.fixture
async def ledger(databases: Databases, vault: Vault) -> AsyncIterator[Ledger]:
    door = await connect_pool(databases.main_url.replace("//", "//door@"), size=8, name="test")
    yield Ledger(databases, door, vault, await new_account(databases, vault), Actor(ActorKind.KEY, ids.new()))
    door.terminate()
