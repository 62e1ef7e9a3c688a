"""What is left over comes back: batches of dead owners, retries that are due, replays."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sendigopro.events import store as events
from sendigopro.events.model import Batch, Event
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Pool
from sendigopro.messages.model import IS_FINAL_EVENT
from sendigopro.messages.settle import EVENTS_MAX
from sendigopro.webhooks import delivery_store
from sendigopro.webhooks.book import Entry
from sendigopro.webhooks.deliver import HELD_MAX, Deliveries, body_of, lanes_for
from sendigopro.webhooks.listing import CLOCKS_APART, earlier, first_at, kept_since
from sendigopro.webhooks.model import Replay, RetryRow
from sendigopro.webhooks.record import OUTBOX_LEASE_SECONDS

POLL_SECONDS = 0.5
RETRY_LEASE_SECONDS = 60.0
RETRIES_PER_LANE = 100
RETRIES_MAX = 1_000
RENEW_SECONDS = 5.0
RENEW_AFTER_SECONDS = 10.0
CLEAN_SECONDS = 600.0
REPLAYS_MAX = 4
REPLAY_LEASE_SECONDS = 30.0
REPLAY_BATCHES = 20
REPLAY_QUEUE_MAX = 2_000
REPLAY_PAUSE_SECONDS = 1.0


class Again:
    """One per worker, beside its `Deliveries`."""

    def __init__(self, deliveries: Deliveries, pool: Pool) -> None:
        self._deliveries = deliveries
        self._pool = pool
        self._has_begun = False
        self._renewed = 0.0
        self._cleaned = clock.monotonic()

    async def run(self) -> None:
        """Look for ever; at once again while there is much."""
        if not self._has_begun:
            await self._begin()
        while True:
            found = await self.look()
            await self._keep()
            if not found:
                await asyncio.sleep(POLL_SECONDS)

    async def look(self) -> int:
        """Bring back a little of everything; how much it was."""
        return await self.orphans() + await self.retries() + await self.replays()

    async def _begin(self) -> None:
        """A restarted worker has the name of its former life, and takes back at once what that one held."""
        async with self._pool.acquire() as conn:
            await events.release_of_owner(conn, owner=self._deliveries.owner)
            await delivery_store.release_retries_of_owner(conn, owner=self._deliveries.owner)
        self._has_begun = True

    async def orphans(self) -> int:
        """Batches that nobody owns."""
        deliveries = self._deliveries
        room = HELD_MAX - deliveries.held
        if room < HELD_MAX // 2:
            return 0
        async with self._pool.acquire() as conn:
            leased = await events.lease_orphans_of_everyone(
                conn, owner=deliveries.owner, lease_seconds=OUTBOX_LEASE_SECONDS, limit=max(1, room // EVENTS_MAX)
            )
            leased = [row for row in leased if row[1] not in deliveries.owned]
            if not leased:
                return 0
            batches = await events.read_batches(
                conn, account_ids=[row[0] for row in leased], batch_ids=[row[1] for row in leased]
            )
        deliveries.take(batches)
        found = {batch.id for batch in batches}
        for account_id, batch_id, mode in leased:
            if batch_id not in found:
                deliveries.finish_unread(Batch(account_id, mode, batch_id))
        return len(leased)

    # Retries

    async def retries(self) -> int:
        """Retries that are due, a few of each receiver."""
        deliveries = self._deliveries
        now = deliveries.client.loop.time()
        resting = [
            lane.id
            for lane in deliveries.book.lanes()
            if lane.is_resting(now) or len(lane.pool.waiting) >= RETRIES_PER_LANE
        ]
        async with self._pool.acquire() as conn:
            rows = await delivery_store.lease_due_of_everyone(
                conn,
                owner=deliveries.owner,
                lease_seconds=RETRY_LEASE_SECONDS,
                resting=resting,
                per_lane=RETRIES_PER_LANE,
                limit=RETRIES_MAX,
            )
        by_account: dict[tuple[UUID, int], list[RetryRow]] = defaultdict(list)
        for row in rows:
            by_account[row.account_id, row.mode].append(row)
        for (account_id, mode), of_account in by_account.items():
            await self._retry(account_id, mode, of_account)
        return len(rows)

    async def _retry(self, account_id: UUID, mode: int, rows: Sequence[RetryRow]) -> None:
        deliveries = self._deliveries
        wants_callback = any(row.lane_id != row.endpoint_id for row in rows)
        entry = await deliveries.book.load(account_id, mode, with_callback=wants_callback)
        entry.used_at = clock.monotonic()
        async with self._pool.acquire() as conn:
            batches = await events.read_batches(
                conn, account_ids=[account_id], batch_ids=list({row.batch_id for row in rows})
            )
        by_id = {event.id: event for batch in batches for event in batch.events}
        wanted = [by_id[row.event_id.bytes] for row in rows if row.event_id.bytes in by_id]
        described = await deliveries.describe(entry, wanted)
        for row in rows:
            event = by_id.get(row.event_id.bytes)
            if event is None:
                deliveries.give_up(row)
                continue
            message = described.get(event.id)
            self._offer(
                entry, row, event, message.callback_url if message is not None else None, body_of(entry, event, message)
            )

    def _offer(
        self, entry: Entry, row: RetryRow, event: Event, callback_url: str | None, body: bytes
    ) -> None:  # one caller
        deliveries = self._deliveries
        if row.lane_id == row.endpoint_id:
            lane = entry.lanes.get(row.endpoint_id)
            if lane is not None:
                deliveries.offer(lane, event=event, body=body, path=lane.path, source=row)
                return
        elif callback_url is not None and IS_FINAL_EVENT.get(event.type, False):
            found = deliveries.book.callback_lane(entry, callback_url)
            if found is not None:
                deliveries.offer(found[0], event=event, body=body, path=found[1], source=row)
                return
        deliveries.give_up(row)

    # Replays

    async def replays(self) -> int:
        """Go a step through the events that somebody asked to be told again."""
        async with self._pool.acquire() as conn:
            leased = await delivery_store.lease_replays_of_everyone(
                conn, lease_seconds=REPLAY_LEASE_SECONDS, limit=REPLAYS_MAX
            )
        for replay in leased:
            await self._step(replay)
        return 0

    async def _step(self, replay: Replay) -> None:
        entry = await self._deliveries.book.load(replay.account_id, replay.mode)
        lane = entry.lanes.get(replay.endpoint_id)
        position, queued = (replay.after_xid, replay.after_id), 0
        pause: float | None = REPLAY_PAUSE_SECONDS
        async with self._pool.acquire() as conn, conn.transaction():
            count = await delivery_store.count_retries(
                conn, account_id=replay.account_id, lane_id=replay.endpoint_id, at_most=REPLAY_QUEUE_MAX
            )
            if lane is None:
                pause = None
            elif count < REPLAY_QUEUE_MAX:
                found = await events.read_after(
                    conn,
                    account_id=replay.account_id,
                    mode=replay.mode,
                    after=position,
                    lowest_id=max(earlier(first_at(replay.since), CLOCKS_APART), kept_since()),
                    limit=REPLAY_BATCHES,
                )
                since_us, until_us = (int(at.timestamp() * 1e6) for at in (replay.since, replay.until))
                chosen = [
                    (batch, event)
                    for _, batch in found
                    for event in batch.events
                    if since_us <= event.at_us <= until_us and lane in lanes_for(entry, event)
                ]
                if chosen:
                    await delivery_store.replay_events(
                        conn,
                        row=RetryRow(replay.account_id, lane.id, lane.id, lane.id, lane.id, replay.mode, 0),
                        event_ids=[ids.from_bytes(event.id) for _, event in chosen],
                        batch_ids=[batch.id for batch, _ in chosen],
                    )
                queued = len(chosen)
                if found:
                    position = (found[-1][0], found[-1][1].id)
                if ids.time_of(position[1]) > replay.until + CLOCKS_APART:
                    pause = None
                elif len(found) == REPLAY_BATCHES:
                    pause = 0.0
                elif replay.is_settled:
                    pause = None
            await delivery_store.advance_replay(
                conn,
                account_id=replay.account_id,
                replay_id=replay.id,
                after_xid=position[0],
                after_id=position[1],
                queued=queued,
                pause_seconds=pause,
            )

    # Leases

    async def _keep(self) -> None:
        """Renew what takes long, and give up what waited longer than the schedule."""
        now = clock.monotonic()
        if now - self._renewed > RENEW_SECONDS:
            self._renewed = now
            await self._renew(now)
        if now - self._cleaned > CLEAN_SECONDS:
            self._cleaned = now
            async with self._pool.acquire() as conn:
                await delivery_store.delete_late_of_everyone(conn)

    async def _renew(self, now: float) -> None:
        deliveries = self._deliveries
        old = [owed.batch for owed in deliveries.owned.values() if now - owed.since > RENEW_AFTER_SECONDS]
        async with self._pool.acquire() as conn:
            if old:
                await events.renew(
                    conn,
                    owner=deliveries.owner,
                    lease_seconds=OUTBOX_LEASE_SECONDS,
                    account_ids=[batch.account_id for batch in old],
                    batch_ids=[batch.id for batch in old],
                )
            if deliveries.leased:
                await delivery_store.renew_retries(
                    conn, owner=deliveries.owner, lease_seconds=RETRY_LEASE_SECONDS, rows=list(deliveries.leased)
                )
