"""Until when a backup could still open somebody whose key is gone from here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Level = Literal["immediate", "bounded", "file"]


@dataclass(frozen=True, slots=True)
class Backups:
    """What a receipt says of backups."""

    level: Level
    open_until: datetime | None
    """None: no backup that this installation makes opens the person."""
    told: str


def backups_open_until(unreadable_at: datetime) -> Backups:
    """The promise of this installation; where keys are snapshotted, the day the last snapshot with the key dies."""
    del unreadable_at
    return Backups(
        level="file",
        open_until=None,
        told="Keys stand in no database and in no backup made here; the key file was overwritten in place.",
    )
