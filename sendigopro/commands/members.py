"""`sendigopro members`: who may sign in to an account, for whoever runs the installation."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sendigopro.accounts import passkey_store, people, people_store
from sendigopro.accounts.member_log import forget_member, note_member
from sendigopro.accounts.passwords import hash_password
from sendigopro.accounts.people import ROLES, put_person, read_mail, read_name
from sendigopro.accounts.people_store import StoredPerson
from sendigopro.audit.model import Action
from sendigopro.commands.operator import account_named, operating
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Invalid
from sendigopro.foundation.randomness import token

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Who may sign in to an account.")

PASSWORD_LENGTH = 20

Account = Annotated[str | None, typer.Option(help="Which: acc_…; needed when there are several.")]
Mail = Annotated[str, typer.Argument(help="Their mail address; kept sealed.")]
Name = Annotated[str, typer.Option(help="Their name; kept sealed.")]
Role = Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")]


@app.command()
def add(mail: Mail, name: Name, account: Account = None, role: Role = "viewer") -> None:
    """Let somebody in, or give them another role; prints a first password, once. Who has one keeps it."""
    password = asyncio.run(put(account, mail, name, role))
    typer.echo(f"{mail} may sign in as {role}.")
    if password is not None:
        typer.echo(f"First password, to be changed at /console/security: {password}")


async def put(account: str | None, mail: str, name: str, role: str) -> str | None:
    if role not in ROLES:
        raise OperatorError(f"There is no role {role!r}. The roles are: {', '.join(ROLES)}.")
    try:
        mail, name = read_mail(mail), read_name(name)
    except Invalid as problem:
        raise OperatorError(problem.detail) from problem
    async with operating() as (conn, vault):
        account_id = await account_named(conn, account)
        async with conn.transaction():
            known = await people_store.find_person(conn, mail_mac=await people.mail_mac(vault, mail))
            password = None if known is not None and await has_credential(conn, known) else token(PASSWORD_LENGTH)
            person_id = await put_person(conn, vault, mail=mail, name=name, password=password)
            was_member = await people_store.role_of(conn, account_id=account_id, person_id=person_id) is not None
            await people_store.upsert_member(conn, account_id=account_id, person_id=person_id, role=role)
            await note_member(
                conn, vault, Action.MEMBER_CHANGED if was_member else Action.MEMBER_ADDED, account_id=account_id,
                person_id=person_id, facts={"role": role}, mail=mail,
            )  # fmt: skip
    return password


async def has_credential(conn: Conn, known: StoredPerson) -> bool:
    return known.password_hash is not None or bool(await passkey_store.list_of(conn, person_id=known.id))


@app.command("new-password")
def new_password(mail: Mail) -> None:
    """Give somebody another first password, and sign them out everywhere: where no mail can bring them a link."""
    password = asyncio.run(put_password(mail))
    typer.echo(f"Their first password, to be changed at /console/security: {password}")


async def put_password(mail: str) -> str:
    password = token(PASSWORD_LENGTH)
    async with operating() as (conn, vault):
        known = await people_store.find_person(conn, mail_mac=await people.mail_mac(vault, mail.strip()))
        if known is None:
            raise OperatorError("Nobody with this address may sign in: `sendigopro members list`.")
        async with conn.transaction():
            await people_store.set_password(conn, person_id=known.id, password_hash=await hash_password(password))
            await people_store.end_sessions(conn, person_id=known.id, ids=None)
            # In one order, because each entry keeps its account's chain locked until the commit.
            for account_id, _ in sorted(await people_store.list_memberships(conn, person_id=known.id)):
                await note_member(
                    conn, vault, Action.MEMBER_SECURED, account_id=account_id, person_id=known.id,
                    facts={"what": "password_reset"},
                )  # fmt: skip
    return password


@app.command()
def remove(mail: Mail, account: Account = None) -> None:
    """Their next request is refused; who belongs to no other account is forgotten."""
    is_forgotten = asyncio.run(take_out(account, mail))
    typer.echo(f"{mail} is out{', and forgotten' if is_forgotten else ''}.")


async def take_out(account: str | None, mail: str) -> bool:
    async with operating() as (conn, vault):
        account_id = await account_named(conn, account)
        async with conn.transaction():
            known = await people_store.find_person(conn, mail_mac=await people.mail_mac(vault, mail))
            is_out = known is not None and await people_store.delete_member(
                conn, account_id=account_id, person_id=known.id
            )
            if known is None or not is_out:
                raise OperatorError("Nobody with this address belongs to the account: `sendigopro members list`.")
            is_forgotten = await people_store.delete_if_in_no_account(conn, person_id=known.id)
            if is_forgotten:
                await forget_member(conn, person_id=known.id)
            await note_member(conn, vault, Action.MEMBER_REMOVED, account_id=account_id, person_id=known.id)
            return is_forgotten


@app.command("list")
def list_all(account: Account = None) -> None:
    """Show who may sign in."""
    table = Table("Mail", "Name", "Role", "Authenticator")
    for row in asyncio.run(rows(account)):
        table.add_row(*row)
    Console().print(table)


async def rows(account: str | None) -> list[list[str]]:
    async with operating() as (conn, vault):
        account_id = await account_named(conn, account)
        found = []
        for person_id, role in await people_store.list_members(conn, account_id=account_id):
            stored = await people_store.read_person(conn, person_id=person_id)
            if stored is not None:
                person = await people.opened(vault, stored)
                found.append([person.mail, person.name, role, "on" if person.has_totp else "off"])
        return found


@app.command("end-sessions")
def end_sessions(mail: Mail) -> None:
    """Sign somebody out everywhere."""
    typer.echo(f"{asyncio.run(end_all(mail))} sign-ins ended.")


async def end_all(mail: str) -> int:
    async with operating() as (conn, vault):
        known = await people_store.find_person(conn, mail_mac=await people.mail_mac(vault, mail))
        if known is None:
            return 0
        async with conn.transaction():
            ended = await people_store.end_sessions(conn, person_id=known.id, ids=None)
            # In one order, because each entry keeps its account's chain locked until the commit.
            for account_id, _ in sorted(await people_store.list_memberships(conn, person_id=known.id)):
                await note_member(
                    conn, vault, Action.SESSION_ENDED, account_id=account_id, person_id=known.id,
                    facts={"sessions": ended},
                )  # fmt: skip
        return ended
