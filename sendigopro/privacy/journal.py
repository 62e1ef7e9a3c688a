"""The erasure journal: what must hold again after a restore, in one file outside the databases and their backups.

Append-only; each line is JSON and carries the hash of the line before it. Nobody is named: account and subject are ids,
the person is the MAC by which `standing` knows them. A line is on disk before its writer goes on; a last line that a
crash left half is cut off by the next writer, a whole one never.
"""

import asyncio
import fcntl
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

import msgspec

from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.operator_errors import OperatorError

Kind = Literal["erase", "erased", "opt_out", "restrict", "lift", "rectify", "hold", "release", "close"]
FILE = "erasures.jsonl"
NO_HASH: Final = bytes(32)
RECENT_MAX = 4096
REMEDY = "Put the right journal back, or ask whoever keeps this installation; without it erased people could return."


class JournalError(OperatorError):
    """The journal and the databases do not fit together; nothing may be served."""


class JournalDamagedError(JournalError):
    """A line of the journal is not what was written."""


class JournalShortError(JournalError):
    """The journal ends before what the databases have applied, or is another installation's."""


class JournalAheadError(JournalError):
    """The databases are older than the journal: they were restored."""


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry will say."""

    id: UUID
    kind: Kind
    account_id: UUID
    mode: int
    request_id: UUID | None = None
    subject_ids: tuple[UUID, ...] = ()
    key_slots: tuple[int, ...] = ()
    mac: bytes = b""
    scope: int = 0
    at: datetime


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it stands in the file."""

    n: int
    prev: str
    intent: Intent


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry, read and checked."""

    n: int
    hash: bytes
    intent: Intent


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry: its number and hash; 0 before there is one."""

    n: int = 0
    hash: bytes = NO_HASH


