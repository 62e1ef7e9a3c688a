"""Accounts whose grace is over are forgotten: shut, written into the journal, their keys dead, their rows deleted.

The order is that of an erasure: one transaction shuts the account and means the journal to say so, the journal says
so, the keys die, and what a crash leaves of rows opens to nobody. Each step may be done again.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Final
from uuid import UUID

from sendigopro.accounts.store import announce_change
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Conn
from sendigopro.privacy import closed_store, journal_store
from sendigopro.privacy.desk import Desk
from sendigopro.privacy.journal import Intent
from sendigopro.privacy.journaling import catch_up

BATCH: Final = 5000
BEFORE_ALL: Final = UUID(int=0)


async def forget_closed(desk: Desk, owner: Conn) -> int:
    """All that are over; how many. `owner` may delete whatever there is."""
    accounts = await closed_store.over_of_everyone(owner)
    for account_id in accounts:
        await forget_account(desk, owner, account_id)
    return len(accounts)


async def forget_account(desk: Desk, owner: Conn, account_id: UUID) -> None:
    async with owner.transaction():
        if await closed_store.close(owner, account_id=account_id):
            await announce_change(owner, what="keys")
            await journal_store.intend(owner, intent_of(account_id))
    await catch_up(desk.main, desk.journal)
    await condemn(desk, account_id)
    await desk.vault.finish_forgetting()
    await asyncio.to_thread(remove_exports, desk.exports, account_id)
    await delete_everything(desk, owner, account_id)


async def condemn(desk: Desk, account_id: UUID) -> None:
    """Every key that opened anything of it: its own, its days', its people's."""
    async with desk.vault_pool.acquire() as vault:
        await desk.vault.forget(await closed_store.own_slots(vault, account_id=account_id))
        after = BEFORE_ALL
        while people := await closed_store.subject_slots(vault, account_id=account_id, after=after, limit=BATCH):
            await desk.vault.forget([slot for _, slot in people])
            after = people[-1][0]


async def delete_everything(desk: Desk, owner: Conn, account_id: UUID) -> None:
    """Rows of every table there is, so that none can be left out; the account's own row last."""
    waiting = await closed_store.tables_of_accounts(owner)
    while waiting:
        left = [one for one in waiting if not await closed_store.delete_rows(owner, one, account_id=account_id)]
        if len(left) == len(waiting):
            raise RuntimeError(f"rows of {', '.join(left)} hold each other")
        waiting = left
    async with desk.vault_pool.acquire() as vault:
        await closed_store.delete_from_vault(vault, account_id=account_id)
    await closed_store.delete_account(owner, account_id=account_id)


def remove_exports(folder: Path, account_id: UUID) -> None:
    """Packages of its people; their keys are dead already."""
    shutil.rmtree(folder / str(account_id), ignore_errors=True)


def intent_of(account_id: UUID) -> Intent:
    """What the journal shall say, so that no backup brings it back."""
    return Intent(
        id=UUID(bytes=ids.new_bytes()), kind="close", account_id=UUID(bytes=account_id.bytes), mode=0, at=clock.now()
    )
