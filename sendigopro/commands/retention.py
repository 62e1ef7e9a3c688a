"""`sendigopro retention`: whether everything ended that should have, and what another term would end now."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from rich.console import Console
from rich.table import Column, Table

from sendigopro.accounts.retention_terms import LIMITS, PRODUCTS, RetentionClock
from sendigopro.commands.connected import connected
from sendigopro.foundation import clock, ids
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.privacy.retention import audit as auditing
from sendigopro.privacy.retention.audit import Aged
from sendigopro.privacy.retention.job import identifier_terms
from sendigopro.privacy.retention.simulate import WouldEnd, what_would_end

app = typer.Typer(add_completion=False, no_args_is_help=True, help="What ends when, and whether it did.")


@app.command()
def audit(
    *,
    backups: Annotated[list[Path] | None, typer.Option(help="A folder with backups; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Look for the oldest item of every rule in databases and files; exits with 1 when something is late."""
    found = asyncio.run(examine()) + list(auditing.audit_backups(backups or [], today=clock.today()))
    if as_json:
        typer.echo(json.dumps([shown(one) for one in found], indent=1))
    else:
        table = Table(Column("Store", overflow="fold"), "Rule", "Oldest", "Nothing older than", "State")
        for one in found:
            state = "[red]late[/]" if one.is_late else "[green]ok[/]"
            table.add_row(one.store, one.rule, str(one.oldest or "-"), str(one.limit or "-"), state)
        Console().print(table)
    if any(one.is_late for one in found):
        raise typer.Exit(1)


def shown(one: Aged) -> dict[str, object]:
    return {
        "store": one.store,
        "rule": one.rule,
        "oldest": None if one.oldest is None else one.oldest.isoformat(),
        "limit": None if one.limit is None else one.limit.isoformat(),
        "is_late": one.is_late,
    }


async def examine() -> list[Aged]:
    """Everything that ages, but for backups."""
    today = clock.today()
    async with connected() as instance:
        chosen = instance.settings
        main = await asyncpg.connect(chosen.main("owner"))
        try:
            found = await auditing.audit_main(main, today=today)
        finally:
            await main.close()
        async with instance.main.acquire() as conn:
            terms = await identifier_terms(conn)
        async with instance.vault_pool.acquire() as conn:
            found += await auditing.audit_vault(conn, terms, today=today)
        found += auditing.audit_files(
            chosen.data_dir, chosen.exports_folder, instance.keys, today=today, now=clock.now()
        )
    return found


@app.command()
def simulate(
    account: Annotated[str, typer.Option(help="Whose: acc_….")],
    product: Annotated[str, typer.Option(help=f"Of which messages: {', '.join(PRODUCTS)}.")],
    kind: Annotated[RetentionClock, typer.Option("--clock", help="What ends.")],
    days: Annotated[int, typer.Option(min=0, help="After how many days.")],
) -> None:
    """Count what another term would end at once; nothing is changed."""
    if (product, kind) not in LIMITS:
        known = ", ".join(f"{name} {one}" for name, one in LIMITS)
        raise OperatorError(f"{product} has no clock {kind}. There are: {known}.")
    found = asyncio.run(simulated(account, product, kind, days))
    table = Table("Would end", "How many", "Last needed before")
    table.add_row(found.what, f"{found.count:,}", f"{found.before}")
    Console().print(table)
    if LIMITS[product, kind].refuses(days):
        limit = LIMITS[product, kind]
        typer.echo(f"It would be refused: {limit.least} to {limit.cap} days are allowed. {limit.why}")


async def simulated(account: str, product: str, kind: RetentionClock, days: int) -> WouldEnd:
    account_id = ids.parse("acc", account)
    async with connected() as instance:
        return await what_would_end(
            instance.main, instance.vault_pool, account_id=account_id, product=product, kind=kind, days=days
        )
