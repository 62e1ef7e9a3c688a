"""How long a package of one person with very many messages takes, and how much memory.

    PYTHONPATH=. nice -n 5 python bench/package.py [MESSAGES]

The database is filled by COPY with rows as the API leaves them: sealed bodies and details, two outcomes for each,
events about them, and one attempt to tell each event.
"""

import asyncio
import resource
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec

from sendigopro.accounts.create import create_account
from sendigopro.channels.directory import Directory
from sendigopro.events.model import Event, encode
from sendigopro.foundation import clock, collector, ids, migrations, roles
from sendigopro.foundation.embedded import EmbeddedServer, Tuning
from sendigopro.foundation.partitions import expiry_bucket
from sendigopro.foundation.phones import parse_phone
from sendigopro.foundation.postgres import Conn, Pool, connect_pool, from_us
from sendigopro.messages import store
from sendigopro.messages.rows import Placed, Prepared, Terms, pack_body, pack_message
from sendigopro.privacy.package.build import build
from sendigopro.privacy.package.model import Sources
from sendigopro.settings import Settings
from sendigopro.vault.key_store import open_key_store
from sendigopro.vault.sealing import Sealer, column_of
from sendigopro.vault.vault import Vault
from tests.messages.house import set_up

GROUP = 5_000
HOURS = 20
TEXT = "Hello! Your order number {} has left our house and will be with you tomorrow between 9 and 12. Thank you."


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(prefix="sendigopro-bench-") as data:
        server = EmbeddedServer(Path(data), Tuning(is_durable=False))
        await server.start()
        try:
            await measure(server, Path(folder), count)
        finally:
            await server.stop()


async def measure(server: EmbeddedServer, folder: Path, count: int) -> None:
    admin = await asyncpg.connect(server.url("postgres"), user="postgres")
    await roles.ensure_roles(admin)
    await roles.ensure_databases(admin)
    await admin.close()
    for database in ("main", "vault"):
        conn = await asyncpg.connect(server.url(database), user="owner")
        await migrations.migrate(conn, database)
        await conn.close()
    chosen = Settings(data_dir=folder, database_url=server.url("main"), vault_url=server.url("vault"))
    main_pool = await connect_pool(chosen.main("pipeline"), size=3, name="bench", is_hot=True)
    vault_pool = await connect_pool(chosen.vault("pipeline"), size=2, name="bench", is_hot=True)
    vault = Vault(vault_pool, open_key_store(chosen))
    owner = await asyncpg.connect(server.url("main"), user="owner")
    account_id = await create_account(owner, vault, name="Bench", currency="EUR")
    assert account_id is not None
    await owner.close()
    await set_up(main_pool, vault, account_id)
    directory = Directory(main_pool)
    await directory.refresh()
    began = clock.monotonic()
    subject_id = await fill(main_pool, vault, directory, account_id, count)
    print(f"filled with {count:,} messages in {clock.monotonic() - began:.0f} s", flush=True)
    await settle(server)

    collector.tune()  # as every process of ours does
    idle = megabytes()
    began, processor = clock.monotonic(), clock.processor_seconds()
    built = await build(
        Sources(main_pool, vault_pool, vault, directory),
        account_id=account_id,
        mode=1,
        subject_id=subject_id,
        request_id=ids.new(),
        folder=folder / "exports",
    )
    seconds = clock.monotonic() - began
    print(
        f"{built.manifest.counts}\n{seconds:.1f} s ({clock.processor_seconds() - processor:.1f} s of this process), "
        f"{count / seconds:,.0f} messages/s, {built.path.stat().st_size / 1e6:.0f} MB on disk, "
        f"peak memory {megabytes() - idle:.0f} MB above idle ({idle:.0f} MB)",
        flush=True,
    )
    await vault.close()
    await main_pool.close()
    await vault_pool.close()


