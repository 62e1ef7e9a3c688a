"""Slow work around messages: fold the tallies, give up on workers that vanished."""

import asyncio

from sendigopro.foundation.postgres import Pool
from sendigopro.messages import upkeep_store

FOLD_SECONDS = 300.0
UNCLEAR_DAYS = 4  # a day more than receipts are tried


async def run(pool: Pool) -> None:
    """Every five minutes until cancelled; two workers at it at once do no harm."""
    while True:
        async with pool.acquire() as conn, conn.transaction():
            await upkeep_store.fold_tallies_of_everyone(conn)
            await upkeep_store.forget_unclear_of_everyone(conn, days=UNCLEAR_DAYS)
        await asyncio.sleep(FOLD_SECONDS)
