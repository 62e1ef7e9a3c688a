"""A worker drains its carriers: lease chunks, declare a slice, hand it over, record what became of it.

A lease is ownership, not intent. What may leave is declared in the database first, slice by slice, after asking
who may be contacted; what was declared and has no outcome after a crash is unclear, and a policy decides.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from sendigopro.channels.contract import (
    Accepted,
    Inbound,
    Link,
    Outbound,
    Outcome,
    Receipt,
    Rejected,
    TryLater,
    Unclear,
)
from sendigopro.channels.directory import Directory
from sendigopro.channels.model import PLATFORM, Carrier
from sendigopro.foundation import clock
from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.postgres import CONNECTION_LOST, Conn, Pool, from_us, ping
from sendigopro.messages import queue_store
from sendigopro.messages.flow import Flow, Hurry
from sendigopro.messages.load import Loader
from sendigopro.messages.model import (
    CHARGED,
    HURRIES,
    PRIORITIES,
    Channel,
    Chunk,
    Details,
    OnUnclear,
    Outgoing,
    Purpose,
    Rank,
    Why,
)
from sendigopro.messages.queue_store import Declared
from sendigopro.messages.receipts import Book, Receipts, clean_ref
from sendigopro.messages.receive import Receiver
from sendigopro.messages.route import route
from sendigopro.messages.settle import Item, Settler
from sendigopro.messages.settle_store import UnclearRow
from sendigopro.messages.store import WaitingRow
from sendigopro.vault.vault import Vault

log = structlog.get_logger()

LEASE_SECONDS = 30.0
RENEW_SECONDS = 8.0
POLL_SECONDS = 0.25
OUTAGE_SECONDS = 15.0
OWNERS_FIRST_SECONDS = 3.0
LEASE_PAUSE_SECONDS = 0.004
"""Between leases: what is queued meanwhile is leased together."""
READY_MAX = 1_000
"""Opened messages in memory; above it only more urgent ones are leased."""
LEASE_MESSAGES = SLICE_MAX = 250
LEASE_ACCOUNTS = 50
URGENT = 2
"""Priorities up to this one never wait for a campaign."""
HURRIED_MESSAGES = 40
HURRIED_READY_MAX = 50
"""In a hurry a campaign's next chunk, which may be 500 messages to open, is leased only when the last has gone."""
URGENT_ROOM = 50
"""What is urgent may always queue in the link, which writes it first."""
SHARE_TURN = 10
"""Each tenth turn begins with the least urgent, so that nobody starves."""
RETRY_SECONDS = (5, 15, 60, 300, 900)


