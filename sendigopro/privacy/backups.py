"""Until when a backup could still open somebody whose key is gone from here."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sendigopro.vault import snapshots
from sendigopro.vault.tree import KeyTree


@dataclass(frozen=True, slots=True)
class Backups:
    """What a receipt says of backups."""

    level: str
    open_until: datetime | None
    """None: no backup opens the person."""
    told: str


def backups_that_open(keys: KeyTree, destroyed_at: datetime, *, level: str) -> Backups:
    """What may open the past of a key that was destroyed then: key snapshots, and what its keeper could bring back."""
    until = snapshots.opens_until(keys, keys.keeper)
    told = "No key snapshot was made that could open a backup; without keys no copy of the databases opens the person."
    if until is not None:
        told = "A key snapshot made before could open backups of the databases until then; then its recovery key dies."
    days = keys.keeper.level.days_until_destroyed
    if days and (until is None or until < destroyed_at + timedelta(days=days)):
        until = destroyed_at + timedelta(days=days)
        told = f"What wrapped the key store's root until then is disabled, and destroyed after {days} days."
    return Backups(level, until, told)
