"""Until when a backup could still open somebody whose key is gone from here."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Level = Literal["immediate", "bounded"]
SNAPSHOT_LIFE = timedelta(days=7)
"""A key snapshot is sealed under its day's recovery key, which is destroyed after so long."""


@dataclass(frozen=True, slots=True)
class Backups:
    """What a receipt says of backups."""

    level: Level
    open_until: datetime | None
    """None: no backup that this installation makes opens the person."""
    told: str


def backups_open_until(unreadable_at: datetime, *, level: str = "bounded") -> Backups:
    """The promise of this installation, at its worst: a snapshot made right before the key died."""
    if level == "immediate":
        return Backups("immediate", None, "Keys stand in no backup: no copy of the databases opens the person.")
    return Backups(
        "bounded",
        unreadable_at + SNAPSHOT_LIFE,
        "A key snapshot made before could open backups of the databases until then; then its recovery key dies.",
    )