class Journal:
    """One per process; any number of processes share the file, one writes at a time."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.turn = asyncio.Lock()
        """Whose turn it is in this process to bring databases and journal in step (`journaling.catch_up`)."""
        self.runs_begun = self.runs_done = 0
        self._mutex = threading.Lock()
        self._forget()

    def head(self) -> Head:
        """The last entry there is now."""
        with self._mutex:
            self._catch_up()
            return self._head

    def entries_after(self, n: int) -> list[Entry]:
        """All entries beyond `n`, in order."""
        with self._mutex:
            self._catch_up()
            return self._after(n)

    def check(self, applied: Head) -> None:
        """Raise unless this is the journal that `applied` was read from, or a longer one."""
        with self._mutex:
            self._catch_up()
            self._check(applied)

    def write(self, applied: Head, intents: Sequence[Intent]) -> Head:
        """Append what is missing of `intents`; returns the head, up to which all is then known to the databases.

        `applied` is the databases' head, and `intents` all that they still want written. An entry beyond their head
        that is none of these was made by a database younger than this one: `JournalAheadError`.
        """
        with self._mutex, self._locked():
            self._catch_up(is_writer=True)
            self._check(applied)
            wanted = {intent.id for intent in intents}
            beyond = self._after(applied.n)
            strange = [entry for entry in beyond if entry.intent.id not in wanted]
            if strange:
                raise self._ahead(applied, strange[0])
            present = {entry.intent.id for entry in beyond}
            missing = [intent for intent in intents if intent.id not in present]
            if missing:
                self._append(missing)
            return self._head

    # Inside; the mutex is held

    def _forget(self) -> None:
        self._head = Head()
        self._offset = 0
        self._inode = 0
        self._recent: deque[Entry] = deque(maxlen=RECENT_MAX)

    def _catch_up(self, *, is_writer: bool = False) -> None:
        """Read on from where we were, checking each line; from the beginning if it is another file than it was."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            if self._head.n:
                raise self._short(self._head.n, 0) from None
            return
        with file:
            found = os.fstat(file.fileno())
            if self._inode and found.st_ino != self._inode:
                known = self._head
                self._forget()
                self._inode = found.st_ino
                self._read_on(file.read())
                self._check(known)
            else:
                if found.st_size < self._offset:
                    raise self._short(self._head.n, None)
                self._inode = found.st_ino
                file.seek(self._offset)
                self._read_on(file.read())
        if is_writer and found.st_size > self._offset:
            os.truncate(self.path, self._offset)  # a last line that its writer did not live to end

    def _read_on(self, raw: bytes) -> None:
        *whole, _torn = raw.split(b"\n")
        for line in whole:
            entry = self._read(line)
            self._head = Head(entry.n, entry.hash)
            self._offset += len(line) + 1
            self._recent.append(entry)

    def _read(self, raw: bytes) -> Entry:
        n = self._head.n + 1
        try:
            line = DECODER.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._damaged(n, "cannot be read") from None
        if ENCODER.encode(line) != raw:
            raise self._damaged(n, "is not as it was written")
        if line.n != n:
            raise self._damaged(n, f"says that it is entry {line.n}")
        if line.prev != self._head.hash.hex():
            raise self._damaged(n, "does not follow the one before it")
        return Entry(n, sha256(raw).digest(), line.intent)

    def _after(self, n: int) -> list[Entry]:
        if not self._recent or n >= self._recent[0].n - 1:
            return [entry for entry in self._recent if entry.n > n]
        return [entry for entry in self._read_again() if entry.n > n]

    def _read_again(self) -> Iterator[Entry]:
        again = Journal(self.path.parent)
        again._recent = deque()  # all of them  # another of ourselves
        again._catch_up()
        return iter(again._recent)

    def _check(self, applied: Head) -> None:
        if applied.n > self._head.n:
            raise self._short(applied.n, self._head.n)
        if applied.n == 0 or applied == self._head:
            return
        at_head = [entry for entry in self._after(applied.n - 1) if entry.n == applied.n]
        if not at_head or at_head[0].hash != applied.hash:
            raise JournalShortError(
                f"{self.path}: entry {applied.n} is not the one that these databases have applied: this is the journal "
                f"of another installation, or was replaced. {REMEDY}"
            )

    def _append(self, intents: Sequence[Intent]) -> None:
        head, lines, entries = self._head, [], []
        for intent in intents:
            raw = ENCODER.encode(Line(n=head.n + 1, prev=head.hash.hex(), intent=intent))
            head = Head(head.n + 1, sha256(raw).digest())
            lines.append(raw + b"\n")
            entries.append(Entry(head.n, head.hash, intent))
        block = b"".join(lines)
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._write_out(descriptor, block)
            reach("erase.journal_written")
            os.fsync(descriptor)
            self._inode = os.fstat(descriptor).st_ino
        except OSError:
            os.truncate(self.path, self._offset)
            raise
        finally:
            os.close(descriptor)
        if is_new:
            sync_folder(self.path.parent)
        self._head, self._offset = head, self._offset + len(block)
        self._recent.extend(entries)
        reach("erase.journal_synced")

    @staticmethod
    def _write_out(descriptor: int, block: bytes) -> None:
        half = len(block) // 2  # in two, so that a test can end the process between them
        for part in (block[:half], block[half:]):
            left = part
            while left:
                left = left[os.write(descriptor, left) :]
            reach("erase.journal_half_written")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time, of all processes; the lock goes with the process."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _damaged(self, n: int, what: str) -> JournalDamagedError:
        return JournalDamagedError(f"{self.path}: entry {n} {what}. {REMEDY}")

    def _short(self, applied: int, found: int | None) -> JournalShortError:
        told = "is missing" if found == 0 else "was cut off" if found is None else f"ends with entry {found}"
        return JournalShortError(
            f"{self.path}: the journal {told}, but these databases have applied entry {applied}. {REMEDY}"
        )

    def _ahead(self, applied: Head, first: Entry) -> JournalAheadError:
        return JournalAheadError(
            f"These databases are older than the erasure journal {self.path}: they have applied entry {applied.n}, it "
            f"goes on to {self._head.n} (entry {first.n} is not theirs). Run `sendigopro privacy replay` (or "
            "`sendigopro restore --replay`); until then nothing is served."
        )


ENCODER = msgspec.json.Encoder()
DECODER = msgspec.json.Decoder(Line)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
