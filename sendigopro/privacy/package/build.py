"""Make the package of one person: everything an account holds of them, to be read, kept and taken elsewhere."""

import asyncio
import os
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID

import msgspec

from sendigopro.accounts import retention_store
from sendigopro.accounts.retention_terms import LIMITS
from sendigopro.foundation import clock, ids
from sendigopro.messages.model import Mode
from sendigopro.privacy.package import store
from sendigopro.privacy.package.archive import Archive, numbered
from sendigopro.privacy.package.fingerprint import Fingerprint
from sendigopro.privacy.package.gather import Gatherer, Page
from sendigopro.privacy.package.handling import AUTOMATED_DECISIONS, TRANSFERS, handling_of, left_out
from sendigopro.privacy.package.model import (
    DATA,
    FORMAT,
    KEPT,
    MANIFEST,
    MESSAGE_SHEET,
    MESSAGES,
    NOTICE_SHEET,
    PAGE,
    SCHEMA,
    STATUS_SHEET,
    VERSION,
    Built,
    CarrierRecord,
    Counts,
    Data,
    Manifest,
    MessageRecord,
    OnProgress,
    Person,
    Sources,
    StandingRecord,
    SubjectGoneError,
    TermRecord,
)
from sendigopro.privacy.package.notices import Notices
from sendigopro.privacy.package.page import render
from sendigopro.privacy.package.schema import schema
from sendigopro.privacy.package.sealed_file import SUFFIX, SealedWriter, new_header, open_frames, read_header
from sendigopro.privacy.package.sheets import (
    MESSAGE_COLUMNS,
    NOTICE_COLUMNS,
    STATUS_COLUMNS,
    Sheet,
    message_lines,
    remembered_cells,
    status_lines,
)
from sendigopro.vault.vault import Subject, Vault

PART_SIZE = 10_000
"""Messages in one file of the package: what is held in memory at once, and what a spreadsheet opens."""
SHOWN_ON_PAGE = 200
_ENCODER = msgspec.json.Encoder()


def path_of(folder: Path, *, account_id: UUID, request_id: UUID) -> Path:
    """Where the package of a request is kept; nothing personal is in the name."""
    return folder / str(account_id) / f"{request_id}{SUFFIX}"


async def build(
    sources: Sources,
    *,
    account_id: UUID,
    mode: int,
    subject_id: UUID,
    request_id: UUID,
    folder: Path,
    on_progress: OnProgress = lambda _done, _total: None,
) -> Built:
    """Make it and leave it sealed in `folder`; `SubjectGoneError` if there is nobody, or is nobody any more.

    What happens to the person's messages after it began may be missing. Building it again replaces it.
    """
    subject = await _subject(sources.vault, account_id, subject_id)
    path = path_of(folder, account_id=account_id, request_id=request_id)
    await asyncio.to_thread(_make_folder, path.parent)
    made_at = clock.now()
    expires_at = (made_at + KEPT).replace(microsecond=0)
    header = new_header(account_id=account_id, subject_id=subject_id, expires_at=expires_at)
    account_key = (await sources.vault.load_account(account_id)).seal
    sealed = SealedWriter(path, header, subject_key=subject.key, account_key=account_key)
    gatherer = Gatherer(sources, account_id, mode, subject_id, subject, until=ids.new())
    writer = Writer(Archive(sealed), gatherer)
    try:
        total = await _write_messages(sources, writer, gatherer, on_progress)
        await _write_notices(writer)
        data = await _data(sources, gatherer, writer)
        manifest = Manifest(
            format=FORMAT, version=VERSION, request_id=str(request_id), account=ids.typed("acc", account_id),
            subject=ids.typed("sub", subject_id), mode="live" if mode == Mode.LIVE else "test", made_at=made_at,
            fetch_until=expires_at, counts=writer.counts, content_sha256=writer.fingerprint.end(data), files=[],
        )  # fmt: skip
        await asyncio.to_thread(writer.finish, data, manifest)
        await _subject(sources.vault, account_id, subject_id)  # erased meanwhile: what was made must not stay
        await asyncio.to_thread(sealed.seal_last)
    except BaseException:
        with suppress(Exception):  # the first error is the one to tell; only no thread may write any more
            await writer.stored()
        sealed.abandon()
        raise
    on_progress(total, total)
    return Built(path, request_id, manifest, expires_at)


