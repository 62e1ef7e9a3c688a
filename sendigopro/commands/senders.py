"""`sendigopro senders`: who an account's messages may come from."""

import asyncio
import os
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from sendigopro.audit.model import BY_OPERATOR
from sendigopro.channels import store
from sendigopro.channels.model import Sender
from sendigopro.channels.senders import put_sender, seal_value
from sendigopro.commands.connected import connected
from sendigopro.foundation import ids
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.messages.model import Channel
from sendigopro.settings import data_dir_of, read_instance

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Who an account's messages may come from.")

Account = Annotated[str, typer.Option(help="The account (acc_…); left out: the first one.")]
Value = Annotated[str, typer.Argument(help="A number, a short code, or up to 11 letters and digits.")]
Default = Annotated[bool, typer.Option("--default", help="Messages that name no sender come from this one.")]
LENGTH_MAX = 21  # SMPP 3.4 §5.2.8: source_addr has 20 octets and a NUL


@app.command("add")
def add(value: Value, account: Account = "", *, default: Default = False) -> None:
    """Let an account send as somebody."""
    if not 1 <= len(value) < LENGTH_MAX or not value.isprintable():
        raise OperatorError(f"{value!r} is no sender: use 1 to {LENGTH_MAX - 1} printable characters.")
    asyncio.run(add_sender(account_of(account), value, is_default=default))
    typer.echo(f"Messages may come from {value} now.")


async def add_sender(account_id: UUID, value: str, *, is_default: bool) -> None:
    """Write it, and tell the running processes."""
    sender = Sender(account_id, ids.new(), Channel.SMS, value, is_default=is_default)
    async with connected() as instance:
        beside = await seal_value(instance.vault, sender)
        async with instance.main.acquire() as conn, conn.transaction():
            await put_sender(conn, sender, by=BY_OPERATOR, beside=beside)


@app.command("list")
def list_senders(account: Account = "") -> None:
    """Show an account's senders."""
    table = Table("Sender", "Channel", "Default")
    for sender in asyncio.run(read_all(account_of(account))):
        table.add_row(sender.value, Channel(sender.channel).name.lower(), "yes" if sender.is_default else "")
    Console().print(table)


async def read_all(account_id: UUID) -> list[Sender]:
    async with connected() as instance, instance.main.acquire() as conn:
        return await store.read_senders(conn, account_id=account_id)


def account_of(text: str) -> UUID:
    """The account that was named, or the first one of this instance."""
    named = text or read_instance(data_dir_of(os.environ)).get("first", {}).get("account_id")
    if not named:
        raise OperatorError("Name the account with --account acc_…; `sendigopro accounts list` shows them.")
    return ids.parse("acc", str(named))
