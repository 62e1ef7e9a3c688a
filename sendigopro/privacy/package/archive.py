"""One ZIP, written forwards into whatever takes bytes, with the fingerprint of each file in its manifest."""

import zipfile
from hashlib import sha256
from typing import IO, cast

import msgspec

from sendigopro.privacy.package.model import FileEntry, Manifest
from sendigopro.privacy.package.sealed_file import SealedWriter

LEVEL = 2
"""Of zlib. Higher levels make a package a tenth smaller and take three times as long."""
DATED = (1980, 1, 1, 0, 0, 0)  # when it was made stands in the manifest; so equal contents are equal bytes
READABLE_BY_OWNER = 0o600 << 16


class Archive:
    """Takes whole files; a part of a long list is one, so that memory stays flat."""

    def __init__(self, sink: SealedWriter) -> None:
        self._zip = zipfile.ZipFile(cast("IO[bytes]", sink), "w", zipfile.ZIP_DEFLATED)
        self.files: list[FileEntry] = []

    def add(self, name: str, content: bytes) -> None:
        self.files.append(FileEntry(name, len(content), sha256(content).hexdigest()))
        self._write(name, content)

    def finish(self, name: str, manifest: Manifest) -> None:
        """The manifest comes last: it knows everything before it."""
        self._write(name, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        self._zip.close()

    def _write(self, name: str, content: bytes) -> None:
        info = zipfile.ZipInfo(name, DATED)
        info.external_attr = READABLE_BY_OWNER
        self._zip.writestr(info, content, zipfile.ZIP_DEFLATED, LEVEL)


def numbered(name: str, part: int) -> str:
    """`messages.csv`, `messages-0002.csv`, …: a file for each part."""
    if part == 1:
        return name
    stem, _, ending = name.partition(".")
    return f"{stem}-{part:04d}.{ending}"
