"""Key snapshots: with them a backup opens for seven days, and nobody erased before it was made; without them, never.

A snapshot is the key store as it is, its root wrapped by a *recovery key* of the day, which is kept elsewhere and
destroyed after seven days. Whoever is erased meanwhile could still be opened by it, so receipts say until when.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sendigopro.vault.condemned import NAME as CONDEMNED
from sendigopro.vault.copies import LOCK, Copies, make_folder
from sendigopro.vault.keys import KeyStoreError
from sendigopro.vault.root import NAME as ROOT
from sendigopro.vault.root import Keeper, RootFile
from sendigopro.vault.tree import KeyTree

REGISTER = "snapshots"
LIFE_DAYS = 7


@dataclass(frozen=True, slots=True)
class RecoveryKey:
    """What wraps the roots of one day's snapshots."""

    day: date
    name: str

    @property
    def ends(self) -> datetime:
        """From then on it is destroyed."""
        return datetime.combine(self.day + timedelta(days=LIFE_DAYS), datetime.min.time(), UTC)


def take_snapshot(tree: KeyTree, keeper: Keeper, folder: Path, *, today: date) -> RecoveryKey:
    """Copy the store into an empty folder; the register knows of its key before the first byte is there."""
    make_folder(folder)
    with tree.writing() as copies:
        known = registered(tree)
        key = next((one for one in known if one.day == today), None)
        if key is None:
            key = RecoveryKey(today, keeper.make(f"sendigopro-recovery-{tree.root.tree.hex()[:8]}-{today}"))
            _write_register(copies, [*known, key])
        for path in sorted(tree.folders[0].iterdir()):
            if path.is_dir() and path.name.startswith("level-"):
                shutil.copytree(path, folder / path.name)
            elif path.name in {CONDEMNED, "blocks"}:
                shutil.copy2(path, folder / path.name)
        RootFile(Copies([folder]), keeper).write(replace(tree.root, wrapped_by=key.name, dying=""))
    return key


def expire(tree: KeyTree, keeper: Keeper, *, now: datetime) -> list[RecoveryKey]:
    """Destroy the recovery keys whose days are over; returns which."""
    if not any(key.ends <= now for key in registered(tree)):
        return []
    with tree.writing() as copies:
        known = registered(tree)
        over = [key for key in known if key.ends <= now]
        for key in over:
            keeper.destroy(key.name)
        _write_register(copies, [key for key in known if key not in over])
    return over


def opens_until(tree: KeyTree, keeper: Keeper) -> datetime | None:
    """Until when a snapshot that exists now could open what was erased after it; None when there is none."""
    ends = [key.ends for key in registered(tree)]
    return max(ends) + timedelta(days=keeper.level.days_until_destroyed) if ends else None


def registered(tree: KeyTree) -> list[RecoveryKey]:
    """The recovery keys that are not destroyed yet."""
    path = tree.folders[0] / REGISTER
    try:
        return [RecoveryKey(date.fromisoformat(one["day"]), one["name"]) for one in json.loads(path.read_bytes())]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise KeyStoreError(
            f"{path} is damaged: put its newest copy back, or recovery keys outlive their day."
        ) from error


def restore_snapshot(folder: Path, recovery: Keeper, *, into: Sequence[Path], keeper: Keeper) -> KeyTree:
    """A store from a snapshot, under a keeper of its own; `KeyStoreError` once the recovery key is destroyed."""
    snapshot = KeyTree([folder], recovery)
    for target in into:
        if any(target.glob("level-*")) or (target / ROOT).exists():
            raise KeyStoreError(f"There is a key store in {target} already: it is newer than any snapshot. Keep it.")
        make_folder(target)
        shutil.copytree(folder, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(LOCK, ROOT))
    RootFile(Copies(into), keeper).write_first(snapshot.root)
    snapshot.close()
    return KeyTree(into, keeper)


def _write_register(copies: Copies, keys: Sequence[RecoveryKey]) -> None:
    listed = [{"day": key.day.isoformat(), "name": key.name} for key in keys]
    copies.replace(REGISTER, json.dumps(listed, indent=1).encode())
