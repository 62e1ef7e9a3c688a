"""The oldest item of every store beside its rule: whether what is promised to end has ended."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sendigopro.foundation import partitions
from sendigopro.foundation.postgres import Conn
from sendigopro.privacy.retention import store
from sendigopro.privacy.retention.rules import CAP_DAYS, DROPPED
from sendigopro.vault import snapshots
from sendigopro.vault.tree import KeyTree

JOB_DAYS = 1
"""The job runs each hour and a partition that is in use waits for the next run: what is a day late is late."""
PACKAGE_DAYS = 7
LOG_DAYS = 400


@dataclass(frozen=True, slots=True)
class Aged:
    """One store and rule, and the oldest thing in it."""

    store: str
    rule: str
    oldest: date | None
    limit: date
    """Nothing may be older."""

    @property
    def is_late(self) -> bool:
        return self.oldest is not None and self.oldest < self.limit


async def audit_main(conn: Conn, *, today: date) -> list[Aged]:
    """Partitions that should be gone, and queues whose rows somebody else ends."""
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
    return found


async def audit_vault(conn: Conn, terms: dict[UUID, int], *, today: date) -> list[Aged]:
    """Keys of days, and people whom their account has not met again."""
    accounts: dict[int, list[UUID]] = defaultdict(list)
    for account_id, days in terms.items():
        accounts[min(days, CAP_DAYS)].append(account_id)
    found = [Aged("vault.buckets", "its own day", await store.oldest_day(conn), late_before(today, 0))]
    for days, account_ids in sorted(accounts.items()):
        oldest = await store.oldest_seen(conn, account_ids=account_ids)
        found.append(Aged("vault.subjects", f"{days} days after last seen", oldest, late_before(today, days)))
    return found


def audit_files(data_dir: Path, exports: Path, keys: KeyTree, *, today: date, now: datetime) -> Iterable[Aged]:
    """Packages, recovery keys of key snapshots, logs."""
    yield Aged("exports", f"{PACKAGE_DAYS} days", oldest_file(exports.glob("*/*")), late_before(today, PACKAGE_DAYS))
    ends = [key.ends for key in snapshots.registered(keys)]
    is_over = bool(ends) and min(ends) < now
    yield Aged(
        "recovery keys",
        f"{snapshots.LIFE_DAYS} days",
        min(ends).date() - timedelta(days=snapshots.LIFE_DAYS) if ends else None,
        today - timedelta(days=snapshots.LIFE_DAYS - (1 if is_over else 0)),
    )
    yield Aged(
        "logs", f"{LOG_DAYS} days; they name nobody", oldest_file(data_dir.glob("log/*")), late_before(today, LOG_DAYS)
    )


def late_before(today: date, days: int) -> date:
    return today - timedelta(days=days + JOB_DAYS)


def oldest_file(paths: Iterable[Path]) -> date | None:
    """The day of the last change of the oldest of them."""
    times = [path.stat().st_mtime for path in paths if path.is_file()]
    return datetime.fromtimestamp(min(times), UTC).date() if times else None
