"""The age of what stands in a log file, and letting go of what is too old; each entry begins with its day."""

import re
from datetime import date
from pathlib import Path

DAY = re.compile(rb"^(\d{4}-\d\d-\d\d) ")


def oldest_entry(path: Path) -> date | None:
    """The day of the first entry; None of a file without any."""
    with path.open("rb") as file:
        for line in file:
            day = day_of(line)
            if day is not None:
                return day
    return None


def drop_before(path: Path, day: date) -> int:
    """Remove entries of earlier days, with the lines that belong to them; returns how many lines.

    The writer may have the file open, as PostgreSQL does, as long as it appends: the file stays the same one.
    """
    with path.open("r+b") as file:
        lines = file.readlines()
        first = next((n for n, line in enumerate(lines) if (found := day_of(line)) is not None and found >= day), None)
        dropped = len(lines) if first is None else first
        if dropped:
            file.seek(0)
            file.truncate()
    if dropped:
        with path.open("ab") as file:
            file.writelines(lines[dropped:])
    return dropped


def day_of(line: bytes) -> date | None:
    match = DAY.match(line)
    try:
        return None if match is None else date.fromisoformat(match[1].decode())
    except ValueError:
        return None
