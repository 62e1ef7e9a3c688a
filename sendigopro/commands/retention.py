"""`sendigopro retention`: whether everything ended that should have, and what a shorter term would end now."""

import asyncio
import json
from datetime import timedelta
from typing import Annotated

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from sendigopro.commands.connected import connected
from sendigopro.foundation import clock, ids
from sendigopro.privacy.retention import audit as auditing
from sendigopro.privacy.retention import store
from sendigopro.privacy.retention.audit import Aged
from sendigopro.privacy.retention.rules import CAP_DAYS

app = typer.Typer(add_completion=False, no_args_is_help=True, help="What ends when, and whether it did.")


@app.command()
def audit(*, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Look for the oldest item of every rule in databases and files; exits with 1 when something is late."""
    found = asyncio.run(examine())
    if as_json:
        typer.echo(json.dumps([shown(one) for one in found], indent=1))
    else:
        table = Table("Store", "Rule", "Oldest", "Nothing older than", "State")
        for one in found:
            state = "[red]late[/]" if one.is_late else "[green]ok[/]"
            table.add_row(one.store, one.rule, str(one.oldest or "-"), str(one.limit), state)
        Console().print(table)
    if any(one.is_late for one in found):
        raise typer.Exit(1)


def shown(one: Aged) -> dict[str, object]:
    return {
        "store": one.store,
        "rule": one.rule,
        "oldest": None if one.oldest is None else one.oldest.isoformat(),
        "limit": one.limit.isoformat(),
        "is_late": one.is_late,
    }


async def examine() -> list[Aged]:
    """Everything that ages."""
    today = clock.today()
    async with connected() as instance:
        chosen = instance.settings
        main = await asyncpg.connect(chosen.main("owner"))
        try:
            found = await auditing.audit_main(main, today=today)
        finally:
            await main.close()
        async with instance.main.acquire() as conn:
            terms = await store.identifier_terms_of_everyone(conn)
        async with instance.vault_pool.acquire() as conn:
            found += await auditing.audit_vault(conn, terms, today=today)
        found += auditing.audit_files(
            chosen.data_dir, chosen.exports_folder, instance.keys, today=today, now=clock.now()
        )
    return found


@app.command()
def simulate(
    account: Annotated[str, typer.Option(help="Whose: acc_….")],
    identifier_days: Annotated[int | None, typer.Option(min=1, max=CAP_DAYS, help="Term of identifiers.")] = None,
    body_days: Annotated[int | None, typer.Option(min=0, max=CAP_DAYS, help="Term of bodies.")] = None,
) -> None:
    """Count what other terms would end at once; nothing is changed."""
    counts = asyncio.run(counted(account, identifier_days, body_days))
    table = Table("Would end", "How many")
    for name, count in counts.items():
        table.add_row(name, f"{count:,}")
    Console().print(table)


async def counted(account: str, identifier_days: int | None, body_days: int | None) -> dict[str, int]:
    account_id, counts = ids.parse("acc", account), {}
    async with connected() as instance:
        if identifier_days is not None:
            since = clock.today() - timedelta(days=identifier_days)
            async with instance.vault_pool.acquire() as conn:
                counts["people"] = await store.count_unseen(conn, account_id=account_id, since=since)
        if body_days is not None:
            before = ids.first_of_day(clock.today() - timedelta(days=body_days))
            async with instance.main.acquire() as conn:
                counts["bodies"] = await store.count_bodies(conn, account_id=account_id, lowest_id=before)
    return counts
