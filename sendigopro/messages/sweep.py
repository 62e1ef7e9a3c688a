"""What time does to messages: what is due is queued, what is late expires, receipts that never came are given up."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog

from sendigopro.channels import store as channels
from sendigopro.channels.directory import Directory
from sendigopro.events.bus import Bus
from sendigopro.events.model import Batch
from sendigopro.foundation import clock, ids
from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.postgres import CONNECTION_LOST, Conn, Pool
from sendigopro.messages import queue_store, settle_store, store
from sendigopro.messages.load import Loader
from sendigopro.messages.model import CHARGED, PRIORITIES, Channel, Chunk, Rank, Why
from sendigopro.messages.queue_store import Due
from sendigopro.messages.route import route
from sendigopro.messages.settle import Item, record

log = structlog.get_logger()

TICK_SECONDS = 0.25
BATCH = 500
CHUNK_BATCH = 20
CHUNK_MAX = 500
MOVE_SECONDS = 2.0
AWAY_SECONDS = 30.0
"""A carrier none of whose binds has worked for so long is passed over until one does again."""


class Sweeper:
    """A worker's clock; any number of them share the work, each row taken by one."""

    def __init__(
        self,
        *,
        pool: Pool,
        loader: Loader,
        directory: Directory,
        bus: Bus,
        owner: str,
        receipt_wait_seconds: float,
    ) -> None:
        self._pool = pool
        self._loader = loader
        self._directory = directory
        self._bus = bus
        self._owner = owner
        self._receipt_wait_seconds = receipt_wait_seconds
        self._move_at = 0.0

    async def run(self) -> None:
        """Sweep four times a second until cancelled; more often while there is a full batch of work."""
        while True:
            try:
                counts = [await self._expire_waiting(), await self._queue_due(), await self._expire_chunks()]
                counts.append(await self._give_up_receipts())
                counts.append(await self._move_stranded())
            except CONNECTION_LOST as error:
                log.warning("sweep_waits_for_database", error=type(error).__name__)
                counts = [0]
            if max(counts) < CHUNK_BATCH:
                await asyncio.sleep(TICK_SECONDS)

    async def _move_stranded(self) -> int:
        """Chunks whose carrier is away, was removed or switched off go to the next of their route, if there is one."""
        now = clock.monotonic()
        if now < self._move_at:
            return 0
        self._move_at = now + MOVE_SECONDS
        moved = 0
        async with self._pool.acquire() as conn:
            away = await channels.carriers_away(conn, seconds=AWAY_SECONDS)
            for carrier_id in await queue_store.lanes_of_everyone(conn):
                carrier = self._directory.carriers.get(carrier_id)
                if carrier is not None and carrier.is_enabled and carrier_id not in away:
                    continue
                for account_id, mode in await queue_store.idle_in_lane(conn, carrier_id=carrier_id):
                    choice = route(self._directory.route(account_id, mode, Channel.SMS), tried=(carrier_id, *away))
                    if choice is None or choice.carrier.id == carrier_id or choice.carrier.id in away:
                        continue
                    moved += await queue_store.move_lane(
                        conn, account_id=account_id, mode=mode, from_carrier=carrier_id, to_carrier=choice.carrier.id,
                        limit=BATCH,
                    )  # fmt: skip
                    await store.notify_work(conn, [(choice.carrier.id, priority) for priority in PRIORITIES])
        return moved

    async def _queue_due(self) -> int:
        """Put what waits no longer into chunks, and remember where it went."""
        async with self._pool.acquire() as conn, conn.transaction():
            due = await queue_store.take_due(conn, limit=BATCH)
            due = await _without_ended(conn, due)
            chunks = self._chunks_of(due)
            if chunks:
                await store.insert_chunks(conn, chunks)
                places = [(c, i, m) for c in chunks for i, m in enumerate(c.message_ids)]
                await queue_store.insert_moved(
                    conn,
                    account_ids=[chunk.account_id for chunk, _, _ in places],
                    message_ids=[message_id for _, _, message_id in places],
                    chunk_ids=[chunk.id for chunk, _, _ in places],
                    positions=[position for _, position, _ in places],
                )
                await store.notify_work(conn, {(chunk.carrier_id, chunk.priority) for chunk in chunks})
            reach("sweep.before_commit")
        return len(due)

    def _chunks_of(self, due: Sequence[Due]) -> list[store.ChunkRow]:
        chunks: list[store.ChunkRow] = []
        current: dict[tuple[Any, ...], store.ChunkRow] = {}
        for one in due:
            carrier_id = self._carrier_of(one)
            key = (one.account_id, one.mode, carrier_id, one.priority, one.body_expires_on, one.attempt)
            chunk = current.get(key)
            if chunk is None or len(chunk.message_ids) >= CHUNK_MAX:
                chunk = current[key] = store.ChunkRow(
                    one.account_id, ids.new(), one.mode, carrier_id, one.priority, [], one.body_expires_on,
                    one.expires_at, one.attempt,
                )  # fmt: skip
                chunks.append(chunk)
            chunk.message_ids.append(one.message_id)
            chunk.min_expires_at = min(chunk.min_expires_at, one.expires_at)
        return chunks

    def _carrier_of(self, due: Due) -> UUID:
        """The carrier chosen when it began to wait, unless that one is gone since."""
        carrier = self._directory.carriers.get(due.carrier_id)
        if carrier is not None and carrier.is_enabled:
            return due.carrier_id
        choice = route(self._directory.route(due.account_id, due.mode, Channel.SMS), tried=(due.carrier_id,))
        return choice.carrier.id if choice is not None else due.carrier_id

    async def _expire_waiting(self) -> int:
        async with self._pool.acquire() as conn, conn.transaction():
            late = await queue_store.take_expired_waiting(conn, limit=BATCH)
            batches = await self._end(conn, [(d.account_id, d.message_id) for d in late], Rank.EXPIRED, "ttl_elapsed")
        self._bus.announce(batches)
        return len(late)

    async def _expire_chunks(self) -> int:
        """Messages too late to send, in chunks that nobody works on: their carrier may be down."""
        batches: list[Batch] = []
        async with self._pool.acquire() as conn, conn.transaction():
            chunks = await queue_store.lock_expired_chunks(conn, limit=CHUNK_BATCH)
            for chunk in chunks:
                batches += await self._expire_chunk(conn, chunk)
        self._bus.announce(batches)
        return len(chunks)

    async def _expire_chunk(self, conn: Conn, chunk: Chunk) -> list[Batch]:
        declared = chunk.message_ids[: chunk.intended]
        resolved: set[UUID] = set()
        if declared:
            resolved = await queue_store.resolved_of_chunk(
                conn, account_id=chunk.account_id, chunk_id=chunk.id, message_ids=declared
            )
        expiry = {
            message_id: (is_expired, expires_at)
            for message_id, is_expired, expires_at in await queue_store.expiries_of(
                conn, account_id=chunk.account_id, message_ids=chunk.message_ids
            )
        }
        open_ = [
            (position, message_id)
            for position, message_id in enumerate(chunk.message_ids)
            if position not in chunk.dropped and message_id not in resolved and message_id in expiry
        ]
        late = [(p, m) for p, m in open_ if expiry[m][0]]
        unclear = [m for p, m in late if p < chunk.intended]  # declared by a worker that is gone: it may have left
        unsent = [m for p, m in late if p >= chunk.intended]
        batches = await self._end(conn, [(chunk.account_id, m) for m in unclear], Rank.UNKNOWN, "worker_lost")
        batches += await self._end(conn, [(chunk.account_id, m) for m in unsent], Rank.EXPIRED, "ttl_elapsed")
        left = [expiry[m][1] for _, m in open_ if not expiry[m][0]]
        if left:
            await queue_store.drop_positions(
                conn,
                account_id=chunk.account_id,
                chunk_id=chunk.id,
                positions=[p for p, _ in late],
                min_expires_at=min(left),
            )
        else:
            await queue_store.delete_chunks(conn, account_ids=[chunk.account_id], chunk_ids=[chunk.id])
        return batches

    async def _give_up_receipts(self) -> int:
        """Sent, and the receipt never came: the end, for now; a late one may still raise it."""
        async with self._pool.acquire() as conn, conn.transaction():
            overdue = await settle_store.take_overdue_receipts(conn, limit=CHUNK_BATCH)
            batches: list[Batch] = []
            for account_id, _, message_ids in overdue:
                ranks = await settle_store.highest_ranks(conn, account_ids=[account_id], message_ids=message_ids)
                silent = [(account_id, m) for m in message_ids if ranks.get(m) in (Rank.SENT, Rank.UNKNOWN)]
                batches += await self._end(conn, silent, Rank.NO_RECEIPT, "no_receipt")
        self._bus.announce(batches)
        return len(overdue)

    async def _end(self, conn: Conn, pairs: Sequence[tuple[UUID, UUID]], rank: Rank, reason: str) -> list[Batch]:
        messages = list((await self._loader.load_settled(pairs)).values())
        if rank is Rank.EXPIRED:  # what may have left before is not sent once more; a receipt may still tell of it
            messages = [message for message in messages if message.rank < Rank.SENT]
        at_us = clock.now_us()
        items = [
            (Item(m, rank=rank, reason=reason, at_us=at_us, charges=rank in CHARGED and not m.is_charged), rank)
            for m in messages
        ]
        return await record(conn, items, bus=self._bus, owner=self._owner, wait=self._receipt_wait_seconds)


async def _without_ended(conn: Conn, due: Sequence[Due]) -> list[Due]:
    """What waited to be sent once more is not, if its receipt came meanwhile."""
    resends = [one for one in due if one.why == Why.UNCLEAR_RESEND]
    if not resends:
        return list(due)
    ranks = await settle_store.highest_ranks(
        conn, account_ids=[one.account_id for one in resends], message_ids=[one.message_id for one in resends]
    )
    return [one for one in due if one.why != Why.UNCLEAR_RESEND or ranks.get(one.message_id, 0) < Rank.OPEN]
