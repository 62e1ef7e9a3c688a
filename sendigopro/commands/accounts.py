"""`sendigopro accounts`: make and list accounts, pay in, and set how far they may go."""

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sendigopro.accounts import store
from sendigopro.accounts.create import create_account, name_of
from sendigopro.accounts.networks import set_networks
from sendigopro.audit.model import BY_OPERATOR
from sendigopro.commands.operator import account_named, operating
from sendigopro.foundation import ids
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.ledger import store as ledger
from sendigopro.ledger.store import Credit

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make and list accounts, pay in, set limits.")

MICROS = 1_000_000
AMOUNT_MAX = Decimal(1_000_000_000)
NO_LIMIT = "none"

Name = Annotated[str, typer.Argument(help="What the business is called; kept sealed.")]
Currency = Annotated[str, typer.Option(help="ISO 4217: EUR, USD, …")]
Account = Annotated[str, typer.Argument(help="Its id: acc_….")]
Amount = Annotated[str, typer.Argument(help="In the account's currency: 12.50.")]
Reference = Annotated[str, typer.Option(help="What the ledger says of it; nothing personal.")]
Limit = Annotated[str, typer.Argument(help="How far below zero the balance may go: 0, 100, …; `none`: no limit.")]


@app.command()
def create(name: Name, currency: Currency = "EUR") -> None:
    """Make an account. It has no key yet: `sendigopro keys create --account acc_…`."""
    typer.echo(asyncio.run(make(name, currency)))


async def make(name: str, currency: str) -> str:
    async with operating() as (conn, vault):
        account_id = await create_account(conn, vault, name=name, currency=currency)
        if account_id is None:
            raise OperatorError("The account was not made.")
        return ids.typed("acc", account_id)


@app.command("allow-any")
def allow_any(account: Account) -> None:
    """Open an account's console from any network again, when its members have locked themselves out."""
    asyncio.run(lift_networks(account))
    typer.echo("The console of this account opens from anywhere.")


async def lift_networks(account: str) -> None:
    async with operating() as (conn, vault):
        account_id = await account_named(conn, account)
        await set_networks(conn, vault, account_id=account_id, networks=[], peer=None, by=BY_OPERATOR)


@app.command("list")
def list_all() -> None:
    """Show all accounts with their keys and credit."""
    table = Table("Account", "Name", "Keys", "Balance", "Held", "Limit", "Since")
    for row in asyncio.run(rows()):
        table.add_row(*row)
    Console().print(table)


async def rows() -> list[list[str]]:
    async with operating() as (conn, vault):
        return [
            [
                ids.typed("acc", one.id),
                await name_of(vault, one.id, one.name),
                str(one.keys),
                written(one.balance_micros, one.currency),
                written(one.held_micros, one.currency),
                NO_LIMIT if one.limit_micros is None else written(one.limit_micros, one.currency),
                one.created_at.date().isoformat(),
            ]
            for one in await store.list_accounts_of_everyone(conn)
        ]


@app.command("top-up")
def top_up(account: Account, amount: Amount, reference: Reference = "paid in by the operator") -> None:
    """Raise an account's balance, and write it into the ledger."""
    typer.echo(told(asyncio.run(pay_in(account, micros_of(amount), reference))))


async def pay_in(account: str, amount_micros: int, reference: str) -> Credit | None:
    if amount_micros == 0:
        raise OperatorError("Nothing to pay in: give an amount above 0.")
    async with operating() as (conn, _):
        account_id = await account_named(conn, account)
        return await ledger.pay_in(conn, account_id=account_id, amount_micros=amount_micros, reference=reference)


@app.command()
def limit(account: Account, limit: Limit) -> None:
    """Say how far below zero the balance may go; what is accepted is then held until it is charged."""
    wanted = None if limit == NO_LIMIT else micros_of(limit)
    typer.echo(told(asyncio.run(set_limit(account, wanted))))


async def set_limit(account: str, limit_micros: int | None) -> Credit | None:
    async with operating() as (conn, _):
        return await ledger.set_limit(conn, account_id=await account_named(conn, account), limit_micros=limit_micros)


def micros_of(text: str) -> int:
    """`12.5` → 12,500,000; refused where a micro would be cut in pieces."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= AMOUNT_MAX or amount * MICROS % 1:
        raise OperatorError(f"{text!r} is not an amount: write it like 12.50, with at most six decimals.")
    return int(amount * MICROS)


def written(micros: int, currency: str) -> str:
    whole = f"{Decimal(micros) / MICROS:.6f}".rstrip("0")
    return f"{whole if len(whole.partition('.')[2]) > 1 else f'{Decimal(micros) / MICROS:.2f}'} {currency}"


def told(credit: Credit | None) -> str:
    if credit is None:
        raise OperatorError("The account has no purse.")
    limit_text = NO_LIMIT if credit.limit_micros is None else written(credit.limit_micros, credit.currency)
    return (
        f"balance {written(credit.balance_micros, credit.currency)}, "
        f"held {written(credit.held_micros, credit.currency)}, limit {limit_text}"
    )