def megabytes() -> float:
    """The most this process has ever held; so what filled the database must have held little."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def settle(server: EmbeddedServer) -> None:
    conn = await asyncpg.connect(server.url("main"), user="postgres")
    await conn.execute("VACUUM ANALYZE", timeout=600)
    await conn.close()


async def fill(pool: Pool, vault: Vault, directory: Directory, account_id: UUID, count: int) -> UUID:
    """Write messages as if they had been sent over the last hours."""
    phone = parse_phone("+4915112345678")
    (subject,) = await vault.subjects_of(account_id, 1, [phone])
    carrier, sender = next(iter(directory.carriers.values())), directory.sender(account_id, 1, None)
    assert sender is not None
    terms = Terms(account_id, 1, 1, 0, 2, 2, sender.id, ids.new(), carrier.id, "EUR")
    today = clock.today()
    days = [expiry_bucket(today + timedelta(days=29 + n), today) for n in range(2)]
    sealers = [Sealer(vault.message_key(subject.key, await vault.bucket_key(account_id, day))) for day in days]
    columns = [column_of(account_id.bytes, b"message_bodies", name) for name in (b"body", b"details")]
    begin_ms = ids.milliseconds_of(ids.new()) - HOURS * 3_600_000
    endpoint_id = ids.new()
    for first in range(0, count, GROUP):
        prepared, outcomes, events = [], [], []
        for n in range(first, min(first + GROUP, count)):
            made_ms = begin_ms + n * HOURS * 3_600_000 // count
            message_id = made_ms.to_bytes(6) + ids.new_bytes()[6:]
            details = msgspec.msgpack.encode({"metadata": {"order": str(n)}, "tags": ["shop"], "callback_url": None})
            day = n % 2
            prepared.append(
                Prepared(
                    message_id, terms, subject.raw_id, 1, 0, "DE", 0, None, clock.now(), days[day], False,  # noqa: FBT003
                    sealers[day].seal(columns[0], message_id, TEXT.format(n).encode()),
                    sealers[day].seal(columns[1], message_id, details), [],
                )
            )  # fmt: skip
            for rank, later in ((10, 300), (60, 2500)):
                at = from_us((made_ms + later) * 1000)
                outcomes.append((account_id, ids.from_bytes(message_id), rank, at, carrier.id, "000", 1))
                event_id = (made_ms + later).to_bytes(6) + ids.new_bytes()[6:]
                events.append(Event(event_id, "message.sent", message_id, (made_ms + later) * 1000, {"rank": rank}))
        events.sort(key=lambda event: event.id)
        async with pool.acquire() as conn:
            await store.copy_messages(conn, [pack_message(Placed(one)) for one in prepared])
            await store.copy_bodies(conn, [pack_body(one) for one in prepared])
            await conn.copy_records_to_table(
                "outcomes", schema_name="main", records=outcomes,
                columns=["account_id", "message_id", "rank", "at", "carrier_id", "carrier_code", "attempt"],
            )  # fmt: skip
            await write_told(conn, account_id, endpoint_id, events)
    return subject.id


async def write_told(conn: Conn, account_id: UUID, endpoint_id: UUID, events: list[Event]) -> None:
    """Events in batches of 200, each told once."""
    batches = [events[at : at + 200] for at in range(0, len(events), 200)]
    batch_ids = [ids.from_bytes(one[-1].id[:6] + ids.new_bytes()[6:]) for one in batches]
    await conn.copy_records_to_table(
        "events", schema_name="main", columns=["account_id", "id", "mode", "n", "payload"],
        records=[(account_id, i, 1, len(b), encode(b)) for i, b in zip(batch_ids, batches, strict=True)],
    )  # fmt: skip
    await conn.copy_records_to_table(
        "webhook_deliveries", schema_name="main",
        columns=["account_id", "id", "mode", "endpoint_id", "event_ids", "codes", "millis", "attempts"],
        records=[
            (
                account_id, i, 1, endpoint_id, [ids.from_bytes(event.id) for event in b],
                [200] * len(b), [12] * len(b), [1] * len(b),
            )
            for i, b in zip(batch_ids, batches, strict=True)
        ],
    )  # fmt: skip


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
