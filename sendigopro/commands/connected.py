"""How a command reaches the instance: its databases and its vault, found through the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sendigopro import settings
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.postgres import CONNECTION_LOST, Pool, connect_pool
from sendigopro.settings import Settings
from sendigopro.vault.key_store import open_key_store
from sendigopro.vault.tree import KeyTree
from sendigopro.vault.vault import Vault


@dataclass(frozen=True, slots=True)
class Connected:
    """A command's way to the instance."""

    settings: Settings
    main: Pool
    vault_pool: Pool
    vault: Vault
    keys: KeyTree


@asynccontextmanager
async def connected() -> AsyncIterator[Connected]:
    """Open the instance for the length of a command; says in one line what to do when there is none."""
    chosen = settings.read()
    if not (chosen.database_url and chosen.vault_url):
        raise OperatorError(
            f"There is no instance in {chosen.data_dir}: "
            "start `sendigopro up`, or set SENDIGOPRO_DATA_DIR to its folder."
        )
    try:
        main = await connect_pool(chosen.main("pipeline"), size=2, name="command")
        vault_pool = await connect_pool(chosen.vault("pipeline"), size=2, name="command")
    except CONNECTION_LOST as error:
        raise OperatorError(
            f"PostgreSQL of the instance in {chosen.data_dir} does not answer: is it running?"
        ) from error
    keys = open_key_store(chosen)
    vault = Vault(vault_pool, keys)
    try:
        yield Connected(chosen, main, vault_pool, vault, keys)
    finally:
        await vault.close()
        await main.close()
        await vault_pool.close()
