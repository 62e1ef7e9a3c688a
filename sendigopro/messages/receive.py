"""A message from a person: whose sender it is for, who wrote, what it says; stored, told, then acknowledged."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from sendigopro.accounts.retention_terms import RECEIVED, RetentionClock
from sendigopro.channels.contract import Inbound
from sendigopro.channels.directory import Directory
from sendigopro.channels.model import PLATFORM, Sender
from sendigopro.events import store as events
from sendigopro.events.bus import Bus
from sendigopro.events.model import Batch, Event
from sendigopro.foundation import clock, ids, segments
from sendigopro.foundation.partitions import expiry_bucket
from sendigopro.foundation.personal import Phone
from sendigopro.foundation.phones import PhoneNumber, parse_phone
from sendigopro.foundation.postgres import CONNECTION_LOST, Pool, from_us
from sendigopro.foundation.problems import Invalid
from sendigopro.messages import settle_store, store
from sendigopro.messages.model import EVENT_OF, STATUS_OF, Direction, Mode, Purpose, Rank
from sendigopro.messages.rows import NOBODY, Placed, Prepared, Terms, pack_body, pack_message
from sendigopro.messages.settle import OUTBOX_LEASE_SECONDS
from sendigopro.messages.settle_store import OutcomeRow
from sendigopro.vault.sealing import seal
from sendigopro.vault.vault import Vault

log = structlog.get_logger()

RETRY_SECONDS = 0.5


@dataclass(slots=True)
class Arrival:
    """An inbound message in our hands, not yet acknowledged."""

    account_id: UUID
    mode: int
    sender: Sender
    inbound: Inbound
    acknowledge: Callable[[], None]


class Receiver:
    """Stores what people write, in groups."""

    def __init__(self, *, pool: Pool, vault: Vault, directory: Directory, bus: Bus, owner: str) -> None:
        self._pool = pool
        self._vault = vault
        self._directory = directory
        self._bus = bus
        self._owner = owner
        self._arrivals: list[Arrival] = []
        self._arrived = asyncio.Event()

    def take(self, channel: int, messages: Sequence[Inbound], acknowledge: Callable[[Sequence[Any]], None]) -> None:
        """Take inbound messages off a link; one for a sender that is nobody's is counted and let go."""
        for inbound in messages:
            sender = self._directory.owner_of(channel, inbound.recipient)
            if sender is None or sender.account_id == PLATFORM:
                log.warning("inbound_for_nobody", channel=channel)
                acknowledge(inbound.handles)
                continue
            self._arrivals.append(
                Arrival(sender.account_id, Mode.LIVE, sender, inbound, partial(acknowledge, inbound.handles))
            )
            self._arrived.set()

    async def receive(self, sender: Sender, *, mode: int, inbound: Inbound) -> UUID:
        """Store one inbound message now; for the handset, and for carriers that call us."""
        arrival = Arrival(sender.account_id, mode, sender, inbound, acknowledge=lambda: None)
        return (await self._write([arrival]))[0]

    async def run(self) -> None:
        """Write groups until cancelled."""
        while True:
            await self._arrived.wait()
            group, self._arrivals = self._arrivals, []
            self._arrived.clear()
            await self._write_surely(group)

    async def _write_surely(self, group: list[Arrival]) -> None:
        while True:
            try:
                await self._write(group)
            except CONNECTION_LOST as error:
                log.warning("receive_waits_for_database", messages=len(group), error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:  # one bad message must not hold up the others
                if len(group) == 1:
                    log.exception("receive_failed", error=type(error).__name__)
                    return
                for arrival in group:
                    await self._write_surely([arrival])
                return
            else:
                return

    async def _write(self, group: Sequence[Arrival]) -> list[UUID]:
        prepared, outcomes, batches = [], [], []
        for arrival in group:
            one = await self._prepare(arrival)
            prepared.append(one)
            message_id, at_us = ids.from_bytes(one.id), clock.now_us()
            outcomes.append(
                OutcomeRow(arrival.account_id, message_id, int(Rank.RECEIVED), from_us(at_us), None, None, None, 1)
            )
            facts: dict[str, str | int | None] = {"status": STATUS_OF[Rank.RECEIVED], "rank": int(Rank.RECEIVED)}
            event = Event(ids.new_bytes(), EVENT_OF[Rank.RECEIVED], one.id, at_us, facts)
            batches.append(Batch(arrival.account_id, arrival.mode, events=[event]))
        async with self._pool.acquire() as conn, conn.transaction():
            await store.copy_messages(conn, [pack_message(Placed(one)) for one in prepared])
            await store.copy_bodies(conn, [pack_body(one) for one in prepared])
            await settle_store.append_outcomes(conn, outcomes)
            lease = OUTBOX_LEASE_SECONDS if self._bus.is_heard else 0.0
            await events.publish(conn, batches, owner=self._owner, lease_seconds=lease)
        for arrival in group:
            arrival.acknowledge()
        self._bus.announce(batches)
        return [outcome.message_id for outcome in outcomes]

    async def _prepare(self, arrival: Arrival) -> Prepared:
        account_id, vault = arrival.account_id, self._vault
        phone = _read_sender(arrival.inbound.sender)
        (subject,) = await vault.subjects_of(account_id, arrival.mode, [phone])
        text = arrival.inbound.body.reveal().replace("\0", "")
        counted = segments.count(text)
        message_id = ids.new_bytes()
        today = clock.today()
        kept = timedelta(days=self._directory.retention(account_id).days(RECEIVED, RetentionClock.BODY))
        expires_on = expiry_bucket(today + kept, today)
        key = vault.message_key(subject.key, await vault.bucket_key(account_id, expires_on))
        return Prepared(
            id=message_id,
            terms=Terms(
                account_id=account_id, mode=arrival.mode, channel=arrival.sender.channel,
                direction=Direction.INBOUND, purpose=Purpose.TRANSACTIONAL, priority=0, sender_id=arrival.sender.id,
                key_id=NOBODY, carrier_id=NOBODY, currency="EUR",
            ),
            subject_id=subject.raw_id,
            segments=counted.parts,
            encoding=counted.encoding,
            country=phone.country if len(phone.country) == 2 else "ZZ",  # noqa: PLR2004  # ISO 3166-1 alpha-2
            price_micros=0,
            send_at=None,
            expires_at=clock.now(),
            body_expires_on=expires_on,
            has_callback=False,
            body=seal(key, (account_id.bytes, b"message_bodies", b"body", message_id), text.encode()),
            details=None,
            tags=[],
        )  # fmt: skip


def _read_sender(sender: Phone) -> PhoneNumber:
    """A person's number in E.164; what is no number (a short code, a word) is kept as it came."""
    clear = sender.reveal()
    try:
        return parse_phone(clear if clear.startswith("+") else f"+{clear}")
    except Invalid:
        return PhoneNumber(sender, "ZZ")
