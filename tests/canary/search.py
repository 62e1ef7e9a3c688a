"""Looks for marked values in everything that a running product leaves behind, in the forms in which they could hide."""

import mmap
import re
from collections.abc import Iterable
from pathlib import Path

NUMBER = "4915733"
"""What all marked numbers begin with; nothing else here does."""
RUN = 24
"""So many letters of hexadecimal beside it are no coincidence."""
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
                    forms = {name for name, needle in needles().items() if holds(content, needle)}
                if forms:
                    found[str(path.relative_to(folder))] = forms
    return found


def holds(content: mmap.mmap, needle: bytes) -> bool:
    """Whether it stands there otherwise than by chance.

    Sealed values are written into dumps as hexadecimal, and in some megabytes of it seven given digits stand somewhere:
    digits in the midst of a long run of such letters are none of ours, which would stand there in hexadecimal.
    """
    at = content.find(needle)
    while at >= 0:
        around = bytes(content[max(0, at - RUN) : at + len(needle) + RUN])
        if not is_in_hex(around, min(at, RUN), len(needle)):
            return True
        at = content.find(needle, at + 1)
    return False


def is_in_hex(around: bytes, at: int, length: int) -> bool:
    """Whether what stands there is part of a run of hexadecimal that is long and has letters in it."""
    before = re.search(rb"[0-9a-f]*$", around[:at])
    after = re.match(rb"[0-9a-f]*", around[at + length :])
    assert before is not None
    assert after is not None
    run = before[0] + after[0]
    return len(run) >= RUN and re.search(rb"[a-f]", run) is not None


def size_mb(folders: Iterable[Path]) -> float:
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) / 1e6
