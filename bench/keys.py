"""The key tree at ten million keys: reading, handing out, forgetting."""

import asyncio
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg

from sendigopro.foundation.database_urls import as_role
from sendigopro.foundation.embedded import EmbeddedServer, Tuning
from sendigopro.foundation.phones import parse_phone
from sendigopro.foundation.postgres import connect_pool
from sendigopro.vault.keepers.file import FileKeeper
from sendigopro.vault.keys import BLOCK_SLOTS
from sendigopro.vault.nodes import FANOUT
from sendigopro.vault.tree import KeyTree
from sendigopro.vault.vault import Vault
from tests.databases import migrate_both

READS, ERASURES, BATCH = 100_000, 300, 1000
ACCOUNT_SUBJECTS = 500  # enrolled by one request


def measure(folder: Path, *, keys: int) -> dict[str, float]:
    """Milliseconds, and per second; the store is made here and removed again."""
    shutil.rmtree(folder, ignore_errors=True)
    tree = open_tree(folder)
    began = time.perf_counter()
    for block in range(-(-keys // BLOCK_SLOTS)):
        tree.take_block(block)
    built = time.perf_counter() - began
    slots = [random.randrange(keys) for _ in range(READS)]  # noqa: S311  # which are read, not what they are
    cold = open_tree(folder)
    read = times(cold.key, slots)
    victims = random.sample(range(keys), ERASURES + BATCH)
    erased = times(lambda slot: tree.erase([slot]), victims[:ERASURES])
    began = time.perf_counter()
    tree.erase(victims[ERASURES:])
    batch = time.perf_counter() - began
    size = sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
    for opened in (tree, cold):
        opened.close()
    shutil.rmtree(folder)
    return {
        "keys": keys,
        "size_mb": size / 1e6,
        "made_per_s": keys / built,
        **named("read_ms", read),
        **named("erase_ms", erased),
        "batch": BATCH,
        "batch_ms": batch * 1000,
    }


async def enrol(folder: Path, *, count: int) -> float:
    """New subjects a second by one process, sealed and on disk; with an embedded PostgreSQL that syncs."""
    shutil.rmtree(folder, ignore_errors=True)
    server = EmbeddedServer(folder / "data", Tuning(max_connections=20))
    await server.start()
    try:
        await migrate_both(server)
        pool = await connect_pool(as_role(server.url("vault"), "pipeline"), size=4, name="bench", is_hot=True)
        vault = Vault(pool, open_tree(folder / "keys"))
        account = await asyncpg.connect(server.url("vault"), user="postgres")
        account_id = await account.fetchval("SELECT gen_random_uuid()")
        await account.close()
        phones = [parse_phone(f"+4915{n:09d}") for n in range(10_000_000, 10_000_000 + count)]
        began = time.perf_counter()
        for start in range(0, count, 4 * ACCOUNT_SUBJECTS):
            parts = [phones[at : at + ACCOUNT_SUBJECTS] for at in range(start, start + 2000, ACCOUNT_SUBJECTS)]
            await asyncio.gather(*(vault.subjects_of(account_id, 1, part) for part in parts if part))
        took = time.perf_counter() - began
        await vault.close()
        await pool.close()
    finally:
        await server.stop()
        shutil.rmtree(folder)
    return count / took


def open_tree(folder: Path) -> KeyTree:
    return KeyTree([folder], FileKeeper([folder / "keeper"]))


def times(act: Callable[[int], object], slots: list[int]) -> list[float]:
    """Milliseconds of each, in order of size."""
    taken = []
    for slot in slots:
        began = time.perf_counter_ns()
        act(slot)
        taken.append((time.perf_counter_ns() - began) / 1e6)
    return sorted(taken)


def named(what: str, taken: list[float]) -> dict[str, float]:
    return {f"{what}_p50": taken[len(taken) // 2], f"{what}_p99": taken[len(taken) * 99 // 100]}


assert BLOCK_SLOTS % FANOUT == 0  # blocks are whole leaves
