"""The carrier's later word: find whose it is, settle it, and only then acknowledge it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from sendigopro.channels.contract import Receipt, ReceiptStatus
from sendigopro.channels.model import PLATFORM
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import CONNECTION_LOST, Conn, Pool, from_us
from sendigopro.messages import settle_store
from sendigopro.messages.load import Loader
from sendigopro.messages.model import Outgoing, Rank, may_become
from sendigopro.messages.settle import Item, Settler
from sendigopro.messages.settle_store import UnmatchedRow
from sendigopro.vault.vault import Vault

log = structlog.get_logger()

BOOK_MAX = 50_000
EARLY_SECONDS = 0.25
MATCH_DAYS = 4
GIVE_UP_AFTER = timedelta(days=3)
REMATCH_SECONDS = 0.2
IDLE_REMATCH_SECONDS = 5.0
REMATCH_LEASE_SECONDS = 30.0
UNCLEAR_WINDOW = timedelta(days=3)
UNCLEAR_PATIENCE = timedelta(seconds=20)
REF_MAX = 255

MEANING: dict[ReceiptStatus, tuple[Rank, str | None]] = {
    ReceiptStatus.DELIVERED: (Rank.DELIVERED, None),
    ReceiptStatus.UNDELIVERED: (Rank.UNDELIVERED, "carrier_undelivered"),
    ReceiptStatus.EXPIRED: (Rank.UNDELIVERED, "carrier_expired"),
    ReceiptStatus.REJECTED: (Rank.UNDELIVERED, "carrier_rejected"),
    ReceiptStatus.UNKNOWN: (Rank.UNDELIVERED, "carrier_unknown"),
}
REASON_OF = dict(MEANING.values())


def clean_ref(carrier_id: str) -> str:
    """A carrier's id as it is stored and looked up: PostgreSQL keeps no NUL, and an index no long text."""
    return carrier_id[:REF_MAX].replace("\0", "")


@dataclass(slots=True)
class Arrived:
    """A receipt in our hands, not yet acknowledged."""

    carrier_id: UUID
    ref: str
    rank: Rank
    reason: str | None
    carrier_code: str
    receipt: Receipt | None
    at_us: int
    since: float
    acknowledge: Callable[[], None]
    stored: UnmatchedRow | None = None
    """Its row, when it was set aside before."""


class Book:
    """What this worker handed over lately: (carrier, id) → message and part. The oldest make room."""

    def __init__(self) -> None:
        self._entries: dict[tuple[UUID, str], tuple[Outgoing, int]] = {}

    def note(self, carrier_id: UUID, ref: str, message: Outgoing, part: int) -> None:
        """Remember whose a carrier's id is."""
        entries = self._entries
        entries.pop((carrier_id, ref), None)  # ids repeat: the newest wins, and stands last
        entries[carrier_id, ref] = (message, part)
        if len(entries) > BOOK_MAX:
            del entries[next(iter(entries))]

    def find(self, carrier_id: UUID, ref: str) -> tuple[Outgoing, int] | None:
        """Whose it is, as far as this worker knows."""
        return self._entries.get((carrier_id, ref))

    def forget(self, carrier_id: UUID, ref: str) -> None:
        """Its message has ended."""
        self._entries.pop((carrier_id, ref), None)


