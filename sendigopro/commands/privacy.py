"""`sendigopro privacy`: people's requests, a second person's approval, and replay after a restore."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sendigopro.audit.model import BY_OPERATOR
from sendigopro.channels.directory import Directory
from sendigopro.commands.connected import connected
from sendigopro.events.bus import Bus
from sendigopro.foundation import ids
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.problems import Problem
from sendigopro.messages.load import Loader
from sendigopro.privacy import erase, requests_store
from sendigopro.privacy.backups import backups_that_open
from sendigopro.privacy.desk import Desk
from sendigopro.privacy.holds.place import HoldsOn
from sendigopro.privacy.job import Erasures
from sendigopro.privacy.journal import Journal
from sendigopro.privacy.model import Request
from sendigopro.privacy.replay import replay as replay_journal
from sendigopro.vault.vault import PLATFORM

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="People's requests, approvals, and replay after a restore."
)

LISTED_MAX = 100

RequestId = Annotated[str, typer.Argument(help="Its id: prq_….")]
Approver = Annotated[str, typer.Option("--by", help="Who approves it, by name; kept sealed.")]


@asynccontextmanager
async def at_desk() -> AsyncIterator[Desk]:
    """The instance's databases, vault and journal; refusals are said in one line."""
    async with connected() as instance:
        chosen = instance.settings
        try:
            yield Desk(
                main=instance.main,
                door=instance.main,
                vault_pool=instance.vault_pool,
                vault=instance.vault,
                journal=Journal(chosen.journal_folder),
                exports=chosen.exports_folder,
                backups=partial(backups_that_open, instance.keys, level=chosen.backup_level),
                holds_on=HoldsOn(instance.vault),
            )
        except Problem as problem:
            raise OperatorError(problem.detail) from problem


@app.command("requests")
def list_requests() -> None:
    """Show the newest requests of all accounts; nobody is named."""
    table = Table("Request", "Account", "Mode", "Type", "Status", "Asked", "Due")
    for one in asyncio.run(newest()):
        table.add_row(
            ids.typed("prq", one.id),
            ids.typed("acc", one.account_id),
            "live" if one.mode else "test",
            one.type,
            one.status,
            f"{one.created_at:%Y-%m-%d %H:%M}",
            f"{one.due_at:%Y-%m-%d}",
        )
    Console().print(table)


async def newest() -> list[Request]:
    async with at_desk() as desk, desk.main.acquire() as conn:
        return await requests_store.list_of_everyone(conn, limit=LISTED_MAX)


@app.command()
def approve(request: RequestId, by: Approver) -> None:
    """Be the second person for an erasure beyond the hourly number."""
    typer.echo(f"{request} is {asyncio.run(agree(request, by))}.")


async def agree(text: str, name: str) -> str:
    if not name.strip():
        raise OperatorError("Say who approves it: --by NAME.")
    async with at_desk() as desk:
        request_id = ids.parse("prq", text)
        sealed = await desk.vault.seal_account(PLATFORM, "request_approvals", "approver", request_id, name.encode())
        async with desk.main.acquire() as conn, conn.transaction():
            found = await requests_store.find_of_everyone(conn, request_id=request_id)
            if found is None:
                raise OperatorError(f"There is no request {text}. `sendigopro privacy requests` shows them.")
            request = await erase.approved(desk, conn, found, by=BY_OPERATOR)
            await requests_store.note_approver(conn, request, approver=sealed)
        await erase.follow(desk, request)
    return request.status


@app.command()
def replay() -> None:
    """After a restore: erase again, stop contact again, whatever the journal knows and the databases have forgotten."""
    done = asyncio.run(replay_all())
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(done.items()) if count)
    typer.echo(f"Replayed: {told or 'nothing was missing'}.")
    if done["rectify"]:
        typer.echo("Corrected identifiers are in no journal: ask the accounts to correct those persons once more.")


async def replay_all() -> Counter[str]:
    async with at_desk() as desk:
        done = await replay_journal(desk)
        directory = Directory(desk.main)
        await directory.refresh()
        loader = Loader(pool=desk.main, vault=desk.vault, directory=directory)
        erasures = Erasures(desk, loader=loader, bus=Bus(), owner="replay", late_seconds=0.0)
        while await erasures.step():
            pass  # each step ends one erasure
    return done
