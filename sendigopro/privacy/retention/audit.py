"""The oldest item of every store beside its rule: whether what is promised to end has ended."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sendigopro.accounts import retention_store
from sendigopro.accounts.retention_terms import RetentionClock
from sendigopro.foundation import log_files, partitions
from sendigopro.foundation.dumps import MANIFEST
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.postgres import Conn
from sendigopro.privacy.retention import store
from sendigopro.privacy.retention.by_account import purposes_of
from sendigopro.privacy.retention.rules import BACKUP_DAYS, DROPPED, LOG_DAYS, PACKAGE_DAYS
from sendigopro.vault import snapshots
from sendigopro.vault.tree import KeyTree

JOB_DAYS = 1
"""The job runs each hour and a partition that is in use waits for the next run: what is a day late is late."""


@dataclass(frozen=True, slots=True)
class Aged:
    """One store and rule, and the oldest thing in it."""

    store: str
    rule: str
    oldest: date | None
    limit: date | None
    """Nothing may be older; None: it may be kept."""

    @property
    def is_late(self) -> bool:
        return self.oldest is not None and self.limit is not None and self.oldest < self.limit


async def audit_main(conn: Conn, *, today: date) -> list[Aged]:
    """Partitions that should be gone, what accounts' own terms have ended, and queues whose rows somebody else ends."""
    found = []
    for parent in await partitions.parents(conn):
        rule = DROPPED.get(parent.table)
        if rule is None:
            continue
        oldest = None
        for name in sorted(parent.partitions, key=partitions.end_of):
            if await store.has_rows(conn, name):
                oldest = partitions.end_of(name) - timedelta(days=1)  # the last day that it may hold
                break
        found.append(Aged(parent.table, f"{rule.days} days: {rule.why}", oldest, late_before(today, rule.days)))
    for table, (column, days) in store.ROW_CLOCKS.items():
        oldest = await store.oldest_row(conn, table)
        found.append(Aged(table, f"{days} days by {column}", oldest, late_before(today, days)))
    return found + await audit_terms(conn, today=today)


async def audit_terms(conn: Conn, *, today: date) -> list[Aged]:
    """The oldest text and record of each product for which an account has set a term; of several, the latest one."""
    worst: dict[tuple[str, str], Aged] = {}
    for term in await retention_store.unswept_of_everyone(conn):
        is_body = term.clock is RetentionClock.BODY
        oldest = await store.oldest_of_product(
            conn, account_id=term.account_id, purposes=purposes_of(term.product), bodies_only=is_body
        )
        table = "main.message_bodies" if is_body else "main.messages"
        rule = f"{term.days} days after it expired: {term.product}, as an account has set it"
        aged = Aged(table, rule, oldest, late_before(today, term.days))
        before = worst.get((table, rule))
        if before is None or (oldest is not None and (before.oldest is None or oldest < before.oldest)):
            worst[table, rule] = aged
    return list(worst.values())


async def audit_vault(conn: Conn, terms: Mapping[int, Sequence[UUID]], *, today: date) -> list[Aged]:
    """Keys of days, and people whom their account has not met again; `terms`: days → the accounts that chose them."""
    found = [Aged("vault.buckets", "its own day", await store.oldest_day(conn), late_before(today, 0))]
    for days, account_ids in sorted(terms.items()):
        oldest = await store.oldest_seen(conn, account_ids=account_ids)
        found.append(Aged("vault.subjects", f"{days} days after last seen", oldest, late_before(today, days)))
    return found


def audit_files(data_dir: Path, exports: Path, keys: KeyTree, *, today: date, now: datetime) -> Iterable[Aged]:
    """Packages, recovery keys of key snapshots, logs, counters."""
    yield Aged("exports", f"{PACKAGE_DAYS} days", oldest_file(exports.glob("*/*")), late_before(today, PACKAGE_DAYS))
    ends = [key.ends for key in snapshots.registered(keys)]
    is_over = bool(ends) and min(ends) < now
    yield Aged(
        "recovery keys",
        f"{snapshots.LIFE_DAYS} days",
        min(ends).date() - timedelta(days=snapshots.LIFE_DAYS) if ends else None,
        today - timedelta(days=snapshots.LIFE_DAYS - (1 if is_over else 0)),
    )
    entries = [day for path in data_dir.glob("log/*.log") if (day := log_files.oldest_entry(path)) is not None]
    rule = f"{LOG_DAYS} days; they name nobody"
    yield Aged("logs", rule, min(entries, default=None), late_before(today, LOG_DAYS))
    yield Aged("metrics", "kept: counts that name nobody", oldest_file(data_dir.glob("metrics/*")), None)


def audit_backups(folders: Iterable[Path], *, today: date) -> Iterable[Aged]:
    """Backups in these folders, or in folders in them; the oldest of each."""
    for folder in folders:
        made = [made_at(path) for path in (*folder.glob(MANIFEST), *folder.glob(f"*/{MANIFEST}"))]
        if not made:
            raise OperatorError(f"There is no backup in {folder}: name a folder that `sendigopro backup` wrote to.")
        rule = f"{BACKUP_DAYS} days; its keys end by themselves"
        yield Aged(f"backups in {folder}", rule, min(made), late_before(today, BACKUP_DAYS))


def made_at(manifest: Path) -> date:
    try:
        return datetime.fromisoformat(json.loads(manifest.read_bytes())["made_at"]).date()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OperatorError(f"{manifest} is no manifest of a backup. Look at it, or name another folder.") from error


def late_before(today: date, days: int) -> date:
    return today - timedelta(days=days + JOB_DAYS)


def oldest_file(paths: Iterable[Path]) -> date | None:
    """The day of the last change of the oldest of them."""
    times = [path.stat().st_mtime for path in paths if path.is_file()]
    return datetime.fromtimestamp(min(times), UTC).date() if times else None
