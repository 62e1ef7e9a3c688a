"""Databases and journal go in step: what a transaction meant the journal to say is written, then counted as applied."""

import asyncio

from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.privacy import journal_store
from sendigopro.privacy.journal import Journal


async def catch_up(pool: Pool, journal: Journal) -> None:
    """Write every intent that is not in the journal yet, on disk on return; whoever comes at once is written together.

    Raises a `JournalError` when journal and databases do not fit: then nobody may be served. Called when a process
    starts, after each transaction that intends an entry, and by the worker for those who died between the two.
    """
    wanted = journal.runs_begun + 1  # one that begins now or later sees what the caller has committed
    async with journal.turn:  # or a hundred erasures at once would hold every connection of this process
        if journal.runs_done < wanted:
            journal.runs_begun += 1
            await _run(pool, journal)
            journal.runs_done = journal.runs_begun


async def _run(pool: Pool, journal: Journal) -> None:
    async with pool.acquire() as conn:
        if not await _is_in_step(conn, journal):  # most often it is, and nothing needs to be locked
            await _write(conn, journal)


async def _is_in_step(conn: Conn, journal: Journal) -> bool:
    applied, has_intents = await journal_store.look(conn)
    return not has_intents and await asyncio.to_thread(journal.head) == applied


async def _write(conn: Conn, journal: Journal) -> None:
    async with conn.transaction():
        applied = await journal_store.lock_head(conn)
        intents = await journal_store.read_intents_of_everyone(conn)
        head = await asyncio.to_thread(journal.write, applied, intents)
        if head != applied or intents:
            await journal_store.advance(
                conn,
                head,
                account_ids=[intent.account_id for intent in intents],
                intent_ids=[intent.id for intent in intents],
            )
