"""Forget a person's messages: what has not left never leaves, what they said goes, the facts lead to nobody."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sendigopro.events.bus import Bus
from sendigopro.events.model import Batch
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Conn
from sendigopro.messages import forget_store, queue_store
from sendigopro.messages.load import Loader
from sendigopro.messages.model import Rank, Why
from sendigopro.messages.receipts import UNCLEAR_PATIENCE
from sendigopro.messages.settle import Item, record

BATCH = 500
IDEMPOTENCY_DAYS = 3
REASON = "erased"


async def forget_some(
    conn: Conn, loader: Loader, bus: Bus, *, account_id: UUID, subject_id: UUID, owner: str
) -> tuple[int, list[Batch]]:
    """Up to 500 of a person's messages, in the caller's transaction; how many, and what to announce after the commit.

    Done when it comes back with 0. It leaves no mark but what it has done, so it goes on where a crash ended it.
    """
    found = await forget_store.lock_messages_of(conn, account_id=account_id, subject_id=subject_id, limit=BATCH)
    if not found:
        return 0, []
    message_ids = list(found)
    batches = await _cancel(conn, loader, bus, account_id=account_id, message_ids=message_ids, owner=owner)
    await forget_store.delete_contents(
        conn, account_id=account_id, message_ids=message_ids, days=list(set(found.values()))
    )
    since = clock.today() - timedelta(days=IDEMPOTENCY_DAYS)
    if ids.time_of(max(message_ids)).date() >= since:
        await forget_store.delete_idempotency_of(conn, account_id=account_id, message_ids=message_ids, since=since)
    await forget_store.forget_subject_of(conn, account_id=account_id, message_ids=message_ids)
    return len(message_ids), batches


async def forget_reports(conn: Conn, *, recipient_mac: bytes) -> None:
    """Receipts that carriers sent of this number and that match no message; after the messages, which may have some."""
    await forget_store.delete_unmatched_of(
        conn, recipient_mac=recipient_mac, settled_before=clock.now() - UNCLEAR_PATIENCE
    )


async def _cancel(
    conn: Conn, loader: Loader, bus: Bus, *, account_id: UUID, message_ids: Sequence[UUID], owner: str
) -> list[Batch]:
    """Stop those that have not left, and give their credit back. The lock on their chunks is what makes it true."""
    unsent = set(
        await forget_store.take_all_waiting(
            conn, account_id=account_id, message_ids=message_ids, unclear_why=Why.UNCLEAR_RESEND
        )
    )
    unsent |= await _take_out_of_chunks(conn, account_id=account_id, message_ids=message_ids)
    if not unsent:
        return []
    messages = (await loader.load_settled([(account_id, message_id) for message_id in unsent])).values()
    at_us = clock.now_us()
    items = [
        (Item(message, rank=Rank.CANCELED, reason=REASON, at_us=at_us), Rank.CANCELED)
        for message in messages
        if message.rank < Rank.SENT
    ]
    return await record(conn, items, bus=bus, owner=owner)


async def _take_out_of_chunks(conn: Conn, *, account_id: UUID, message_ids: Sequence[UUID]) -> set[UUID]:
    taken: dict[UUID, list[tuple[UUID, int]]] = defaultdict(list)
    expiry = {}
    places = await forget_store.lock_places(conn, account_id=account_id, message_ids=message_ids)
    for message_id, chunk_id, position, intended, min_expires_at in places:
        if position >= intended:  # what was declared may have left: its outcome will say
            taken[chunk_id].append((message_id, position))
            expiry[chunk_id] = min_expires_at
    for chunk_id, some in taken.items():
        await queue_store.drop_positions(
            conn,
            account_id=account_id,
            chunk_id=chunk_id,
            positions=[position for _, position in some],
            min_expires_at=expiry[chunk_id],
        )
    return {message_id for some in taken.values() for message_id, _ in some}
