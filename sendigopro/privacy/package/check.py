"""A package that came from elsewhere, looked at as what it is: a stranger's file. Nothing is unpacked to disk."""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Self, TypeVar

import msgspec

from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.messages.model import STATUS_OF, Rank
from sendigopro.privacy.package.fingerprint import Fingerprint
from sendigopro.privacy.package.model import (
    DATA,
    FORMAT,
    MANIFEST,
    MESSAGES,
    PAGE,
    SCHEMA,
    VERSION,
    Counts,
    Data,
    FileEntry,
    Manifest,
    MessageRecord,
)
from sendigopro.privacy.package.sheets import is_formula

FILES_MAX = 20_000
FILE_BYTES_MAX = 512 * 1024 * 1024
MANIFEST_BYTES_MAX = 8 * 1024 * 1024
SMALL_BYTES = 1024 * 1024
RATIO_MAX = 300
"""Texts that repeat shrink to a hundredth; a file that is made to burst shrinks to a thousandth."""
LINE_BYTES_MAX = 1024 * 1024
PIECE_BYTES = 256 * 1024
BATCH = 1_000
SHOWN_LETTERS = 80
ENCRYPTED = 0x1
ASK_AGAIN = "Ask for the package again."
T = TypeVar("T")
_NAME = re.compile(r"[a-z]+(-\d{4,6})?\.(json|jsonl|csv|html)")
_LINE = msgspec.json.Decoder(MessageRecord)


class BadPackageError(OperatorError):
    """A package that is not taken; the text names the file in it, what is wrong, and what to do."""


