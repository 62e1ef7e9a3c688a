"""`sendigopro carriers`: set up, list and remove carriers."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sendigopro.channels import credentials, registry, store
from sendigopro.channels.model import Carrier
from sendigopro.commands.connected import connected
from sendigopro.foundation import ids
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.problems import Problem
from sendigopro.messages.model import Channel

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Set up, list and remove carriers.")

Provider = Annotated[str, typer.Argument(help="Which provider's protocol it speaks: smpp, sandbox, …")]
Name = Annotated[str, typer.Option(help="Its name among your carriers: letters, digits, dash.")]
Binds = Annotated[int, typer.Option(min=1, max=100, help="How many connections to hold to it.")]
Wait = Annotated[int, typer.Option(min=1, help="Seconds before an unclear emergency message is sent once more.")]


@app.command("add", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def add(
    context: typer.Context, provider: Provider, name: Name, binds: Binds = 1, unclear_wait_seconds: Wait = 300
) -> None:
    """Set up a carrier, or change it: --host, --port, … are the provider's own fields."""
    typed = read_options(context.args)
    asyncio.run(add_carrier(provider, name, binds=binds, unclear_wait_seconds=unclear_wait_seconds, typed=typed))
    typer.echo(f"Carrier {name} is set up. `sendigopro routes set sms {name}` sends live messages there.")


def read_options(words: list[str]) -> dict[str, str]:
    """`--window 500 --tls` → {"window": "500", "tls": "true"}."""
    typed: dict[str, str] = {}
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("--"):
            raise OperatorError(f"{word!r} is not an option: fields are written --name value.")
        option, equals, value = word.removeprefix("--").partition("=")
        if not equals:
            value = waiting.pop(0) if waiting and not waiting[0].startswith("--") else "true"
        typed[option.replace("-", "_")] = value
    return typed


async def add_carrier(
    provider: str, name: str, *, binds: int, unclear_wait_seconds: int, typed: dict[str, str]
) -> None:
    """Check what was typed against the provider's credentials, seal it, write it and tell the workers."""
    try:
        given = credentials.read(provider, typed)
    except Problem as problem:
        raise OperatorError(problem.detail) from problem
    async with connected() as instance, instance.main.acquire() as conn:
        carrier_id = await store.carrier_id_of(conn, name=name) or ids.new()
        carrier = Carrier(carrier_id, name, provider, Channel.SMS, binds, unclear_wait_seconds, is_enabled=True)
        sealed = await credentials.seal(instance.vault, carrier_id, given)
        await store.put_carrier(conn, carrier, credentials=sealed)
        await store.notify_config(conn)


@app.command("list")
def list_carriers() -> None:
    """Show the carriers that are set up."""
    table = Table("Name", "Provider", "Binds", "Enabled")
    for carrier in asyncio.run(read_all()):
        table.add_row(carrier.name, carrier.provider, str(carrier.binds), "yes" if carrier.is_enabled else "no")
    Console().print(table)


async def read_all() -> list[Carrier]:
    async with connected() as instance, instance.main.acquire() as conn:
        return await store.read_carriers(conn)


@app.command("remove")
def remove(name: Annotated[str, typer.Argument(help="The carrier's name.")]) -> None:
    """Forget a carrier; what waits for it goes to the next one of its route."""
    if not asyncio.run(remove_carrier(name)):
        raise OperatorError(f"There is no carrier {name!r}; `sendigopro carriers list` shows them.")
    typer.echo(f"Carrier {name} is removed.")


async def remove_carrier(name: str) -> bool:
    async with connected() as instance, instance.main.acquire() as conn:
        removed = await store.remove_carrier(conn, name=name)
        await store.notify_config(conn)
        return removed


@app.command("keeps")
def keeps(
    name: Annotated[str, typer.Argument(help="The carrier's name.")],
    days: Annotated[int, typer.Argument(min=0, max=36500, help="For how many days it keeps what it transported.")],
) -> None:
    """Say how long a carrier keeps messages by its contract; receipts of erasures name it."""
    if not asyncio.run(note_term(name, days)):
        raise OperatorError(f"There is no carrier {name!r}; `sendigopro carriers list` shows them.")
    typer.echo(f"Carrier {name} keeps what it transported for {days} days.")


async def note_term(name: str, days: int) -> bool:
    async with connected() as instance, instance.main.acquire() as conn:
        return await store.note_term(conn, name=name, days=days)


@app.command("providers")
def list_providers() -> None:
    """Show the providers there are, and the fields each needs."""
    for name, provider in sorted(registry.providers().items()):
        typer.echo(f"{name}: {', '.join(provider.credentials.__dataclass_fields__) or 'nothing to set'}")
