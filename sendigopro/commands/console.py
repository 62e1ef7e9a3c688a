"""`sendigopro console`: a fresh address that opens the console in a browser."""

import asyncio
from typing import Annotated
from uuid import UUID

import typer

from sendigopro.commands.connected import connected
from sendigopro.commands.senders import account_of
from sendigopro.console import handset_key

app = typer.Typer(add_completion=False)


@app.command("console")
def console(account: Annotated[str, typer.Option(help="The account (acc_…); left out: the first one.")] = "") -> None:
    """Print an address that opens the console in a browser; it is good for 30 days."""
    typer.echo(asyncio.run(make_address(account_of(account))))


async def make_address(account_id: UUID) -> str:
    async with connected() as instance:
        return await handset_key.address(instance.vault, account_id, url=instance.settings.url)
