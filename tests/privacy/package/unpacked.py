"""A package taken apart as its receiver would: with a ZIP reader, JSON and CSV, and nothing of ours."""

import csv
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sendigopro.foundation import ids
from sendigopro.privacy.package.build import build, open_package
from sendigopro.privacy.package.model import Built, OnProgress, Sources
from tests.messages.house import House


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What is inside."""

    files: dict[str, bytes]

    @property
    def manifest(self) -> dict[str, Any]:
        return self.json("manifest.json")

    @property
    def data(self) -> dict[str, Any]:
        return self.json("data.json")

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.parts("messages", "jsonl").splitlines()]

    def json(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.files[name])
        return found

    def rows(self, stem: str) -> list[dict[str, str]]:
        return [
            row
            for name in sorted(self.files, key=lambda name: (len(name), name))
            if name.startswith(stem) and name.endswith(".csv")
            for row in csv.DictReader(io.StringIO(self.files[name].decode(), newline=""))
        ]

    def parts(self, stem: str, ending: str) -> bytes:
        names = [name for name in self.files if name.startswith(stem) and name.endswith(f".{ending}")]
        names.sort(key=lambda name: (len(name), name))  # the first has no number
        return b"".join(self.files[name] for name in names)

    def fingerprints_are_right(self) -> bool:
        named = {entry["name"]: entry["sha256"] for entry in self.manifest["files"]}
        found = {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}
        return {**named, "manifest.json": found["manifest.json"]} == found


def unpack(archive: bytes) -> Unpacked:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        return Unpacked({name: opened.read(name) for name in opened.namelist()})


def sources_of(house: House) -> Sources:
    return Sources(house.runtime.main, house.runtime.vault, house.vault, house.directory)


async def subject_of(house: House, message_id: str) -> tuple[UUID, int]:
    """Whose message it is, and in which mode."""
    (row,) = await house.fetch("SELECT subject_id, mode FROM main.messages WHERE id = $1", ids.parse("msg", message_id))
    return row["subject_id"], row["mode"]


async def packed(
    house: House,
    folder: Path,
    subject_id: UUID,
    *,
    mode: int,
    account_id: UUID | None = None,
    on_progress: OnProgress = lambda _done, _total: None,
) -> Built:
    return await build(
        sources_of(house),
        account_id=account_id or house.account_id,
        mode=mode,
        subject_id=subject_id,
        request_id=ids.new(),
        folder=folder,
        on_progress=on_progress,
    )


async def fetched(house: House, folder: Path, built: Built) -> bytes:
    """The package in clear, as it is handed out."""
    async with open_package(
        house.vault, folder, account_id=ids.parse("acc", built.manifest.account), request_id=built.request_id
    ) as pieces:
        return b"".join([piece async for piece in pieces])
