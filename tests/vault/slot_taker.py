"""A process that takes slots, for a test: prints each with a hash of its key."""

import asyncio
import hashlib
import sys
from pathlib import Path

from sendigopro.foundation.postgres import connect_pool
from sendigopro.vault.keepers.file import FileKeeper
from sendigopro.vault.slots import Slots
from sendigopro.vault.tree import KeyTree


async def take(url: str, folder: str, count: int) -> None:
    pool = await connect_pool(url, size=2, name="slot_taker")
    keys = KeyTree([Path(folder)], FileKeeper([Path(folder) / "keeper"]))
    slots = Slots(pool, keys)
    for _ in range(count // 100):
        async with pool.acquire() as conn:
            for slot in await slots.take(conn, 100):
                sys.stdout.write(f"{slot} {hashlib.sha256(keys.key(slot)).hexdigest()}\n")
    await slots.close()
    await pool.close()


if __name__ == "__main__":
    asyncio.run(take(sys.argv[1], sys.argv[2], int(sys.argv[3])))