class Writer:
    """Turns pages into files; `take…` and `finish` know no I/O but the archive, and run in threads, one at a time."""

    def __init__(self, archive: Archive, gatherer: Gatherer) -> None:
        self._archive = archive
        self._gatherer = gatherer
        self._lines: list[bytes] = []
        self._messages = Sheet(MESSAGE_COLUMNS)
        self._statuses = Sheet(STATUS_COLUMNS)
        self._notices = Sheet(NOTICE_COLUMNS)
        self._word = remembered_cells()
        self._parts = Counter[str]()
        self.counts = Counts()
        self.fingerprint = Fingerprint()
        self.countries = Counter[str]()
        self.carriers: dict[str, CarrierRecord] = {}
        self.latest: deque[MessageRecord] = deque(maxlen=SHOWN_ON_PAGE)
        self.notices: Notices | None = None
        self._ready: list[tuple[str, bytes]] = []
        self._storing: asyncio.Task[None] | None = None

    def take(self, page: Page) -> None:
        """Add a page of messages."""
        records = self._gatherer.records(page)
        lines = _ENCODER.encode_lines(records)
        self.fingerprint.feed(lines)
        self._lines.append(lines)
        self._messages.add(message_lines(records, self._word))
        self._statuses.add(status_lines(records, self._word))
        self.latest.extend(records)
        self._count(records)
        if self.notices is not None:
            self.notices.note([row[0] for row in page.messages], records)
        if self._messages.rows >= PART_SIZE:
            self.end_part()

    def take_notices(self, lines: list[str]) -> None:
        self._notices.add(lines)
        self.counts.webhooks += len(lines)
        if self._notices.rows >= PART_SIZE * 4:
            self._add(NOTICE_SHEET, self._notices.take())

    async def store_ready(self) -> None:
        """Pack and seal whole files in a thread of their own, while the next page is opened."""
        if self._ready:
            await self.stored()
            files, self._ready = self._ready, []
            self._storing = asyncio.create_task(asyncio.to_thread(self._store, files))

    async def stored(self) -> None:
        """Come back when nothing is being stored."""
        if self._storing is not None:
            storing, self._storing = self._storing, None
            await storing

    def end_part(self) -> None:
        """Files of a part are written even when they are empty: who reads the package finds what it promises."""
        self._add(MESSAGES, b"".join(self._lines))
        self._lines.clear()
        self._add(MESSAGE_SHEET, self._messages.take())
        self._add(STATUS_SHEET, self._statuses.take())

    def finish(self, data: Data, manifest: Manifest) -> None:
        """The last parts, then what could only be known at the end."""
        if self._messages.rows or not self._parts[MESSAGES]:
            self.end_part()
        if self._notices.rows or not self._parts[NOTICE_SHEET]:
            self._add(NOTICE_SHEET, self._notices.take())
        self._store(self._ready)
        self._archive.add(DATA, msgspec.json.format(_ENCODER.encode(data), indent=2))
        self._archive.add(SCHEMA, schema())
        self._archive.add(PAGE, render(data, manifest, latest=list(self.latest)[::-1]))
        manifest.files = self._archive.files
        self._archive.finish(MANIFEST, manifest)

    def _add(self, name: str, content: bytes) -> None:
        self._parts[name] += 1
        self._ready.append((numbered(name, self._parts[name]), content))

    def _store(self, files: list[tuple[str, bytes]]) -> None:
        for name, content in files:
            self._archive.add(name, content)

    def _count(self, records: list[MessageRecord]) -> None:
        counts = self.counts
        counts.messages += len(records)
        counts.statuses += sum([len(one.history) for one in records])
        counts.parts += sum([len(one.parts) for one in records])
        self.countries.update([one.country for one in records])
        carriers = self.carriers
        for record in records:
            counted: tuple[str, ...] = ()
            for step in record.history:
                name = step.carrier
                if name is None or name in counted:
                    continue
                counted = (*counted, name)
                known = carriers.get(name)
                if known is None:
                    known = carriers[name] = CarrierRecord(name, 0, record.created_at, record.created_at)
                known.messages += 1
                known.last_at = record.created_at


