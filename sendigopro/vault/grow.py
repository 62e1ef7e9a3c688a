"""Has key slots ready before anybody needs them."""

import asyncio

from sendigopro.foundation import logs
from sendigopro.vault.keys import KeyStoreError
from sendigopro.vault.tree import KeyTree

PAUSE_SECONDS = 10.0

log = logs.get(__name__)


async def keep_ahead(keys: KeyTree) -> None:
    """A million slots beyond the last that was handed out, until cancelled; several workers at it do no harm."""
    while True:
        try:
            await asyncio.to_thread(keys.grow_ahead)
        except KeyStoreError as error:
            log.warning("key_store_not_grown", **logs.told(error))
        await asyncio.sleep(PAUSE_SECONDS)
