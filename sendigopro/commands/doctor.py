"""`sendigopro doctor`: looks at everything that can be set wrongly, and says what to do."""

import asyncio
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from sendigopro.channels import registry, store
from sendigopro.channels.model import PLATFORM
from sendigopro.commands.connected import Connected, connected
from sendigopro.foundation import clock, migrations, partitions
from sendigopro.foundation.database_urls import is_embedded
from sendigopro.foundation.migrations import Database
from sendigopro.foundation.postgres import server_setting, server_time
from sendigopro.messages.intake import has_disk
from sendigopro.messages.model import Channel, Mode
from sendigopro.privacy import annotations, notice_store, versions
from sendigopro.privacy.holds import store as holds
from sendigopro.privacy.journal import Journal, JournalError
from sendigopro.privacy.journaling import catch_up
from sendigopro.vault.key_store import key_folders

app = typer.Typer(add_completion=False)

GOOD, WARNING, FAULT = "ok", "warning", "fault"
COLOUR = {GOOD: "green", WARNING: "yellow", FAULT: "red"}
PARTITION_DAYS_MIN = 14
CLOCK_SECONDS_MAX = 2.0
PRIVATE_MODE = 0o077
COPIES_MIN = 2
SERVER_SETTINGS = {
    "fsync": ("on", "An accepted message must survive a power cut: set fsync = on."),
    "synchronous_commit": ("on", "We answer after the commit, which must be on disk: set synchronous_commit = on."),
    "full_page_writes": ("on", "A torn page loses messages: set full_page_writes = on."),
    "log_error_verbosity": ("terse", "Details of errors can hold values: set log_error_verbosity = terse."),
    "log_parameter_max_length_on_error": (
        "0",
        "Parameters belong in no log: set log_parameter_max_length_on_error = 0.",
    ),
    "log_statement": ("none", "Statements belong in no log: set log_statement = none."),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: str
    told: str = ""


Check = Callable[[Connected], Awaitable[list[Finding]]]


@app.command()
def doctor() -> None:
    """Find what is set wrongly; exits with 1 when something is at fault."""
    findings = asyncio.run(examine())
    table = Table("What", "State", "What to do")
    for finding in findings:
        table.add_row(finding.what, f"[{COLOUR[finding.state]}]{finding.state}[/]", finding.told)
    Console().print(table)
    if any(finding.state == FAULT for finding in findings):
        raise typer.Exit(1)


async def examine() -> list[Finding]:
    """Every check, in the order in which one would look."""
    checks: tuple[Check, ...] = (
        check_server, check_migrations, check_partitions, check_clock, check_keys, check_journal, check_disk,
        check_webhooks, check_routes, check_notice, check_holds,
    )  # fmt: skip
    async with connected() as instance:
        return [finding for check in checks for finding in await check(instance)]


async def check_server(instance: Connected) -> list[Finding]:
    """What PostgreSQL promises, and what it must not write down."""
    findings = []
    urls = {"main": instance.settings.main("pipeline"), "vault": instance.settings.vault("pipeline")}
    for database, url in urls.items():
        conn = await asyncpg.connect(url)
        try:
            for name, (wanted, told) in SERVER_SETTINGS.items():
                found = await server_setting(conn, name)
                state = GOOD if found == wanted else FAULT
                findings.append(Finding(f"{database}: {name} = {found}", state, "" if state == GOOD else told))
        finally:
            await conn.close()
    return findings


async def check_migrations(instance: Connected) -> list[Finding]:
    """Whether both databases are what this version needs."""
    findings = []
    urls: dict[Database, str] = {"main": instance.settings.main("owner"), "vault": instance.settings.vault("owner")}
    for database, url in urls.items():
        conn = await asyncpg.connect(url)
        try:
            missing = await migrations.pending(conn, database)
        finally:
            await conn.close()
        told = f"Run `sendigopro migrate`: {len(missing)} are not applied." if missing else ""
        findings.append(Finding(f"{database}: migrations", FAULT if missing else GOOD, told))
    return findings


async def check_partitions(instance: Connected) -> list[Finding]:
    """Days ahead for which every partitioned table has room."""
    conn = await asyncpg.connect(instance.settings.main("owner"))
    try:
        days = await partitions.days_ahead(conn, today=clock.today())
    finally:
        await conn.close()
    state = GOOD if days >= PARTITION_DAYS_MIN else FAULT
    return [Finding(f"partitions for {days} days", state, "" if state == GOOD else "Run `sendigopro migrate`.")]


async def check_clock(instance: Connected) -> list[Finding]:
    """Lease and due times are the database's; ids carry ours."""
    async with instance.main.acquire() as conn:
        theirs = await server_time(conn)
    apart = abs((clock.now() - theirs).total_seconds())
    state = GOOD if apart < CLOCK_SECONDS_MAX else FAULT
    return [
        Finding(f"clocks {apart:.1f} s apart", state, "" if state == GOOD else "Let NTP set both machines' clocks.")
    ]


async def check_keys(instance: Connected) -> list[Finding]:
    """The key store: readable by us alone, and what its kind can promise."""
    findings = []
    folders = key_folders(instance.settings)
    for folder in folders:
        state = GOOD if not stat.S_IMODE(folder.stat().st_mode) & PRIVATE_MODE else FAULT
        told = "" if state == GOOD else f"Others can read it: chmod 700 {folder}"
        findings.append(Finding(f"key store {folder}", state, told))
    level = instance.keys.keeper.level
    state = GOOD if level.is_for_production else WARNING
    findings.append(Finding(f"key store level: {level.name}", state, level.told))
    findings.append(backup_level(instance, copies=len({folder.stat().st_dev for folder in folders})))
    return findings


def backup_level(instance: Connected, *, copies: int) -> Finding:
    """What an erased person's keys may still stand in, and whether the store survives a disk without that."""
    what = f"backup level: {instance.settings.backup_level}"
    if instance.settings.backup_level != "immediate":
        return Finding(what, GOOD, "Key snapshots open for 7 days; receipts say until when.")
    if copies >= COPIES_MIN:
        return Finding(what, GOOD)
    told = "No key snapshots are made, so one disk holds all keys: name a folder on another in SENDIGOPRO_KEYS_COPIES."
    return Finding(what, FAULT, told)


async def check_journal(instance: Connected) -> list[Finding]:
    """The erasure journal: whole, this installation's, and no longer than what the databases have applied."""
    journal = Journal(instance.settings.journal_folder)
    try:
        await catch_up(instance.main, journal)
    except JournalError as error:
        return [Finding("erasure journal", FAULT, str(error))]
    return [Finding(f"erasure journal: applied to entry {journal.head().n}", GOOD)]


async def check_holds(instance: Connected) -> list[Finding]:
    """Legal holds that nobody has looked at for longer than they may go without."""
    async with instance.main.acquire() as conn:
        found = await holds.list_of_everyone(conn)
    late = [one for one in found if one.is_overdue(clock.now())]
    told = "Each keeps somebody's data: `sendigopro holds list`, then review or release." if late else ""
    return [Finding(f"legal holds: {len(found)}, {len(late)} to be reviewed", FAULT if late else GOOD, told)]


async def check_disk(instance: Connected) -> list[Finding]:
    """Room to go on."""
    if not is_embedded(instance.settings.database_url):
        return []
    good = has_disk(instance.settings.data_dir)
    return [Finding("free disk", GOOD if good else FAULT, "" if good else "Free some: nothing is accepted until then.")]


async def check_webhooks(instance: Connected) -> list[Finding]:
    """Where webhooks may go."""
    if not instance.settings.allow_private_webhooks:
        return [Finding("webhooks to private addresses: refused", GOOD)]
    told = "For development only: an account could reach this network. Start with --no-allow-private-webhooks."
    return [Finding("webhooks to private addresses: allowed", WARNING, told)]


async def check_routes(instance: Connected) -> list[Finding]:
    """Whether live messages have somewhere to go."""
    async with instance.main.acquire() as conn:
        carriers = {carrier.id: carrier for carrier in await store.read_carriers(conn)}
        routes = await store.read_routes_of_everyone(conn)
    findings = [
        Finding(f"carrier {c.name}: provider {c.provider} is unknown", FAULT, "Its file is missing from this version.")
        for c in carriers.values()
        if c.provider not in registry.providers()
    ]
    for mode in Mode:
        chosen = routes.get((PLATFORM, mode, Channel.SMS), ())
        usable = [carriers[c].name for c in chosen if c in carriers and carriers[c].is_enabled]
        told = "" if usable else f"Run `sendigopro routes set sms NAME{'' if mode == Mode.LIVE else ' --test'}`."
        what = f"{mode.name.lower()} sms goes to {', then '.join(usable) or 'nobody'}"
        findings.append(Finding(what, GOOD if usable else WARNING, told))
    return findings


async def check_notice(instance: Connected) -> list[Finding]:
    """Whether the notice is read once a year, is in the database, names all that is kept, and says where to ask."""
    published = versions.read()
    columns = await annotations.read_columns_of(instance.settings.vault("pipeline"), "vault")
    async with instance.main.acquire() as conn:
        columns += await annotations.read_columns(conn, "main")
        stored = await notice_store.read_hashes(conn)
    used = versions.cover_of(annotations.annotations_of(columns))
    faults = {
        "last review of the privacy notice": versions.review_fault(published, clock.today()),
        "privacy notice names all that is kept": versions.cover_fault(used, published),
        "privacy notice in the database": ""
        if {version.number for version in published.versions} <= set(stored)
        else "Versions are missing: run `sendigopro migrate`.",
    }
    contact = instance.settings.privacy_contact
    told = "" if contact else "The notice names nobody to ask: set SENDIGOPRO_PRIVACY_CONTACT to a mail address."
    return [
        *(Finding(what, FAULT if fault else GOOD, fault) for what, fault in faults.items()),
        Finding(f"privacy contact: {contact or 'nobody'}", GOOD if contact else WARNING, told),
    ]
