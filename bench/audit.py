"""What an entry of the audit log costs, one writer and several of one account, and how fast a log is verified.

    python bench/audit.py [--entries 2000] [--writers 8]

PostgreSQL as in production, fsync and all, on this machine.
"""

import argparse
import asyncio
import itertools
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sendigopro.audit import store
from sendigopro.audit.chain import told
from sendigopro.audit.model import Action, Actor, ActorKind, Facts, Head, Stored
from sendigopro.audit.record import record
from sendigopro.foundation import ids, migrations, roles
from sendigopro.foundation.embedded import EmbeddedServer, Tuning
from sendigopro.foundation.postgres import Pool, as_account, connect_pool
from sendigopro.foundation.spelling import canonical
from sendigopro.privacy.audit_log.export import HEAD, said_of
from sendigopro.privacy.audit_log.verify import verify
from sendigopro.privacy.receipts import sign

ACTOR = Actor(ActorKind.KEY, ids.new())


async def main(entries: int, writers: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="sendigopro-bench-"))
    server = EmbeddedServer(folder, Tuning())
    try:
        await server.start()
        await migrate(server)
        door = await connect_pool(server.url("main").replace("//", "//door@"), size=writers, name="bench")
        alone, shared = ids.new(), ids.new()
        await tell("one writer, an entry a transaction", write(door, alone, entries), entries)
        several = asyncio.gather(*(write(door, shared, entries // writers) for _ in range(writers)))
        await tell(f"{writers} writers of one account", several, entries)
        found = await read(door, alone)
        took = await seconds_of(empty(door, alone, entries)) / entries
        print(f"{'a transaction without an entry':44} {took * 1e3:8.3f} ms")
        verified(found, alone)
        await door.close()
    finally:
        await server.stop()
        shutil.rmtree(folder)


async def migrate(server: EmbeddedServer) -> None:
    admin = await asyncpg.connect(server.url("postgres"), user="postgres")
    await roles.ensure_roles(admin)
    await roles.ensure_databases(admin)
    await admin.close()
    conn = await asyncpg.connect(server.url("main"), user="owner")
    await migrations.migrate(conn, "main")
    await conn.close()


async def write(door: Pool, account_id: UUID, count: int) -> None:
    for _ in range(count):
        async with as_account(door, account_id) as conn:
            facts: Facts = {"kind": "number", "is_default": True}
            await record(
                conn, account_id=account_id, actor=ACTOR, action=Action.SENDER_ADDED, target="snd_1", facts=facts
            )


async def empty(door: Pool, account_id: UUID, count: int) -> None:
    for _ in range(count):
        async with as_account(door, account_id):
            pass


async def seconds_of(work: object) -> float:
    began = time.perf_counter()
    await work  # type: ignore[misc]  # a coroutine or a future
    return time.perf_counter() - began


async def tell(what: str, work: object, count: int) -> None:
    took = await seconds_of(work)
    print(f"{what:44} {took / count * 1e3:8.3f} ms, {count / took:,.0f}/s")


async def read(door: Pool, account_id: UUID) -> list[Stored]:
    async with as_account(door, account_id) as conn:
        return await store.read_after(conn, account_id=account_id, after_n=0, until_n=1 << 40, limit=1 << 40)


def verified(found: list[Stored], account_id: UUID) -> None:
    key = Ed25519PrivateKey.generate()
    last = found[-1]
    head = sign(key.private_bytes_raw(), said_of(Head(last.entry.n, last.hash), account_id), name=HEAD)
    lines = [canonical({"beside": None, "entry": told(one.entry), "hash": one.hash.hex()}) + b"\n" for one in found]
    began = time.perf_counter()
    verify(whole(lines, head), key.public_key())
    took = time.perf_counter() - began
    print(f"{'verified offline':44} {len(found) / took:,.0f} entries/s")


def whole(lines: list[bytes], head: bytes) -> Iterator[bytes]:
    return itertools.chain(lines, [head])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=2000)
    parser.add_argument("--writers", type=int, default=8)
    args = parser.parse_args()
    asyncio.run(main(args.entries, args.writers))