@asynccontextmanager
async def open_package(
    vault: Vault, folder: Path, *, account_id: UUID, request_id: UUID
) -> AsyncIterator[AsyncIterator[bytes]]:
    """A package in clear, as a stream; `SubjectGoneError` once its time is over or the person was erased."""
    path = path_of(folder, account_id=account_id, request_id=request_id)
    try:
        header = await asyncio.to_thread(read_header, path)
    except FileNotFoundError:
        raise SubjectGoneError("There is no such package, or no longer. Ask for it again.") from None
    if header.expires_at <= clock.now() or header.account_id != account_id:
        raise SubjectGoneError("The time of this package is over. Ask for it again.")
    subject = await _subject(vault, account_id, header.subject_id)
    account_key = (await vault.load_account(account_id)).seal
    frames = open_frames(path, header, subject_key=subject.key, account_key=account_key)

    async def pieces() -> AsyncIterator[bytes]:
        while (piece := await asyncio.to_thread(next, frames, None)) is not None:
            yield piece

    try:
        yield pieces()
    finally:
        frames.close()


async def _write_messages(sources: Sources, writer: Writer, gatherer: Gatherer, on_progress: OnProgress) -> int:
    async with sources.main.acquire() as conn:
        account_id, mode, until = gatherer.account_id, gatherer.mode, gatherer.until
        total = await store.count_messages(
            conn, account_id=account_id, mode=mode, subject_id=gatherer.subject_id, until=until
        )
        if await store.has_deliveries(conn, account_id=account_id, mode=mode):
            writer.notices = Notices(sources, account_id=account_id, mode=mode, until=until)
    on_progress(0, total)
    async for page in gatherer.pages():
        await asyncio.to_thread(writer.take, page)
        await writer.store_ready()
        on_progress(min(writer.counts.messages, total), total)
    return total


async def _write_notices(writer: Writer) -> None:
    if writer.notices is not None:
        async for lines in writer.notices.lines():
            await asyncio.to_thread(writer.take_notices, lines)
            await writer.store_ready()
    await writer.stored()


async def _data(sources: Sources, gatherer: Gatherer, writer: Writer) -> Data:
    account_id, subject = gatherer.account_id, gatherer.subject
    async with sources.vault_pool.acquire() as conn:
        dates = await store.read_dates(conn, account_id=account_id, subject_id=gatherer.subject_id)
        annotations = await store.read_annotations(conn)
    mac = sources.vault.suppression_mac(account_id, subject.phone)
    async with sources.main.acquire() as conn:
        annotations |= await store.read_annotations(conn)
        standing = await store.read_standing(conn, account_id=account_id, mac=mac)
        terms = await retention_store.read_terms(conn, account_id=account_id)
    if dates is None:
        raise SubjectGoneError("This person was erased while the package was made. There is nothing to hand out.")
    return Data(
        format=FORMAT,
        version=VERSION,
        person=Person(
            kind="phone", identifier=subject.phone.reveal(), country=subject.country, first_seen=dates.first_seen,
            last_seen=dates.last_seen, mode="live" if dates.mode == Mode.LIVE else "test",
        ),
        standing=[StandingRecord(row["scope"], row["state"], row["at"]) for row in standing],
        handling=handling_of(annotations),
        carriers=[writer.carriers[name] for name in sorted(writer.carriers)],
        countries=dict(sorted(writer.countries.items())),
        transfers=TRANSFERS,
        automated_decisions=AUTOMATED_DECISIONS,
        left_out=left_out(),
        terms=[TermRecord(product, kind.value, terms.days(product, kind)) for product, kind in LIMITS],
    )  # fmt: skip


async def _subject(vault: Vault, account_id: UUID, subject_id: UUID) -> Subject:
    subject = (await vault.open_subjects(account_id, [subject_id])).get(subject_id)
    if subject is None:
        raise SubjectGoneError("The account does not know this person, or no longer. There is nothing to hand out.")
    return subject


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chmod(folder, 0o700)  # noqa: PTH101  # whoever made it before