class Package:
    """An open package. `check` looks at every byte of it; `messages` gives them, once it has been checked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise BadPackageError(f"There is no file {path.name}. Give the path of a package.") from None
        except (zipfile.BadZipFile, OSError):
            raise BadPackageError(f"{path.name} is no package: it is not a whole ZIP file. {ASK_AGAIN}") from None
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self.manifest: Manifest
        self.data: Data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def check(self) -> None:
        """Raise `BadPackageError` unless everything is there, unchanged, and of a version that we know."""
        self._entries = self._list()
        self.manifest = self._read_manifest()
        self._compare_names()
        for entry in self.manifest.files:
            self._check_file(entry)
        self.data = self._decode(DATA, Data)
        self._check_content()

    def messages(self) -> Iterator[list[MessageRecord]]:
        """All messages, oldest first, some at a time."""
        batch: list[MessageRecord] = []
        for name in self._parts(MESSAGES):
            for number, line in enumerate(self._lines(name), 1):
                batch.append(_message(name, number, line))
                if len(batch) >= BATCH:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def _list(self) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > FILES_MAX:
            raise BadPackageError(f"{self.path.name} has {len(infos)} files, more than any package. {ASK_AGAIN}")
        if sum(info.compress_size for info in infos) > self.path.stat().st_size:
            raise BadPackageError(
                f"{self.path.name} has files that lie one over the other: it is not read. {ASK_AGAIN}"
            )
        entries: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            name = info.filename
            if _NAME.fullmatch(name) is None:
                raise BadPackageError(
                    f"The package has a file {name[:SHOWN_LETTERS]!r}, which no package of ours has. {ASK_AGAIN}"
                )
            if name in entries:
                raise BadPackageError(f"The package has two files {name}. {ASK_AGAIN}")
            if info.flag_bits & ENCRYPTED or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise BadPackageError(f"{name} is packed in a way that we do not read. {ASK_AGAIN}")
            is_large = info.file_size > SMALL_BYTES and info.file_size > RATIO_MAX * max(1, info.compress_size)
            if is_large or info.file_size > FILE_BYTES_MAX:
                raise BadPackageError(f"{name} would unpack to {info.file_size:,} bytes: it is not read. {ASK_AGAIN}")
            entries[name] = info
        return entries

    def _read_manifest(self) -> Manifest:
        info = self._entries.get(MANIFEST)
        if info is None:
            raise BadPackageError(f"{MANIFEST} is missing: this is no package, or not all of it. {ASK_AGAIN}")
        if info.file_size > MANIFEST_BYTES_MAX:
            raise BadPackageError(f"{MANIFEST} is larger than any manifest. {ASK_AGAIN}")
        raw = self._zip_read(MANIFEST)
        try:
            version = msgspec.json.decode(raw, type=_Version)
        except msgspec.MsgspecError as error:
            raise BadPackageError(f"{MANIFEST} cannot be read: {error}. {ASK_AGAIN}") from error
        if version.format != FORMAT or version.version != VERSION:
            raise BadPackageError(
                f"{MANIFEST} is of {version.format!r}, version {version.version}; this software reads {FORMAT!r}, "
                f"version {VERSION}. Update it, or ask for a package of that version."
            )
        return self._decode(MANIFEST, Manifest)

    def _compare_names(self) -> None:
        named = {entry.name for entry in self.manifest.files} | {MANIFEST}
        if missing := sorted({DATA, MESSAGES, PAGE, SCHEMA, *named} - self._entries.keys()):
            raise BadPackageError(f"{missing[0]} is missing. {ASK_AGAIN}")
        if extra := sorted(self._entries.keys() - named):
            raise BadPackageError(f"{extra[0]} is in the package and not in its manifest. {ASK_AGAIN}")
        for stem in {name.partition(".")[0].partition("-")[0] for name in named if name.endswith(".jsonl")}:
            if f"{stem}.jsonl" != MESSAGES:
                raise BadPackageError(f"{stem}.jsonl is no file of a package. {ASK_AGAIN}")

    def _check_file(self, entry: FileEntry) -> None:
        found, size = sha256(), 0
        for piece in self._pieces(entry.name):
            found.update(piece)
            size += len(piece)
        if size != entry.bytes or found.hexdigest() != entry.sha256:
            raise BadPackageError(f"{entry.name} is not what the manifest says: it was changed. {ASK_AGAIN}")
        if entry.name.endswith(".csv"):
            self._check_cells(entry.name)

    def _check_cells(self, name: str) -> None:
        with self._zip.open(name) as raw, io.TextIOWrapper(raw, encoding="utf-8", newline="") as text:
            try:
                for number, row in enumerate(csv.reader(text, strict=True), 1):
                    if any(map(is_formula, row)):
                        raise BadPackageError(
                            f"{name}, row {number} has a cell that a spreadsheet program would run. "
                            f"Do not open it. {ASK_AGAIN}"
                        )
            except (csv.Error, UnicodeDecodeError) as error:
                raise BadPackageError(f"{name} is no table. {ASK_AGAIN}") from error

    def _check_content(self) -> None:
        """What the lines add up to must be what the manifest promises: both were written by one who saw all of it."""
        fingerprint, counts, last = Fingerprint(), Counts(webhooks=self.manifest.counts.webhooks), ""
        for name in self._parts(MESSAGES):
            for number, line in enumerate(self._lines(name), 1):
                message = _message(name, number, line)
                if message.id <= last:
                    raise BadPackageError(f"{name}, line {number}: messages must ascend by their id. {ASK_AGAIN}")
                last = message.id
                fingerprint.feed(line)
                counts.messages += 1
                counts.statuses += len(message.history)
                counts.parts += len(message.parts)
        if counts != self.manifest.counts or fingerprint.end(self.data) != self.manifest.content_sha256:
            raise BadPackageError(f"{MESSAGES} and {DATA} do not add up to what {MANIFEST} says. {ASK_AGAIN}")

    def _parts(self, name: str) -> list[str]:
        """The files of a list, in their order."""
        stem, _, ending = name.partition(".")
        parts = [one for one in self._entries if re.fullmatch(rf"{stem}(-\d+)?\.{ending}", one)]
        return sorted(parts, key=lambda one: (len(one), one))

    def _lines(self, name: str) -> Iterator[bytes]:
        with self._zip.open(name) as file:
            while line := file.readline(LINE_BYTES_MAX):
                if not line.endswith(b"\n"):
                    raise BadPackageError(f"{name} has a line that is too long or cut off. {ASK_AGAIN}")
                yield line

    def _pieces(self, name: str) -> Iterator[bytes]:
        try:
            with self._zip.open(name) as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise BadPackageError(f"{name} is damaged. {ASK_AGAIN}") from error

    def _zip_read(self, name: str) -> bytes:
        return b"".join(self._pieces(name))

    def _decode(self, name: str, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(self._zip_read(name), type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadPackageError(f"{name} is not of this format: {error}. {ASK_AGAIN}") from error


class _Version(msgspec.Struct):
    format: str
    version: int


def _message(name: str, number: int, line: bytes) -> MessageRecord:
    try:
        message = _LINE.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadPackageError(f"{name}, line {number} is not of this format: {error}. {ASK_AGAIN}") from error
    claimed = {(step.rank, step.status) for step in message.history} | {(one.rank, one.status) for one in message.parts}
    for rank, status in claimed:
        if rank not in _RANKS or STATUS_OF[Rank(rank)] != status:
            raise BadPackageError(f"{name}, line {number} has a status that does not exist. {ASK_AGAIN}")
    return message


_RANKS = frozenset(int(rank) for rank in STATUS_OF)
