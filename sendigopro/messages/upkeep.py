"""Slow work around messages: fold the tallies, give up on workers that vanished."""

import asyncio

from sendigopro.foundation.postgres import Pool
from sendigopro.messages import upkeep_store

FOLD_SECONDS = 300.0


async def run(pool: Pool) -> None:
    """Every five minutes until cancelled; two workers at it at once do no harm."""
    while True:
        async with pool.acquire() as conn, conn.transaction():
            await upkeep_store.fold_tallies_of_everyone(conn)
        await asyncio.sleep(FOLD_SECONDS)
