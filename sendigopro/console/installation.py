"""Pages of the installation itself: carriers, queues, workers, health. Numbers of things, nothing about anybody."""

import asyncio
import shutil
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency as Given

from sendigopro.channels.directory import Directory
from sendigopro.console import staff_store as pages
from sendigopro.console.carriers_view import PRIORITY_NAMES, state_of
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation import clock, ids
from sendigopro.foundation.dumps import last_backup
from sendigopro.messages import carrier_store
from sendigopro.privacy import journal_store, notice_store
from sendigopro.privacy.journal import Journal, JournalError
from sendigopro.runtime import Runtime

HOME = "/console/staff"
ACCOUNTS_MAX: Final = 50
BACKUP_DAYS_MAX: Final = 2
DISK_SHARE_MIN: Final = 0.1


@dataclass(frozen=True, slots=True)
class QueueLine:
    """What waits for a carrier in one lane."""

    carrier: str
    lane: str
    n: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Check:
    """One thing of the installation, and whether it is well."""

    what: str
    tone: str
    word: str
    told: str


@get(HOME + "/carriers")
async def show_carriers(visit: Given[Visit], runtime: Given[Runtime], directory: Given[Directory]) -> Response[str]:
    """All that are set up, over all accounts."""
    visit.need_staff()
    carriers = sorted(directory.carriers.values(), key=lambda one: one.name)
    since = ids.first_at(clock.now() - carrier_store.RECENTLY)
    async with runtime.main.acquire() as conn:
        binds = await carrier_store.read_binds(conn, carrier_ids=[one.id for one in carriers])
        lanes = await carrier_store.read_lanes_of_everyone(conn)
        active = await pages.lately_active(conn, limit=ACCOUNTS_MAX)
        recent = await carrier_store.read_recent(conn, account_ids=active, since=since, limit=carrier_store.RECENT_MAX)
    states = [state_of(one, binds=binds, lanes=lanes, recent=recent) for one in carriers]
    return framed(visit, "staff_carriers.html", carriers=states, for_staff=True)


@get(HOME + "/queues")
async def show_queues(visit: Given[Visit], runtime: Given[Runtime], directory: Given[Directory]) -> Response[str]:
    """What waits, for which carrier in which lane, and since when."""
    visit.need_staff()
    async with runtime.main.acquire() as conn:
        lanes = await carrier_store.read_lanes_of_everyone(conn)
        waiting = await pages.read_waiting_of_everyone(conn)
    queued = [
        QueueLine(
            name_of(directory, one.carrier_id), PRIORITY_NAMES.get(one.priority, str(one.priority)), one.n,
            ids.time_of(one.oldest),
        )
        for one in lanes
    ]  # fmt: skip
    later = [QueueLine(name_of(directory, one.carrier_id), "", one.n, one.next_due) for one in waiting]
    return framed(visit, "staff_queues.html", queued=queued, later=later, waiting_max=pages.WAITING_MAX)


@get(HOME + "/workers")
async def show_workers(visit: Given[Visit], runtime: Given[Runtime]) -> Response[str]:
    """Who lives, and what each holds by lease."""
    visit.need_staff()
    async with runtime.main.acquire() as conn:
        workers = await pages.read_workers(conn)
    return framed(visit, "staff_workers.html", workers=workers)


@get(HOME + "/health")
async def show_health(visit: Given[Visit], runtime: Given[Runtime], readiness: Given[Any]) -> Response[str]:
    """What an operator looks at in the morning."""
    visit.need_staff()
    looked = await readiness.look()
    ready = [Check(what.capitalize(), "good" if said == "ok" else "bad", said, "") for what, said in looked.items()]
    async with runtime.main.acquire() as conn:
        size = await pages.database_bytes(conn)
        runs = await notice_store.read_last_runs(conn)
    async with runtime.vault.acquire() as conn:
        vault_size = await pages.database_bytes(conn)
    checks = [
        Check("Databases", "good", f"{size / 1e9:.2f} GB + {vault_size / 1e9:.2f} GB", "main and vault, with indexes"),
        disk(runtime), backup(runtime), await journal(runtime), proofs(runs),
    ]  # fmt: skip
    return framed(visit, "staff_health.html", ready=ready, checks=checks)


def disk(runtime: Runtime) -> Check:
    used = shutil.disk_usage(runtime.settings.data_dir)
    share = used.free / used.total
    return Check(
        "Disk", "good" if share > DISK_SHARE_MIN else "warn", f"{used.free / 1e9:.1f} GB free", f"{share:.0%} of it"
    )


def backup(runtime: Runtime) -> Check:
    """As `sendigopro backup` wrote it down on this machine."""
    at = last_backup(runtime.settings.data_dir)
    if at is None:
        return Check("Backup", "warn", "none known", "sendigopro backup FOLDER makes one, and notes it here.")
    days = (clock.now() - at).total_seconds() / 86_400
    return Check(
        "Backup", "good" if days < BACKUP_DAYS_MAX else "warn", f"{days:.1f} days old", f"{at:%Y-%m-%d %H:%M} UTC"
    )


async def journal(runtime: Runtime) -> Check:
    """Whether file and databases are in step."""
    async with runtime.main.acquire() as conn:
        applied, has_intents = await journal_store.look(conn)
    try:
        head = await asyncio.to_thread(Journal(runtime.settings.journal_folder).head)
    except JournalError as error:
        return Check("Erasure journal", "bad", "at fault", str(error))
    is_in_step = head == applied and not has_intents
    return Check(
        "Erasure journal", "good" if is_in_step else "warn", f"entry {applied.n}",
        "file and databases are in step" if is_in_step else f"the file is at entry {head.n}",
    )  # fmt: skip


def proofs(runs: list[Any]) -> Check:
    """Of the privacy notice, when `sendigopro prove` ran last."""
    if not runs:
        return Check("Proofs of the notice", "warn", "never run", "sendigopro prove runs them.")
    failed = [row["clause"] for row in runs if not row["passed"]]
    last = max(row["at"] for row in runs)
    told = f"last run {last:%Y-%m-%d %H:%M} UTC"
    if failed:
        return Check(
            "Proofs of the notice", "bad", f"{len(failed)} of {len(runs)} fail", f"{', '.join(failed)}; {told}"
        )
    return Check("Proofs of the notice", "good", f"{len(runs)} pass", told)


def name_of(directory: Directory, carrier_id: UUID) -> str:
    carrier = directory.carriers.get(carrier_id)
    return carrier.name if carrier is not None else "(removed)"


routes = [show_carriers, show_queues, show_workers, show_health]
