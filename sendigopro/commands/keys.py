"""`sendigopro keys`: make, list and revoke API keys."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sendigopro.accounts import keys, store
from sendigopro.accounts.model import DEFAULT_PURPOSE, MODES, PURPOSES, SCOPES, ListedKey
from sendigopro.commands.operator import account_named, operating
from sendigopro.foundation import ids
from sendigopro.foundation.operator_errors import OperatorError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make, list and revoke API keys.")

MODE_NAMES = {value: name for name, value in MODES.items()}

Account = Annotated[str | None, typer.Option(help="Whose: acc_…; may be left out where there is one account.")]
ModeName = Annotated[str, typer.Option("--mode", help="test (to the sandbox, never out) or live.")]
Scopes = Annotated[
    list[str] | None, typer.Option("--scope", help=f"May be repeated; all by default: {' '.join(SCOPES)}.")
]
Purpose = Annotated[str, typer.Option(help=f"What its messages are for: {' '.join(PURPOSES)}.")]
Rate = Annotated[int | None, typer.Option(min=1, help="Requests a second; the account's when left out.")]
Key = Annotated[str, typer.Argument(help="The key's id: key_….")]


@app.command()
def create(
    account: Account = None,
    mode: ModeName = "test",
    scopes: Scopes = None,
    purpose: Purpose = DEFAULT_PURPOSE,
    rate_per_second: Rate = None,
) -> None:
    """Make a key and print it: the one time it can be read."""
    if mode not in MODES:
        raise OperatorError(f"There is no mode {mode!r}: a key is test or live.")
    typer.echo(asyncio.run(make(account, MODES[mode], scopes or [*SCOPES], purpose=purpose, rate=rate_per_second)))


async def make(account: str | None, mode: int, scopes: list[str], *, purpose: str, rate: int | None) -> str:
    async with operating() as (conn, _):
        account_id = await account_named(conn, account)
        new = await keys.create_key(
            conn, account_id=account_id, mode=mode, scopes=scopes, purpose=purpose, rate_per_second=rate
        )
    return new.token


@app.command("list")
def list_all(account: Account = None) -> None:
    """Show an account's keys; their text is not kept and cannot be shown."""
    table = Table("Key", "Ends in", "Mode", "Purpose", "Scopes", "Last used", "State")
    for one in asyncio.run(listed(account)):
        table.add_row(
            ids.typed("key", one.id),
            one.last4,
            MODE_NAMES[one.mode],
            one.purpose,
            "all" if len(one.scopes) == len(SCOPES) else " ".join(one.scopes),
            "never" if one.last_used_at is None else f"{one.last_used_at:%Y-%m-%d %H:%M}",
            "in use" if one.revoked_at is None else f"revoked {one.revoked_at:%Y-%m-%d}",
        )
    Console().print(table)


async def listed(account: str | None) -> list[ListedKey]:
    async with operating() as (conn, _):
        return await store.list_keys(conn, account_id=await account_named(conn, account))


@app.command()
def revoke(key: Key, account: Account = None) -> None:
    """Let a key open nothing more, at once."""
    asyncio.run(take_away(account, key))
    typer.echo(f"{key} is revoked.")


async def take_away(account: str | None, key: str) -> None:
    async with operating() as (conn, _):
        account_id = await account_named(conn, account)
        await keys.revoke_key(conn, account_id=account_id, key_id=ids.parse("key", key))
