"""Looks for marked values in everything that a running product leaves behind, in the forms in which they could hide."""

import mmap
from collections.abc import Iterable
from pathlib import Path

NUMBER = "4915733"
"""What all marked numbers begin with; nothing else here does."""
WORDS = {kind: f"cAnAry{kind}" for kind in ("Body", "Code", "Meta", "Tag", "Path", "Field", "Key", "Note")}


def needles() -> dict[str, bytes]:
    """Form by form: as it is, in hexadecimal, in UTF-16."""
    found = {}
    for name, text in {"Number": NUMBER, **WORDS}.items():
        found[name] = text.encode()
        found[f"{name} in hex"] = text.encode().hex().encode()
        found[f"{name} in UTF-16"] = text.encode("utf-16-le")
    return found


def hits(folders: Iterable[Path]) -> dict[str, set[str]]:
    """Which forms stand in which files."""
    found: dict[str, set[str]] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.stat().st_size:
                with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    forms = {name for name, needle in needles().items() if content.find(needle) >= 0}
                if forms:
                    found[str(path.relative_to(folder))] = forms
    return found


def size_mb(folders: Iterable[Path]) -> float:
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) / 1e6
