"""`sendigopro holds`: keep a copy of one person's data for a law or a court, look at it again, let it go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from sendigopro.channels.directory import Directory
from sendigopro.commands.connected import connected
from sendigopro.commands.package import IdentifierFile, read_identifier, write_out
from sendigopro.foundation import clock, ids
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.phones import parse_phone
from sendigopro.foundation.problems import Problem
from sendigopro.messages.model import Mode
from sendigopro.privacy.holds import place as placing
from sendigopro.privacy.holds import store
from sendigopro.privacy.holds.model import REVIEW_DAYS, HoldError, StoredHold, Words
from sendigopro.privacy.package.model import Sources
from sendigopro.vault.keys import KeyErasedError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Keep what a law or a court demands, and no longer.")

HoldId = Annotated[str, typer.Argument(help="Its id: hld_….")]
Days = Annotated[int, typer.Option(min=1, max=REVIEW_DAYS, help="Days until somebody looks at it again.")]


@asynccontextmanager
async def sources() -> AsyncIterator[Sources]:
    """The instance; refusals are said in one line."""
    async with connected() as instance:
        directory = Directory(instance.main)
        await directory.refresh()
        try:
            yield Sources(instance.main, instance.vault_pool, instance.vault, directory)
        except Problem as problem:
            raise OperatorError(problem.detail) from problem
        except HoldError as error:
            raise OperatorError(str(error)) from error


@app.command()
def place(
    *,
    account: Annotated[str, typer.Option(help="Whose person: acc_….")],
    identifier_file: IdentifierFile,
    reason: Annotated[str, typer.Option(help="Why; the account is told when it asks for an erasure. Kept sealed.")],
    authority: Annotated[str, typer.Option(help="The law, court or dispute that demands it; kept sealed.")],
    owner: Annotated[str, typer.Option(help="Who answers for it; kept sealed.")],
    review_days: Days = REVIEW_DAYS,
) -> None:
    """Keep a copy of what an account has of one person; everything else goes on ending on time."""
    number, words = read_identifier(identifier_file), Words(reason, authority, owner)
    hold = asyncio.run(put(account, number, words, review_days))
    typer.echo(f"{ids.typed('hld', hold.id)} is placed, to be reviewed by {hold.review_at:%Y-%m-%d}.")


async def put(account: str, number: str, words: Words, review_days: int) -> StoredHold:
    async with sources() as found:
        account_id, phone = ids.parse("acc", account), parse_phone(number)
        subjects = [one for mode in Mode if (one := await found.vault.find(account_id, mode, phone)) is not None]
        if not subjects:
            raise OperatorError("The account does not know this number. There is nothing to keep.")
        return await placing.place(
            found, words, account_id=account_id, subject_ids=[one.id for one in subjects], review_days=review_days
        )


@app.command("list")
def list_holds() -> None:
    """Show all holds, the one to be reviewed next first; nobody is named."""
    table = Table("Hold", "Account", "Placed", "Review by", "State")
    for one in asyncio.run(listed()):
        state = "[red]overdue[/]" if one.is_overdue(clock.now()) else "[green]ok[/]"
        row = (ids.typed("hld", one.id), ids.typed("acc", one.account_id))
        table.add_row(*row, f"{one.placed_at:%Y-%m-%d}", f"{one.review_at:%Y-%m-%d}", state)
    Console().print(table)


async def listed() -> list[StoredHold]:
    async with sources() as found, found.main.acquire() as conn:
        return await store.list_of_everyone(conn)


@app.command()
def review(hold: HoldId, days: Days = REVIEW_DAYS) -> None:
    """Say that it was looked at and must stay."""
    reviewed = asyncio.run(look_at(hold, days))
    typer.echo(f"{hold} stays, to be reviewed by {reviewed.review_at:%Y-%m-%d}.")


async def look_at(text: str, days: int) -> StoredHold:
    async with sources() as found:
        hold = await named(found, text)
        async with found.main.acquire() as conn:
            return await placing.review(conn, hold, days=days)


@app.command()
def release(hold: HoldId) -> None:
    """Let it go: its key is destroyed, and then its copies are deleted."""
    asyncio.run(let_go(hold))
    typer.echo(f"{hold} is released, and nobody can read its copies any more.")


async def let_go(text: str) -> None:
    async with sources() as found:
        await placing.release(found, await named(found, text))


@app.command()
def export(hold: HoldId, out: Annotated[Path, typer.Option(help="A new file, which only its owner can read.")]) -> None:
    """Write the copies in clear, one JSON object a line, for whoever may demand them."""
    typer.echo(f"{asyncio.run(write(hold, out)):,} items are in {out}.")


async def write(text: str, out: Path) -> int:
    count = 0

    async def lines(found: Sources, hold: StoredHold) -> AsyncIterator[bytes]:
        nonlocal count
        async for item in placing.copies(found, hold):
            count += 1
            yield msgspec.json.encode(item) + b"\n"

    async with sources() as found:
        hold = await named(found, text)
        try:
            await write_out(out, lines(found, hold))
        except KeyErasedError as error:
            raise OperatorError(f"{text} is released: there is nothing left to read.") from error
    return count


async def named(found: Sources, text: str) -> StoredHold:
    async with found.main.acquire() as conn:
        hold = await store.find_of_everyone(conn, hold_id=ids.parse("hld", text))
    if hold is None:
        raise OperatorError(f"There is no hold {text}. `sendigopro holds list` shows them.")
    return hold
