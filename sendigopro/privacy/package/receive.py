"""Put a package that came from elsewhere into an account: history, which is never sent, never charged, never told.

It may be done again at any time: what is there already is left as it is.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec

from sendigopro.channels.model import Sender
from sendigopro.foundation import clock, ids, partitions
from sendigopro.foundation.personal import Phone
from sendigopro.foundation.phones import PhoneNumber, parse_phone
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Invalid
from sendigopro.messages import store as messages_store
from sendigopro.messages.model import PRIORITY, Channel, Direction, Mode, Purpose, Rank
from sendigopro.messages.rows import NOBODY, Placed, Prepared, Terms, pack_body, pack_message, pack_tags
from sendigopro.privacy.package import store
from sendigopro.privacy.package.check import ASK_AGAIN, BadPackageError, Package
from sendigopro.privacy.package.gather import FIRST_CHOICE, UNSENT, KeptDetails, Origin
from sendigopro.privacy.package.model import MessageRecord, OnProgress, Sources
from sendigopro.privacy.package.store import OutcomeRow
from sendigopro.vault.sealing import Sealer, column_of
from sendigopro.vault.vault import Subject

KEPT_DAYS_MAX = 400
BUCKET_DAYS_MAX = 31
"""A far day of expiry is rounded up to the first of a month."""
CLOCKS_APART = timedelta(days=1)
WORD_LETTERS_MAX = 21
DAY_TABLES = ("main.messages", "main.outcomes", "main.part_reports", "main.message_tags")
BODY_TABLE = "main.message_bodies"
CURRENCY = "EUR"  # of a price of nothing
_ENCODINGS = {"gsm7": 0, "ucs2": 1}


@dataclass(frozen=True, slots=True)
class Places:
    """Where a package goes: as `pipeline`, and as `owner` for what only the operator may do."""

    sources: Sources
    main_owner: Conn
    vault_owner: Conn


@dataclass(slots=True)
class Received:
    """What became of a package."""

    subject_id: UUID
    mode: int
    stored: int = 0
    known: int = 0


async def receive_package(
    places: Places, path: Path, *, account_id: UUID, on_progress: OnProgress = lambda _done, _total: None
) -> Received:
    """Check it whole, then store it; `BadPackageError` says which file is wrong, and nothing was stored."""
    package = await asyncio.to_thread(Package, path)
    with package:
        await asyncio.to_thread(package.check)
        intake = await _begin(places, package, account_id)
        total, done = package.manifest.counts.messages, 0
        on_progress(0, total)
        for batch in package.messages():
            await intake.store(batch)
            done += len(batch)
            on_progress(done, total)
    return intake.received


async def _begin(places: Places, package: Package, account_id: UUID) -> "_Intake":
    """Enrol the person, with their opt-outs first: from here on nobody writes to them who must not."""
    person, vault = package.data.person, places.sources.vault
    phone = _phone(person.identifier)
    mode = Mode.LIVE if person.mode == "live" else Mode.TEST
    await vault.load_account(account_id)
    mac = vault.suppression_mac(account_id, phone.phone)
    async with places.sources.main.acquire() as conn, conn.transaction():
        if not await store.has_account(conn, account_id=account_id):
            raise BadPackageError(f"There is no account {ids.typed('acc', account_id)} to import into.")
        standing = await store.read_standing(conn, account_id=account_id, mac=mac)
        if any(row["state"] == "erased" for row in standing):
            raise BadPackageError(
                "This account has forgotten this person, because they asked for it: nothing of them is brought back."
            )
        for one in package.data.standing:
            await store.insert_standing(
                conn, account_id=account_id, mac=mac, scope=one.scope, state=one.state, at=_moment(one.at)
            )
    known = await vault.find(account_id, mode, phone)
    (subject,) = [known] if known is not None else await vault.subjects_of(account_id, mode, [phone])
    await store.write_dates(
        places.vault_owner, account_id=account_id, subject_id=subject.id, first_seen=person.first_seen,
        last_seen=person.last_seen, is_new=known is None,
    )  # fmt: skip
    return _Intake(places, account_id, mode, subject)


@dataclass(slots=True)
class _Intake:
    """Stores batches for one person."""

    places: Places
    account_id: UUID
    mode: int
    subject: Subject
    received: Received = field(init=False)
    _days: set[tuple[str, date]] = field(default_factory=set)
    _sealers: dict[date, Sealer] = field(default_factory=dict)
    _carriers: dict[str, UUID] = field(init=False)
    _senders: dict[str, Sender] = field(init=False)

    def __post_init__(self) -> None:
        self.received = Received(self.subject.id, self.mode)
        directory = self.places.sources.directory
        self._carriers = {carrier.name: carrier.id for carrier in directory.carriers.values()}
        self._senders = {sender.value: sender for sender in directory.senders_of(self.account_id)}

    async def store(self, batch: Sequence[MessageRecord]) -> None:
        """One batch, whole or not at all."""
        account_id, main = self.account_id, self.places.sources.main
        by_id = {_message_id(one): one for one in batch}
        async with main.acquire() as conn:
            there = await store.owners_of(conn, account_id=account_id, message_ids=list(by_id))
        for message_id, owner in there.items():
            if owner != self.subject.id:
                raise BadPackageError(
                    f"The account has a message {ids.typed('msg', message_id)} of somebody else. {ASK_AGAIN}"
                )
        new = {message_id: one for message_id, one in by_id.items() if message_id not in there}
        self.received.known += len(there)
        if not new:
            return
        await self._make_room(new)
        prepared = [await self._prepare(message_id, one) for message_id, one in new.items()]
        outcomes = [row for message_id, one in new.items() for row in self._outcomes(message_id, one)]
        parts = [(i, part.part, part.rank, part.reason) for i, one in new.items() for part in one.parts]
        async with main.acquire() as conn, conn.transaction():
            await messages_store.copy_messages(conn, [pack_message(Placed(one)) for one in prepared])
            bodies = [pack_body(one) for one in prepared if one.body or one.details]
            await messages_store.copy_bodies(conn, bodies)
            await messages_store.copy_tags(conn, [row for one in prepared for row in pack_tags(one)])
            await store.insert_outcomes(conn, account_id=account_id, rows=outcomes)
            await store.insert_parts(conn, account_id=account_id, rows=parts)
        self.received.stored += len(new)

    async def _make_room(self, new: dict[UUID, MessageRecord]) -> None:
        """Days long past have no partitions in an instance that is younger."""
        wanted = {(table, ids.time_of(message_id).date()) for message_id in new for table in DAY_TABLES}
        wanted |= {(BODY_TABLE, date.fromisoformat(one.body_kept_until)) for one in new.values() if _is_kept(one)}
        missing = wanted - self._days
        for table in {table for table, _ in missing}:
            days = {day for its, day in missing if its == table}
            await partitions.ensure_days(self.places.main_owner, table, days)
        self._days |= missing

    async def _prepare(self, message_id: UUID, one: MessageRecord) -> Prepared:
        account, vault = self.account_id.bytes, self.places.sources.vault
        is_outbound = one.direction == "outbound"
        ours = one.sender if is_outbound else one.to
        sender = self._senders.get(ours) if ours is not None else None
        body = details = None
        if _is_kept(one):
            sealer = await self._sealer(date.fromisoformat(one.body_kept_until))
            if one.body is not None:
                body = sealer.seal(column_of(account, b"message_bodies", b"body"), message_id.bytes, one.body.encode())
            kept = KeptDetails(one.metadata, one.tags, None, _origin(one, ours))
            packed = msgspec.msgpack.encode(kept)
            details = sealer.seal(column_of(account, b"message_bodies", b"details"), message_id.bytes, packed)
        purpose = Purpose[one.purpose.upper()]
        return Prepared(
            id=message_id.bytes,
            terms=Terms(
                account_id=self.account_id, mode=self.mode, channel=Channel.SMS,
                direction=Direction.OUTBOUND if is_outbound else Direction.INBOUND, purpose=purpose,
                priority=PRIORITY[purpose], sender_id=sender.id if sender is not None else NOBODY, key_id=NOBODY,
                carrier_id=self._carriers.get(one.carrier or "", NOBODY), currency=CURRENCY,
            ),
            subject_id=self.subject.raw_id,
            segments=one.segments,
            encoding=_ENCODINGS[one.encoding],
            country=one.country,
            price_micros=0,
            send_at=_moment(one.send_at) if one.send_at is not None else None,
            expires_at=_moment(one.expires_at),
            body_expires_on=date.fromisoformat(one.body_kept_until),
            has_callback=False,
            body=body,
            details=details,
            tags=[vault.tag_mac(self.account_id, tag) for tag in dict.fromkeys(one.tags)] if details else [],
        )  # fmt: skip

    async def _sealer(self, day: date) -> Sealer:
        sealer = self._sealers.get(day)
        if sealer is None:
            vault = self.places.sources.vault
            bucket = await vault.bucket_key(self.account_id, day)
            sealer = self._sealers[day] = Sealer(vault.message_key(self.subject.key, bucket))
        return sealer

    def _outcomes(self, message_id: UUID, one: MessageRecord) -> list[OutcomeRow]:
        """What had not left there will not leave here either, and does not look as if it could."""
        rows = [
            OutcomeRow(
                message_id, step.rank, _moment(step.at), step.reason, self._carriers.get(step.carrier or ""),
                step.carrier_code, step.attempt,
            )
            for step in one.history
        ]  # fmt: skip
        return rows or [OutcomeRow(message_id, int(Rank.CANCELED), clock.now(), UNSENT, None, None, 1)]


def _origin(one: MessageRecord, ours: str | None) -> Origin:
    carriers = {step.rank: step.carrier for step in one.history if step.carrier is not None}
    if one.carrier is not None:
        carriers[FIRST_CHOICE] = one.carrier
    return Origin(ours, one.status, one.callback_host, carriers)


def _is_kept(one: MessageRecord) -> bool:
    """Whether what it said may still be kept: a package does not lengthen a term."""
    return date.fromisoformat(one.body_kept_until) >= clock.today()


def _message_id(one: MessageRecord) -> UUID:
    """Its id, if its day is one that an account may have messages of."""
    try:
        message_id = ids.parse("msg", one.id)
        kept_until = date.fromisoformat(one.body_kept_until)
        _moment(one.expires_at)
    except (Invalid, ValueError) as error:
        raise BadPackageError(f"The package has a message whose id or days are none. {ASK_AGAIN}") from error
    made, now = ids.time_of(message_id), clock.now()
    if made > now + CLOCKS_APART or kept_until > now.date() + timedelta(days=KEPT_DAYS_MAX + BUCKET_DAYS_MAX):
        raise BadPackageError(f"Message {one.id} is of a day that has not come. {ASK_AGAIN}")
    if made < now - timedelta(days=KEPT_DAYS_MAX):
        raise BadPackageError(f"Message {one.id} is older than {KEPT_DAYS_MAX} days: nobody may keep it so long.")
    if one.purpose.upper() not in Purpose.__members__ or len(one.country) != len("DE"):
        raise BadPackageError(f"Message {one.id} has a purpose or country that does not exist. {ASK_AGAIN}")
    return message_id


def _phone(identifier: str) -> PhoneNumber:
    """A number, or what a carrier gave as one: a short code, a word."""
    try:
        return parse_phone(identifier)
    except Invalid:
        if not identifier.isprintable() or not 0 < len(identifier) <= WORD_LETTERS_MAX:
            raise BadPackageError(f"data.json names nobody that could be written to. {ASK_AGAIN}") from None
        return PhoneNumber(Phone(identifier), "ZZ")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
