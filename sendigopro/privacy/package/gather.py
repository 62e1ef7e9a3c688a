"""One person's messages, page by page: facts, opened bodies and what became of them, as records of the format."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from sendigopro.foundation import clock, ids
from sendigopro.foundation.alphabets import Encoding
from sendigopro.foundation.postgres import Row
from sendigopro.messages import read_store
from sendigopro.messages.model import STATUS_OF, Details, Direction, Purpose
from sendigopro.messages.view import status_of
from sendigopro.privacy.package import store
from sendigopro.privacy.package.ahead import read_ahead
from sendigopro.privacy.package.mask import Mask, may_hold_others
from sendigopro.privacy.package.model import MessageRecord, PartRecord, Sources, StatusRecord, SubjectGoneError
from sendigopro.vault.sealing import Opener, UnreadableError, column_of
from sendigopro.vault.vault import KeyErasedError, Subject

PAGE_SIZE = 1_000
BEFORE_ALL = UUID(int=0)
UNSENT = "imported_unsent"
"""The reason of the end that an import gives to what had not left: a mark that no package shows."""
FIRST_CHOICE = 0
"""Where `Origin.carriers` names the first choice of a route; the other keys are ranks."""
_PURPOSES = {int(purpose): purpose.name.lower() for purpose in Purpose}
_STATUSES = {int(rank): str(status) for rank, status in STATUS_OF.items()}
_ENCODINGS: dict[int, Literal["gsm7", "ucs2"]] = {int(Encoding.GSM7): "gsm7", int(Encoding.UCS2): "ucs2"}
_OUTBOUND = int(Direction.OUTBOUND)
_BODIES = b"message_bodies"


class Origin(msgspec.Struct, frozen=True):
    """What a message had in another instance and has no column for here; sealed with its details."""

    sender: str | None
    status: str
    callback_host: str | None
    carriers: dict[int, str]


class KeptDetails(Details, frozen=True):
    """`Details`, and where the message came from if it was imported; who reads `Details` passes over it."""

    origin: Origin | None = None


NO_DETAILS, NO_STATE = KeptDetails(), read_store.State()
_DETAILS: msgspec.msgpack.Decoder[KeptDetails] = msgspec.msgpack.Decoder(KeptDetails)


@dataclass(slots=True)
class Page:
    """Rows as the database gave them, and the ciphers of their days."""

    messages: list[Row]
    outcomes: list[Row]
    parts: list[Row]
    states: dict[UUID, read_store.State]
    openers: dict[date, Opener | None]
    days: dict[date, str]


@dataclass(slots=True)
class Gatherer:
    """Reads the messages of one subject; its ciphers are made once for each day of expiry."""

    sources: Sources
    account_id: UUID
    mode: int
    subject_id: UUID
    subject: Subject
    until: UUID
    after: UUID = BEFORE_ALL
    mask: Mask = field(init=False)
    person: str = field(init=False)
    carrier_names: dict[bytes, str] = field(init=False)
    sender_names: dict[bytes, str] = field(init=False)
    _columns: list[bytes] = field(init=False)
    _openers: dict[date, Opener | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.mask = Mask(self.subject.phone)
        self._columns = [column_of(self.account_id.bytes, _BODIES, name) for name in (b"body", b"details")]
        self.person = self.subject.phone.reveal()
        directory = self.sources.directory
        self.carrier_names = {carrier.id.bytes: carrier.name for carrier in directory.carriers.values()}
        self.sender_names = {one.id.bytes: one.value for one in directory.senders_of(self.account_id)}

    def pages(self) -> AsyncIterator[Page]:
        """The next page is read while the caller works on this one."""
        return read_ahead(self._read)

    def records(self, page: Page) -> list[MessageRecord]:
        """A page opened and in the words of the format: no I/O, so that it can be done in a thread."""
        histories = _histories(page.outcomes, self.carrier_names)
        parts = _parts(page.parts)
        names = ids.typed_all("msg", [row[0] for row in page.messages])
        return [
            self._record(row, name, page, histories.get(row[0], []), parts.get(row[0], []))
            for row, name in zip(page.messages, names, strict=True)
        ]

    async def _read(self, before: Page | None) -> Page | None:
        account_id = self.account_id
        after = self.after if before is None else ids.from_bytes(before.messages[-1]["id"])
        async with self.sources.main.acquire() as conn:
            rows = await store.read_messages(
                conn, account_id=account_id, mode=self.mode, subject_id=self.subject_id, after=after,
                until=self.until, limit=PAGE_SIZE,
            )  # fmt: skip
            if not rows:
                return None
            message_ids = [ids.from_bytes(row[0]) for row in rows]
            outcomes = await store.read_outcomes(conn, account_id=account_id, message_ids=message_ids)
            long = [ids.from_bytes(row[0]) for row in rows if row["segments"] > 1]
            parts = await store.read_parts(conn, account_id=account_id, message_ids=long) if long else []
            ended = {row[0] for row in outcomes}
            open_ = [ids.from_bytes(row[0]) for row in rows if row[0] not in ended]
            states = await read_store.read_states(conn, account_id=account_id, message_ids=open_) if open_ else {}
        await self._make_openers({row["body_expires_on"] for row in rows})
        return Page(rows, outcomes, parts, states, self._openers, {day: day.isoformat() for day in self._openers})

    async def _make_openers(self, days: set[date]) -> None:
        """Ask again on each page whether the person is still there: an erasure ends the package at once."""
        vault = self.sources.vault
        if self.subject_id not in await vault.open_subjects(self.account_id, [self.subject_id]):
            raise SubjectGoneError("This person was erased while the package was made. There is nothing to hand out.")
        today = clock.today()
        for day in days - self._openers.keys():
            self._openers[day] = None
            if day < today:  # its term is over, whether or not the job that removes it has been here
                continue
            try:
                bucket = await vault.bucket_key(self.account_id, day)
            except KeyErasedError:
                continue
            self._openers[day] = Opener(vault.message_key(self.subject.key, bucket))

    def _record(
        self, row: Row, name: str, page: Page, history: list[StatusRecord], parts: list[PartRecord]
    ) -> MessageRecord:
        (
            message_id, direction, purpose, sender_id, segments, encoding, country, carrier_id, created_at, send_at,
            expires_at, body_expires_on, body, details,
        ) = row  # fmt: skip  # by place: a million names take seconds
        text, kept, is_masked = _open(page.openers[body_expires_on], message_id, body, details, self._columns)
        metadata, tags, origin = kept.metadata, kept.tags, kept.origin
        if is_masked:
            metadata, tags = self.mask.words(metadata), [self.mask.text(tag) for tag in tags]
        if origin is None:
            ours, first_carrier = self.sender_names.get(sender_id), self.carrier_names.get(carrier_id)
            callback_host = host_of(kept.callback_url) if kept.callback_url is not None else None
            status = (
                _status(history) if history else str(status_of(page.states.get(ids.from_bytes(message_id), NO_STATE)))
            )
        else:
            ours, first_carrier = origin.sender, origin.carriers.get(FIRST_CHOICE)
            callback_host, status, history = origin.callback_host, origin.status, _brought(history, origin)
        is_outbound = direction == _OUTBOUND
        return MessageRecord(
            name,
            "outbound" if is_outbound else "inbound",
            "sms",
            created_at,
            ours if is_outbound else self.person,
            self.person if is_outbound else ours,
            status,
            _PURPOSES[purpose],
            text,
            page.days[body_expires_on],
            segments,
            _ENCODINGS[encoding],
            country,
            send_at,
            expires_at,
            first_carrier,
            callback_host,
            metadata,
            tags,
            history,
            parts,
        )


def _histories(outcomes: Iterable[Row], carriers: dict[bytes, str]) -> dict[bytes, list[StatusRecord]]:
    """What became of each message; `outcomes` are in order of time."""
    histories: dict[bytes, list[StatusRecord]] = defaultdict(list)
    for message_id, at, rank, reason, carrier_id, code, attempt in outcomes:
        histories[message_id].append(
            StatusRecord(_STATUSES[rank], at, rank, reason, carriers.get(carrier_id), code, attempt)
        )
    return histories


def _brought(history: list[StatusRecord], origin: Origin) -> list[StatusRecord]:
    """What became of a message elsewhere: by the carriers that had it there, without the end it was given here."""
    for step in history:
        step.carrier = origin.carriers.get(step.rank)
    return [step for step in history if step.reason != UNSENT]


def _parts(rows: Iterable[Row]) -> dict[bytes, list[PartRecord]]:
    parts: dict[bytes, list[PartRecord]] = defaultdict(list)
    for message_id, part, rank, reason in rows:
        parts[message_id].append(PartRecord(part, _STATUSES[rank], rank, reason))
    return parts


def _status(history: list[StatusRecord]) -> str:
    """The one of the highest rank: a late report of less changes nothing."""
    highest = history[-1]
    for step in history:
        if step.rank > highest.rank:
            highest = step
    return highest.status


def host_of(url: str | None) -> str | None:
    """Where an account was told about a message; the path and what else stands in it is the account's own."""
    if url is None:
        return None
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _open(
    opener: Opener | None, message_id: bytes, body: bytes | None, details: bytes | None, columns: Sequence[bytes]
) -> tuple[str | None, KeptDetails, bool]:
    """Body and details in clear, as far as their keys live, and whether the details need a closer look."""
    if opener is None:
        return None, NO_DETAILS, False
    try:
        clear = opener.open(columns[0], message_id, body).decode() if body is not None else None
        if details is None:
            return clear, NO_DETAILS, False
        packed = opener.open(columns[1], message_id, details)
    except UnreadableError:
        return None, NO_DETAILS, False
    return clear, _DETAILS.decode(packed), may_hold_others(packed)