class Receipts:
    """Matches receipts: first in memory, then in the table, and what nobody knows is set aside and tried again."""

    def __init__(self, *, pool: Pool, vault: Vault, loader: Loader, settler: Settler, book: Book) -> None:
        self._pool = pool
        self._vault = vault
        self._loader = loader
        self._settler = settler
        self._book = book
        self._early: dict[tuple[UUID, str], list[Arrived]] = {}
        self._unknown: list[Arrived] = []
        self._arrived = asyncio.Event()
        self._set_aside = asyncio.Event()

    def take(self, carrier_id: UUID, receipts: Sequence[Receipt], acknowledge: Callable[[Sequence[Any]], None]) -> None:
        """Take receipts off a link, in the order they came."""
        now, since = clock.now_us(), clock.monotonic()
        for receipt in receipts:
            handle = receipt.handle
            meaning = MEANING.get(receipt.status)
            if meaning is None:  # on its way: nothing to write
                acknowledge([handle])
                continue
            ref = clean_ref(receipt.carrier_id)
            arrived = Arrived(
                carrier_id, ref, meaning[0], meaning[1], receipt.carrier_code[:32].replace("\0", ""),
                receipt, now, since, partial(acknowledge, [handle]),
            )  # fmt: skip
            found = self._book.find(carrier_id, ref)
            if found is not None:
                self._settle(arrived, *found)
            else:
                # It may have overtaken the carrier's answer to the submit: give that a moment before asking the table.
                self._early.setdefault((carrier_id, ref), []).append(arrived)
                self._arrived.set()

    def claim_early(self, carrier_id: UUID, ref: str) -> None:
        """The carrier's answer came after its receipt: settle what was waiting for it."""
        for arrived in self._early.pop((carrier_id, ref), ()):
            found = self._book.find(carrier_id, ref)
            if found is not None:
                self._settle(arrived, *found)

    def _settle(self, arrived: Arrived, message: Outgoing, part: int) -> None:
        """Write what it says, unless the message has ended: then there is nothing to write, and it is acknowledged."""
        if not may_become(Rank(message.rank) if message.rank else None, arrived.rank):
            arrived.acknowledge()
            return
        if message.segments == 1:
            message.rank = arrived.rank
            self._book.forget(arrived.carrier_id, arrived.ref)
        self._settler.add(
            Item(
                message,
                rank=arrived.rank,
                reason=arrived.reason,
                carrier_code=arrived.carrier_code or None,
                at_us=arrived.at_us,
                part=part if message.segments > 1 else None,
                acknowledge=arrived.acknowledge,
            )
        )

    async def run(self) -> None:
        """Ask the table for whoever the memory did not know, in groups."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(EARLY_SECONDS)
            if not self._early:
                self._arrived.clear()
                continue
            horizon = clock.monotonic() - EARLY_SECONDS
            late = [key for key, waiting in self._early.items() if waiting[0].since <= horizon]
            arrived = [one for key in late for one in self._early.pop(key)]
            if arrived:
                await self._match_surely(arrived)

    async def _match_surely(self, arrived: list[Arrived]) -> None:
        while True:
            try:
                unmatched = await self._match(arrived)
                if unmatched:
                    await self._put_aside(unmatched)
            except CONNECTION_LOST as error:
                log.warning("receipts_wait_for_database", receipts=len(arrived), error=type(error).__name__)
                await asyncio.sleep(REMATCH_SECONDS)
            except Exception as error:  # one bad receipt must not hold up the others
                if len(arrived) == 1:
                    log.exception("receipt_failed", error=type(error).__name__)
                    arrived[0].acknowledge()  # it cannot be read, and would come again for ever
                    return
                for one in arrived:
                    await self._match_surely([one])
                return
            else:
                return

    async def _match(self, arrived: Sequence[Arrived]) -> list[Arrived]:
        """Settle those whose message the table knows; returns the others."""
        by_carrier: dict[UUID, list[Arrived]] = defaultdict(list)
        for one in arrived:
            by_carrier[one.carrier_id].append(one)
        unmatched: list[Arrived] = []
        for carrier_id, of_carrier in by_carrier.items():
            owners = await self._owners(carrier_id, of_carrier)
            messages = await self._loader.load_settled(
                [(account_id, message_id) for account_id, message_id, _ in owners.values()]
            )
            for one in of_carrier:
                owner = owners.get(one.ref)
                message = messages.get(owner[1]) if owner is not None else None
                if owner is None or message is None:
                    unmatched.append(one)
                    continue
                message.carrier_id = carrier_id
                self._settle(one, message, owner[2])
        return unmatched

    async def _owners(self, carrier_id: UUID, arrived: Sequence[Arrived]) -> dict[str, tuple[UUID, UUID, int]]:
        """Carrier's id → (account, message, part): the newest unfinished message under it, else the newest."""
        since = clock.now() - timedelta(days=MATCH_DAYS)
        async with self._pool.acquire() as conn:
            rows = await settle_store.find_refs_of_everyone(
                conn, carrier_id=carrier_id, refs=[one.ref for one in arrived], since=since
            )
            known = {row["ref"] for row in rows}
            owners = await self._unclear_owners(conn, carrier_id, [one for one in arrived if one.ref not in known])
            if not rows:
                return owners
            ranks = await settle_store.highest_ranks(
                conn,
                account_ids=list({row["account_id"] for row in rows}),
                message_ids=[row["message_id"] for row in rows],
            )
        finished: dict[str, tuple[UUID, UUID, int]] = {}
        for row in rows:
            place = finished if ranks.get(row["message_id"], 0) > Rank.OPEN else owners
            place.setdefault(row["ref"], (row["account_id"], row["message_id"], row["part"]))
        return finished | owners

    async def _unclear_owners(
        self, conn: Conn, carrier_id: UUID, arrived: Sequence[Arrived]
    ) -> dict[str, tuple[UUID, UUID, int]]:
        """For ids nobody knows: a submit without an answer to the same recipient, if there is exactly one.

        The reference we sent along must be the same where the carrier gives it back. Where it does not, the receipt
        may be of a submit that was answered and is not on disk yet: it is only matched when that has had its time.
        """
        owners: dict[str, tuple[UUID, UUID, int]] = {}
        await self._vault.load_account(PLATFORM)
        for one in arrived:
            mac, reference = self._trace_of(one)
            if mac is None:
                continue
            candidates = await settle_store.find_unclear_of_everyone(
                conn, carrier_id=carrier_id, recipient_mac=mac, not_before=from_us(one.at_us) - UNCLEAR_WINDOW
            )
            if reference is not None:
                chosen = [c for c in candidates if c[2] == reference]
            else:
                is_ripe = from_us(one.at_us) < clock.now() - UNCLEAR_PATIENCE
                chosen = candidates if is_ripe else []
            if len(chosen) == 1:
                owners[one.ref] = (chosen[0][0], chosen[0][1], 1)
        return owners

    def _trace_of(self, one: Arrived) -> tuple[bytes | None, int | None]:
        if one.stored is not None:
            return one.stored.recipient_mac, one.stored.reference
        if one.receipt is None or one.receipt.recipient is None:
            return None, None
        return self._vault.suppression_mac(PLATFORM, one.receipt.recipient), one.receipt.reference

    async def _put_aside(self, unmatched: Sequence[Arrived]) -> None:
        rows = []
        await self._vault.load_account(PLATFORM)
        for one in unmatched:
            mac, reference = self._trace_of(one)
            rows.append(
                UnmatchedRow(
                    ids.new(),
                    one.carrier_id,
                    one.ref,
                    int(one.rank),
                    one.carrier_code,
                    mac,
                    reference,
                    from_us(one.at_us),
                )
            )
        async with self._pool.acquire() as conn:
            await settle_store.insert_unmatched(conn, rows, retry_seconds=REMATCH_SECONDS)
        for one in unmatched:
            one.acknowledge()
        self._set_aside.set()

    async def rematch(self) -> None:
        """Try again what was set aside: each 200 ms for a minute, then hourly for three days."""
        while True:
            try:
                busy = await self._rematch_once()
            except CONNECTION_LOST:
                busy = True
            self._set_aside.clear()
            try:
                async with asyncio.timeout(REMATCH_SECONDS if busy else IDLE_REMATCH_SECONDS):
                    await self._set_aside.wait()
            except TimeoutError:
                continue

    async def _rematch_once(self) -> bool:
        """True when something young is still set aside."""
        async with self._pool.acquire() as conn:
            rows = await settle_store.claim_unmatched_of_everyone(conn, limit=500, lease_seconds=REMATCH_LEASE_SECONDS)
        if not rows:
            return False
        settled: dict[UUID, asyncio.Future[None]] = {}
        unmatched = await self._match([self._again(row, settled) for row in rows])
        for one in unmatched:
            if one.stored is not None:
                settled.pop(one.stored.id)
        await asyncio.gather(*settled.values())
        now = clock.now()
        ended = [row.id for row in rows if row.id in settled or row.at < now - GIVE_UP_AFTER]
        still = [row.id for row in rows if row.id not in ended]
        async with self._pool.acquire() as conn:
            if ended:
                await settle_store.delete_unmatched(conn, receipt_ids=ended)
            if still:
                await settle_store.postpone_unmatched(conn, receipt_ids=still)
        return any(row.at > now - timedelta(minutes=1) for row in rows)

    def _again(self, row: UnmatchedRow, settled: dict[UUID, asyncio.Future[None]]) -> Arrived:
        """A receipt from the table; its future is done once its outcome is on disk."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        settled[row.id] = done
        rank = Rank(row.rank)

        def acknowledge() -> None:
            if not done.done():
                done.set_result(None)

        return Arrived(
            row.carrier_id, row.ref, rank, REASON_OF.get(rank), row.carrier_code, None, round(row.at.timestamp() * 1e6),
            clock.monotonic(), acknowledge, row,
        )  # fmt: skip
