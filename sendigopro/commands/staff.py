"""`sendigopro staff`: who of those who sign in runs the installation."""

import asyncio
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from sendigopro.accounts import people, people_store, staff, staff_store
from sendigopro.accounts.people import read_mail
from sendigopro.accounts.staff import OPERATOR, STAFF_ROLES
from sendigopro.commands.operator import operating
from sendigopro.foundation import ids
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Invalid
from sendigopro.vault.vault import Vault

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Who runs this installation.")

Mail = Annotated[str, typer.Argument(help="The mail address they sign in with.")]
Role = Annotated[str, typer.Option(help="operator: decides who goes live; support: looks after things.")]


@app.command()
def add(mail: Mail, role: Role = OPERATOR) -> None:
    """Let somebody see the pages of the installation, or give them another role there."""
    if role not in STAFF_ROLES:
        raise OperatorError(f"There is no role {role!r} of the staff. The roles are: {', '.join(STAFF_ROLES)}.")
    asyncio.run(put(mail, role))
    typer.echo(f"{mail} is of the staff, as {role}.")


async def put(mail: str, role: str) -> None:
    async with operating() as (conn, vault):
        await staff.put_staff(conn, vault, person_id=await person_named(conn, vault, mail), role=role)


@app.command()
def remove(mail: Mail) -> None:
    """Their next request for a page of the installation, or of an account that let them in, is refused."""
    asyncio.run(take_out(mail))
    typer.echo(f"{mail} is of the staff no more.")


async def take_out(mail: str) -> None:
    async with operating() as (conn, vault):
        await staff.remove_staff(conn, vault, person_id=await person_named(conn, vault, mail))


@app.command("list")
def list_all() -> None:
    """Show who is of the staff, under the ids by which audit logs name them."""
    table = Table("Staff", "Mail", "Name", "Role", "Since")
    for row in asyncio.run(rows()):
        table.add_row(*row)
    Console().print(table)


async def rows() -> list[list[str]]:
    async with operating() as (conn, vault):
        found = []
        for person_id, role, added_at in await staff_store.list_staff(conn):
            stored = await people_store.read_person(conn, person_id=person_id)
            if stored is not None:
                person = await people.opened(vault, stored)
                since = added_at.date().isoformat()
                found.append([ids.typed("stf", person_id), person.mail, person.name, role, since])
        return found


async def person_named(conn: Conn, vault: Vault, mail: str) -> UUID:
    try:
        mac = await people.mail_mac(vault, read_mail(mail))
    except Invalid as problem:
        raise OperatorError(problem.detail) from problem
    known = await people_store.find_person(conn, mail_mac=mac)
    if known is None:
        raise OperatorError("Nobody signs in with this address. Let them in first: `sendigopro members add`.")
    return known.id
