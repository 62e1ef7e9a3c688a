"""What the tables say, read past the product: the checker trusts no function it checks."""

import json
from collections import Counter

import asyncpg

from sendigopro.messages.model import Why
from tests.chaos.history import Facts, Purse, Stored
from tests.instance import Instance
from tests.message_centre import Simulator


async def connect(instance: Instance) -> asyncpg.Connection:
    words = json.loads((instance.data_dir / "instance.json").read_text())
    return await asyncpg.connect(words["settings"]["database_url"], user="postgres")


async def give_limits(instance: Instance, *, limit_micros: int, rate_per_second: int) -> None:
    """Let the account send as fast as the load can, and let its credit be held, charged and released."""
    conn = await connect(instance)
    await conn.execute("UPDATE main.accounts SET rate_per_second = $1, burst = $1", rate_per_second)
    await conn.execute("UPDATE main.credit SET limit_micros = $1", limit_micros)
    await conn.execute("UPDATE main.config_epoch SET epoch = epoch + 1")
    await conn.execute("SELECT pg_notify('sendigopro_config', '')")
    await conn.close()


async def hold_back_scheduled(instance: Instance) -> None:
    """What is not due yet stays so: else some would always be on their way while the tables are read."""
    conn = await connect(instance)
    try:
        await conn.execute(
            "UPDATE main.waiting SET due_at = due_at + interval '1 day' WHERE why = $1 AND due_at > now()",
            Why.SCHEDULED,
        )
    finally:
        await conn.close()


LEFT = """
SELECT (SELECT count(*) FROM main.chunks)
    + (SELECT count(*) FROM main.waiting WHERE why <> 1 OR due_at <= now())
    + (SELECT count(*) FROM main.outbox)
    + (SELECT count(*) FROM main.webhook_retries)
    + (SELECT count(*) FROM main.unmatched_receipts r JOIN main.unclear_submits u USING (carrier_id, recipient_mac)
        WHERE r.at > now() - interval '45 seconds')
    + (SELECT count(*) FROM main.messages m
        WHERE direction = 0 AND 10 = (SELECT max(rank) FROM main.outcomes o
            WHERE o.account_id = m.account_id AND o.message_id = m.id))
"""


async def count_left(instance: Instance) -> int:
    """How much is still to do: queued, due, sent without receipt, untold, or with a receipt not yet matched."""
    conn = await connect(instance)
    try:
        return int(await conn.fetchval(LEFT))
    finally:
        await conn.close()


async def explain_left(instance: Instance) -> str:
    """The same in words, for a run that never comes to rest."""
    conn = await connect(instance)
    try:
        words = []
        for table in ("chunks", "waiting", "outbox", "webhook_retries", "unmatched_receipts", "unclear_submits"):
            rows = await conn.fetch(f"SELECT * FROM main.{table} LIMIT 2")  # noqa: S608  # our own names
            total = await conn.fetchval(f"SELECT count(*) FROM main.{table}")  # noqa: S608
            words.append(f"{table}: {total} {[dict(row) for row in rows]}")
        return "\n".join(words)[:4000]
    finally:
        await conn.close()


async def read_facts(instance: Instance, simulator: Simulator) -> Facts:
    conn = await connect(instance)
    facts = Facts(submits={number: seen[0] for number, seen in simulator.dump().items()})
    for row in await conn.fetch("SELECT id, price_micros, held_micros FROM main.messages WHERE direction = 0"):
        facts.stored[str(row[0])] = Stored(price_micros=row[1], held_micros=row[2])
    for message_id, rank in await conn.fetch("SELECT message_id, rank FROM main.outcomes"):
        facts.stored.setdefault(str(message_id), Stored()).ranks.add(rank)
    for (message_id,) in await conn.fetch("SELECT message_id FROM main.waiting"):
        facts.stored[str(message_id)].is_waiting = True
    for (message_id,) in await conn.fetch("SELECT unnest(message_ids) FROM main.chunks"):
        facts.stored.setdefault(str(message_id), Stored()).is_queued = True
    facts.outbox = await conn.fetchval("SELECT count(*) FROM main.outbox")
    facts.unmatched = await conn.fetchval("SELECT count(*) FROM main.unmatched_receipts")
    facts.purses = await read_purses(conn)
    await conn.close()
    return facts


async def read_purses(conn: asyncpg.Connection) -> list[Purse]:
    moved: Counter[str] = Counter()
    for account_id, source, target, amount in await conn.fetch(
        "SELECT account_id, from_book, to_book, amount_micros FROM main.ledger_entries"
    ):
        moved[str(account_id)] += amount * ((target == "account") - (source == "account"))
    rows = await conn.fetch("SELECT account_id, balance_micros, held_micros, limit_micros FROM main.credit")
    return [Purse(row[1], row[2], row[3], moved[str(row[0])]) for row in rows]
