"""`sendigopro routes`: which carriers messages take."""

import asyncio
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from sendigopro.channels import store
from sendigopro.channels.model import PLATFORM
from sendigopro.commands.connected import connected
from sendigopro.foundation import ids
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.messages.model import Channel, Mode

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Which carriers messages take.")

ChannelName = Annotated[str, typer.Argument(help="The channel: sms.")]
Names = Annotated[str, typer.Argument(help="Carriers, best first, with commas between them.")]
Account = Annotated[str, typer.Option(help="Only for this account (acc_…); left out: for everybody.")]
Test = Annotated[bool, typer.Option("--test", help="The route of test keys instead of live ones.")]


@app.command("set")
def set_route(channel: ChannelName, carriers: Names, account: Account = "", *, test: Test = False) -> None:
    """Choose the carriers of a channel."""
    account_id = ids.parse("acc", account) if account else PLATFORM
    names = [name.strip() for name in carriers.split(",") if name.strip()]
    asyncio.run(put_route(channel, names, account_id=account_id, mode=Mode.TEST if test else Mode.LIVE))
    typer.echo(f"{'Test' if test else 'Live'} {channel} goes to {', then '.join(names)}.")


async def put_route(channel: str, names: list[str], *, account_id: UUID, mode: Mode) -> None:
    """Write a route of carriers by name, and tell the running processes."""
    if channel.upper() not in Channel.__members__:
        raise OperatorError(f"There is no channel {channel!r}. Known: {', '.join(c.name.lower() for c in Channel)}.")
    async with connected() as instance, instance.main.acquire() as conn:
        known = {carrier.name: carrier.id for carrier in await store.read_carriers(conn)}
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise OperatorError(f"There is no carrier {', '.join(unknown)}; `sendigopro carriers list` shows them.")
        await store.put_route(
            conn,
            account_id=account_id,
            mode=mode,
            channel=Channel[channel.upper()],
            carrier_ids=[known[name] for name in names],
        )
        await store.notify_config(conn)


@app.command("list")
def list_routes() -> None:
    """Show the routes that are set."""
    table = Table("Account", "Keys", "Channel", "Carriers")
    for row in asyncio.run(read_rows()):
        table.add_row(*row)
    Console().print(table)


async def read_rows() -> list[tuple[str, str, str, str]]:
    async with connected() as instance, instance.main.acquire() as conn:
        names = {carrier.id: carrier.name for carrier in await store.read_carriers(conn)}
        routes = await store.read_routes_of_everyone(conn)
    return [
        (
            "everybody" if account_id == PLATFORM else ids.typed("acc", account_id),
            "live" if mode == Mode.LIVE else "test",
            Channel(channel).name.lower(),
            ", ".join(names.get(carrier_id, "(removed)") for carrier_id in carrier_ids),
        )
        for (account_id, mode, channel), carrier_ids in sorted(routes.items(), key=lambda one: one[0][0].int)
    ]
