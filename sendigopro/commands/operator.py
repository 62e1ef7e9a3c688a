"""The operator's hand: commands that change accounts act as `owner`, and say refusals in one line."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from sendigopro.accounts import store
from sendigopro.commands.connected import connected
from sendigopro.foundation import ids
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Problem
from sendigopro.vault.vault import Vault


@asynccontextmanager
async def operating() -> AsyncIterator[tuple[Conn, Vault]]:
    """A connection to `main` as `owner`, within one transaction, and the vault."""
    async with connected() as instance:
        conn = await asyncpg.connect(instance.settings.main("owner"))
        try:
            async with conn.transaction():
                yield conn, instance.vault
        except Problem as problem:
            raise OperatorError(problem.detail) from problem
        finally:
            await conn.close()


async def account_named(conn: Conn, text: str | None) -> UUID:
    """The account an operator means; without a word, the only one there is."""
    known = [account.id for account in await store.list_accounts_of_everyone(conn)]
    if text is None:
        return only_one(known)
    account_id = ids.parse("acc", text)
    if account_id not in known:
        raise OperatorError(f"There is no account {text}. `sendigopro accounts list` shows them.")
    return account_id


def only_one(known: Sequence[UUID]) -> UUID:
    if len(known) != 1:
        raise OperatorError(f"There are {len(known)} accounts: say which with --account acc_….")
    return known[0]