class Lane:
    """One carrier, drained by one worker while it holds binds of it."""

    def __init__(
        self,
        carrier: Carrier,
        *,
        owner: str,
        pool: Pool,
        vault: Vault,
        directory: Directory,
        loader: Loader,
        settler: Settler,
        receipts: Receipts,
        book: Book,
        receiver: Receiver,
        resends_unclear: Callable[[UUID], bool],
    ) -> None:
        self.carrier = carrier
        self.link: Link | None = None
        self._owner = owner
        self._pool = pool
        self._vault = vault
        self._directory = directory
        self._loader = loader
        self._settler = settler
        self._receipts = receipts
        self._book = book
        self._receiver = receiver
        self._resends_unclear = resends_unclear
        self._ready: list[deque[Outgoing]] = [deque() for _ in PRIORITIES]
        self._held: dict[UUID, Chunk] = {}
        self._served: list[UUID] = [queue_store.NOBODY for _ in PRIORITIES]
        self.urgent = Flow(PRIORITIES[: URGENT + 1], may_rest=False)
        self.bulk = Flow(PRIORITIES[URGENT + 1 :], may_rest=True)
        self.flows = (self.urgent, self.bulk)
        self._declaring = 0
        self._hurry = Hurry()
        self._is_stopping = False

    def stop(self) -> None:
        """Let `fetch` and `send` end where nothing is half done: what is declared is handed over as well."""
        self._is_stopping = True
        self._wake()

    def _wake(self) -> None:
        for flow in self.flows:
            flow.wake()

    # What wakes it

    def hint(self, priority: int) -> None:
        """Something was queued."""
        (self.urgent if priority <= URGENT else self.bulk).work.set()

    def on_room(self) -> None:
        """The link takes more, or takes something at all again."""
        for flow in self.flows:
            flow.room.set()
            flow.unblock()

    def on_receipts(self, receipts: Sequence[Receipt]) -> None:
        """Receipts came in on the link."""
        assert self.link is not None
        self._receipts.take(self.carrier.id, receipts, self.link.acknowledge)

    def on_inbound(self, messages: Sequence[Inbound]) -> None:
        """Messages from people came in on the link."""
        assert self.link is not None
        self._receiver.take(Channel.SMS, messages, self.link.acknowledge)

    # Leasing and opening

    async def fetch(self, flow: Flow) -> None:
        """Keep some opened messages ready, until stopped."""
        lost_at: float | None = None
        while not self._is_stopping:
            flow.work.clear()
            try:
                if lost_at is not None and clock.monotonic() - lost_at > OUTAGE_SECONDS:
                    await ping(self._pool)
                    await asyncio.sleep(OWNERS_FIRST_SECONDS)  # every lease has run out: whoever lives renews first
                is_all = await self._lease_and_open(flow)
                lost_at = None
            except CONNECTION_LOST as error:
                log.warning("lease_waits_for_database", carrier=self.carrier.name, error=type(error).__name__)
                is_all = True
                lost_at = lost_at or clock.monotonic()
            await asyncio.sleep(LEASE_PAUSE_SECONDS)
            if is_all:
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await flow.work.wait()
        await flow.opened()

    def _next_priorities(self, flow: Flow) -> list[int]:
        """What may be leased now, in this order."""
        enough = HURRIED_READY_MAX if flow.may_rest and self._hurry.is_on else READY_MAX
        if sum(len(self._ready[p]) for p in flow.priorities) >= enough:
            flow.is_blocked = True
            return [p for p in flow.priorities if p <= HURRIES and not self._ready[p]]
        if flow.turn % SHARE_TURN == SHARE_TURN - 1:
            return list(reversed(flow.priorities))
        return list(flow.priorities)

    async def _lease_and_open(self, flow: Flow) -> bool:
        """Take what is there; False when there may be more, which nothing would tell."""
        if self.link is None or not self.link.is_ready:
            flow.is_blocked = True
            await self._release_idle()
            return True
        priorities = self._next_priorities(flow)
        if not priorities:
            return True
        flow.turn += 1
        messages_max = HURRIED_MESSAGES if self._hurry.is_on else LEASE_MESSAGES
        async with self._pool.acquire() as conn:
            leased = await queue_store.lease_chunks(
                conn, carrier_id=self.carrier.id, owner=self._owner, lease_seconds=LEASE_SECONDS, priorities=priorities,
                after=[self._served[p] for p in priorities], accounts_max=LEASE_ACCOUNTS, messages_max=messages_max,
            )  # fmt: skip
        reach("deliver.leased")
        self._advance_round(leased)
        if any(chunk.priority <= HURRIES for chunk in leased):
            self._hurry.begin()
        for chunk in leased:
            if chunk.was_anothers and chunk.id in self._held:
                self._lose(self._held[chunk.id])  # another went on with it meanwhile: what we remember of it is old
        fresh = [chunk for chunk in leased if chunk.id not in self._held]
        if fresh:
            await flow.open(self._open(fresh))
        count = sum(len(chunk.message_ids) - chunk.intended for chunk in leased)
        return count < messages_max and len(leased) < LEASE_ACCOUNTS

    def _advance_round(self, leased: Sequence[Chunk]) -> None:
        """The next lease goes on behind the account that came last in this round."""
        last: dict[int, tuple[bool, int, UUID]] = {}
        for chunk in leased:
            account_id, served = chunk.account_id, self._served[chunk.priority]
            place = (account_id.int <= served.int, account_id.int, account_id)
            last[chunk.priority] = max(last.get(chunk.priority, place), place)
        for priority, (_, _, account_id) in last.items():
            self._served[priority] = account_id

    async def _open(self, chunks: Sequence[Chunk]) -> None:
        messages = await self._loader.load_chunks(chunks)
        for chunk in chunks:
            self._held[chunk.id] = chunk
            resolved: set[UUID] = set()
            if chunk.intended:
                await self._settler.drained()  # some of it may have been ours before
                async with self._pool.acquire() as conn:
                    resolved = await queue_store.resolved_of_chunk(
                        conn,
                        account_id=chunk.account_id,
                        chunk_id=chunk.id,
                        message_ids=chunk.message_ids[: chunk.intended],
                    )
            self._line_up(chunk, messages, resolved)

    def _line_up(self, chunk: Chunk, messages: dict[UUID, Outgoing], resolved: set[UUID]) -> None:
        """Put a chunk's messages in line; those of a former life that were declared and have no outcome are unclear."""
        open_ = [
            (position, messages[message_id])
            for position, message_id in enumerate(chunk.message_ids)
            if position not in chunk.dropped and message_id in messages and message_id not in resolved
        ]
        chunk.unresolved = len(open_)
        if not open_:
            self._settler.add(_nothing_left(chunk))
        line = self._ready[chunk.priority]
        for position, message in open_:
            message.chunk, message.position = chunk, position
            message.attempt, message.carrier_id = chunk.attempt, self.carrier.id
            if position < chunk.intended:
                self._unclear(message, Unclear("worker_lost"))
            else:
                line.append(message)

    async def _release_idle(self) -> None:
        """With no link, chunks of which nothing is under way go back: others, or expiry, get at them."""
        in_line = Counter(m.chunk.id for line in self._ready for m in line if m.chunk is not None)
        idle = [chunk for chunk in self._held.values() if in_line[chunk.id] == chunk.unresolved]
        if not idle:
            return
        for chunk in idle:
            self._lose(chunk)
        async with self._pool.acquire() as conn:
            await queue_store.release_chunks(
                conn,
                owner=self._owner,
                account_ids=[chunk.account_id for chunk in idle],
                chunk_ids=[chunk.id for chunk in idle],
            )

    def _lose(self, chunk: Chunk) -> None:
        """Forget a chunk, and what of it stands in line."""
        self._held.pop(chunk.id, None)
        self._ready[chunk.priority] = deque(m for m in self._ready[chunk.priority] if m.chunk is not chunk)

    # Declaring and handing over

    async def send(self, flow: Flow) -> None:
        """Hand slices over as the link has room, until stopped."""
        while True:
            await flow.room.wait()
            if self._is_stopping:
                return
            room = self.link.room - self._declaring if self.link is not None and self.link.is_ready else 0
            batch = self._pick(flow, room)
            if not batch:
                flow.room.clear()
                continue
            flow.unblock()
            self._declaring += len(batch)
            try:
                leaving = await self._declare(batch)
            except CONNECTION_LOST as error:
                log.warning("intent_waits_for_database", carrier=self.carrier.name, error=type(error).__name__)
                for message in reversed(batch):
                    self._ready[message.priority].appendleft(message)
                await asyncio.sleep(POLL_SECONDS)
            else:
                self._hand_over(leaving)
                reach("deliver.handed_over")
            finally:
                self._declaring -= len(batch)
                for each in self.flows:
                    each.room.set()  # what was not handed over is room again
            if flow.may_rest:
                await self._hurry.rest()

    def _pick(self, flow: Flow, room: int) -> list[Outgoing]:
        """The next slice, the most urgent first: codes may go into a link without room, for their own line there."""
        batch: list[Outgoing] = []
        if self.link is None or not self.link.is_ready:
            return batch
        count = min(room, HURRIED_MESSAGES if self._hurry.is_on else SLICE_MAX)
        for priority in flow.priorities:
            line = self._ready[priority]
            limit = max(count, URGENT_ROOM) if priority <= HURRIES else count
            while line and len(batch) < limit:
                batch.append(line.popleft())
        return batch

    async def _declare(self, batch: Sequence[Outgoing]) -> list[Outgoing]:
        """Commit what may leave, and return it. Standing, expiry and cancels are asked in the same transaction."""
        for account_id in {PLATFORM, *(message.account_id for message in batch)}:
            await self._vault.load_account(account_id)
        intended: dict[UUID, tuple[UUID, int]] = {}
        macs: list[bytes] = []
        for message in batch:
            assert message.chunk is not None
            intended[message.chunk.id] = (message.account_id, message.position + 1)
            if message.recipient is not None:
                macs.append(self._vault.suppression_mac(message.account_id, message.recipient))
        reach("deliver.before_intent")
        async with self._pool.acquire() as conn:
            declared = await queue_store.declare_intent(
                conn,
                owner=self._owner,
                account_ids=[account_id for account_id, _ in intended.values()],
                chunk_ids=list(intended),
                intended=[position for _, position in intended.values()],
                macs=macs,
                lease_seconds=LEASE_SECONDS,
            )
        reach("deliver.intent_committed")
        for chunk_id, (_, position) in intended.items():
            if chunk_id in declared.dropped and chunk_id in self._held:
                self._held[chunk_id].intended = position
        return [message for message in batch if self._may_leave(message, declared)]

    def _may_leave(self, message: Outgoing, declared: Declared) -> bool:
        chunk = message.chunk
        assert chunk is not None
        if self._held.get(chunk.id) is not chunk:
            return False
        if chunk.id not in declared.dropped:  # no longer ours: whoever leased it goes on from where it was declared
            self._lose(chunk)
            return False
        if message.position in declared.dropped[chunk.id]:
            self._settler.add(Item(message, resolves=True))
            return False
        if message.recipient is None or message.body is None:
            self._refuse(message, Rank.FAILED, "content_erased")
            return False
        if declared.standing:
            mac = self._vault.suppression_mac(message.account_id, message.recipient)
            if (state := declared.standing.get((message.account_id, mac))) is not None:
                self._refuse(message, Rank.REJECTED, f"recipient_{state}")
                return False
        if declared.at is not None and message.expires_at <= declared.at:
            self._refuse(message, Rank.EXPIRED, "ttl_elapsed")
            return False
        return True

    def _refuse(self, message: Outgoing, rank: Rank, reason: str, *, code: str | None = None) -> None:
        """It does not leave. If it may have left before, that is still how it stands: a receipt may tell."""
        if message.rank >= Rank.SENT:
            self._settler.add(Item(message, resolves=True))
            return
        message.rank = rank
        self._settler.add(
            Item(message, rank=rank, reason=reason, carrier_code=code, at_us=clock.now_us(), resolves=True)
        )

    def _hand_over(self, messages: Sequence[Outgoing]) -> None:
        assert self.link is not None
        now = clock.now()
        self.link.send_many([_outbound(message, now) for message in messages])

    # What the carrier says

    def on_outcomes(self, outcomes: Sequence[tuple[Any, Outcome]]) -> None:
        """The link's answers, one for each message handed over."""
        at_us = clock.now_us()
        for message, outcome in outcomes:
            match outcome:
                case Accepted(carrier_ids):
                    self._accepted(message, carrier_ids, at_us)
                case Rejected(reason, code):
                    message.body = None
                    self._refuse(message, Rank.REJECTED, reason, code=_clean(code))
                case TryLater():
                    self._try_later(message, outcome)
                case Unclear():
                    self._unclear(message, outcome)

    def _accepted(self, message: Outgoing, carrier_ids: tuple[str, ...], at_us: int) -> None:
        charges = not message.is_charged
        message.is_charged = True
        trace = None if all(carrier_ids) else self._trace(message)  # a receipt must find it in another way
        message.body = None
        message.rank = max(message.rank, Rank.SENT)
        refs = tuple(map(clean_ref, carrier_ids))
        self._settler.add(
            Item(
                message, rank=Rank.SENT, carrier_ids=refs, at_us=at_us, resolves=True, charges=charges, unclear=trace
            )
        )  # fmt: skip
        self._note(message, refs)

    def _note(self, message: Outgoing, refs: Sequence[str]) -> None:
        """Remember the carrier's ids, and settle what was said of them already."""
        for part, ref in enumerate(refs, start=1):
            if ref:
                self._book.note(self.carrier.id, ref, message, part)
                self._receipts.claim_early(self.carrier.id, ref)

    def _try_later(self, message: Outgoing, outcome: TryLater) -> None:
        """Wait and try again, on the next carrier of the route if there is one, until the message expires."""
        carriers = self._directory.route(message.account_id, message.mode, Channel.SMS)
        choice = route(carriers, tried=(self.carrier.id,))
        pause = RETRY_SECONDS[min(message.attempt - 1, len(RETRY_SECONDS) - 1)]
        self._wait(
            message,
            carrier_id=choice.carrier.id if choice is not None else self.carrier.id,
            after_seconds=pause if outcome.after_seconds is None else outcome.after_seconds,
            why=Why.TRY_LATER,
        )

    def _wait(
        self,
        message: Outgoing,
        *,
        carrier_id: UUID,
        after_seconds: float,
        why: Why,
        rank: Rank | None = None,
        refs: tuple[str, ...] = (),
    ) -> None:
        due_at = clock.now() + timedelta(seconds=after_seconds)
        wait = WaitingRow(
            message.account_id, message.id, message.mode, due_at, carrier_id, message.priority, message.attempt + 1,
            why, message.expires_at, message.body_expires_on,
        )  # fmt: skip
        is_unclear = rank is Rank.UNKNOWN
        self._settler.add(
            Item(
                message, rank=rank, reason="unclear_resend" if is_unclear else None, carrier_ids=refs,
                at_us=clock.now_us(), resolves=True, wait=wait, unclear=self._trace(message) if is_unclear else None,
                charges=rank in CHARGED and not message.is_charged,
            )
        )  # fmt: skip
        message.is_charged = message.is_charged or rank in CHARGED

    def _unclear(self, message: Outgoing, outcome: Unclear) -> None:
        """The carrier may have it: hold it as unknown, or send it once more where the policy says so."""
        policy = OnUnclear.RESEND_ONCE if message.purpose == Purpose.EMERGENCY else OnUnclear.HOLD
        if message.purpose == Purpose.TRANSACTIONAL and self._resends_unclear(message.account_id):
            policy = OnUnclear.RESEND_ONCE
        message.rank = max(message.rank, Rank.UNKNOWN)
        refs = tuple(map(clean_ref, outcome.carrier_ids))
        if policy is OnUnclear.RESEND_ONCE and message.attempt == 1 and message.body is not None:
            after = float(self.carrier.unclear_wait_seconds)
            self._wait(
                message, carrier_id=self.carrier.id, after_seconds=after, why=Why.UNCLEAR_RESEND, rank=Rank.UNKNOWN,
                refs=refs,
            )  # fmt: skip
            self._note(message, refs)
            return
        charges = not message.is_charged
        message.is_charged = True
        self._settler.add(
            Item(
                message, rank=Rank.UNKNOWN, reason=outcome.reason, carrier_ids=refs,
                at_us=clock.now_us(), resolves=True, charges=charges, unclear=self._trace(message),
            )
        )  # fmt: skip
        self._note(message, refs)

    def _trace(self, message: Outgoing) -> UnclearRow | None:
        if message.recipient is None:
            return None
        message.was_unclear = True
        mac = self._vault.suppression_mac(PLATFORM, message.recipient)
        return UnclearRow(
            self.carrier.id, mac, from_us(clock.now_us()), message.account_id, message.id, _reference(message),
            message.segments,
        )  # fmt: skip

    # Keeping and giving up

    async def renew(self) -> None:
        """Keep what is held; forget what somebody else took."""
        held = list(self._held.values())
        if not held:
            return
        async with self._pool.acquire() as conn:
            ours = await queue_store.renew_leases(
                conn,
                owner=self._owner,
                account_ids=[chunk.account_id for chunk in held],
                chunk_ids=[chunk.id for chunk in held],
                lease_seconds=LEASE_SECONDS,
            )
        for chunk in held:
            if chunk.id not in ours and chunk.unresolved > 0:
                self._lose(chunk)

    async def release(self, conn: Conn) -> None:
        """Give back what is held, for the next owner to go on where this one stopped."""
        held = list(self._held.values())
        if held:
            await queue_store.release_chunks(
                conn, owner=self._owner, account_ids=[c.account_id for c in held], chunk_ids=[c.id for c in held]
            )
        self._held.clear()

    def chunk_done(self, chunk: Chunk) -> None:
        """Its last message is accounted for on disk."""
        if self._held.get(chunk.id) is chunk:
            del self._held[chunk.id]


def _nothing_left(chunk: Chunk) -> Item:
    """A chunk all of whose messages are accounted for already: only its row is left to delete."""
    ghost = Outgoing(
        account_id=chunk.account_id, id=chunk.id, mode=chunk.mode, purpose=0, priority=chunk.priority, subject_id=None,
        sender="", recipient=None, body=None, segments=1, encoding=0, country="", price_micros=0, held_micros=0,
        currency="", send_at=None, expires_at=chunk.min_expires_at, body_expires_on=chunk.body_expires_on,
        has_callback=False, details=Details(), chunk=chunk,
    )  # fmt: skip
    return Item(ghost, resolves=True)


def _reference(message: Outgoing) -> int:
    """16 bits of the id's random part: the same for every part, and told from neighbours."""
    return message.id.int & 0xFFFF


def _outbound(message: Outgoing, now: datetime) -> Outbound:
    assert message.recipient is not None
    assert message.body is not None
    return Outbound(
        token=message,
        recipient=message.recipient,
        sender=message.sender,
        body=message.body,
        priority=message.priority,
        reference=_reference(message),
        validity_seconds=max(1, int((message.expires_at - now).total_seconds())),
    )


def _clean(code: str) -> str | None:
    return code[:32].replace("\0", "") or None
