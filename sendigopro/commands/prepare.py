"""What `up` runs in a process of its own before the parts start, so that it stays small itself."""

import asyncio
import json
from collections.abc import Mapping
from uuid import UUID

import asyncpg
import typer

from sendigopro import settings
from sendigopro.accounts import people_store, staff_store
from sendigopro.accounts.first import create_first_account, put_member
from sendigopro.accounts.people import mail_mac
from sendigopro.accounts.staff import OPERATOR, put_staff
from sendigopro.channels import credentials, store
from sendigopro.channels.model import PLATFORM, Carrier, Sender
from sendigopro.commands.migrate import migrate_both
from sendigopro.console import handset_key
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn, connect_pool
from sendigopro.mail.smtp import read_sender, read_server
from sendigopro.messages.model import Channel, Mode
from sendigopro.privacy.journal import Journal
from sendigopro.privacy.journaling import catch_up
from sendigopro.settings import Settings, read_instance
from sendigopro.vault.key_store import open_key_store
from sendigopro.vault.vault import Vault

app = typer.Typer(add_completion=False)

SANDBOX = "sandbox"
SANDBOX_BINDS = 8
FIRST_SENDER = "SendiGoPro"


@app.command()
def prepare() -> None:
    """Migrate, make the first account where there is none, and print what must be remembered of it."""
    typer.echo(json.dumps(asyncio.run(prepare_instance(settings.read()))))


async def prepare_instance(chosen: Settings) -> dict[str, object]:
    """Everything a first message needs: tables, an account with keys and a sender, the sandbox carrier, a way in."""
    if chosen.sends_mail:  # what is wrong with it is said at once, and not by a worker that does not start
        read_server(chosen.smtp_url)
        read_sender(chosen.mail_from, host=chosen.hostname)
    await migrate_both(chosen)
    await refuse_older_than_journal(chosen)
    remembered = read_instance(chosen.data_dir).get("first", {})
    vault_pool = await connect_pool(chosen.vault("pipeline"), size=2, name="prepare")
    vault = Vault(vault_pool, open_key_store(chosen))
    try:
        fresh = {} if remembered.get("account_id") else await make_first_account(chosen, vault)
        account_id = ids.parse("acc", str((remembered | fresh)["account_id"]))
        member = remembered.get("member")
        if isinstance(member, dict):
            await ensure_member(chosen, vault, account_id, member)
        return fresh | {"console_url": await handset_key.address(vault, account_id, url=chosen.url)}
    finally:
        await vault.close()
        await vault_pool.close()


async def refuse_older_than_journal(chosen: Settings) -> None:
    """Databases that were restored serve nobody before what was erased since is erased in them as well."""
    main = await connect_pool(chosen.main("pipeline"), size=1, name="prepare")
    try:
        await catch_up(main, Journal(chosen.journal_folder))
    finally:
        await main.close()


async def make_first_account(chosen: Settings, vault: Vault) -> dict[str, object]:
    """An account with keys and a sender, and the sandbox carrier; what must be remembered of it."""
    conn = await asyncpg.connect(chosen.main("owner"))
    try:
        first = await create_first_account(conn, vault, currency=chosen.currency)
        async with conn.transaction():
            await set_up_sandbox(conn, vault)
            await store.add_sender(
                conn, Sender(first.account_id, ids.new(), Channel.SMS, FIRST_SENDER, is_default=True)
            )
    finally:
        await conn.close()
    return {
        "account_id": ids.typed("acc", first.account_id),
        "test_key": first.test_key,
        "live_key": first.live_key,
        "member": {"email": first.member_email, "password": first.member_password},
    }


async def ensure_member(chosen: Settings, vault: Vault, account_id: UUID, member: Mapping[str, str]) -> None:
    """Whoever was remembered as the first account's member is one, also after a migration that made people anew."""
    conn = await asyncpg.connect(chosen.main("owner"))
    try:
        async with conn.transaction():
            if not await people_store.has_members(conn, account_id=account_id):
                await put_member(conn, vault, account_id=account_id, email=member["email"], password=member["password"])
            elif not await staff_store.list_staff(conn):  # an instance from before there was a staff
                known = await people_store.find_person(conn, mail_mac=await mail_mac(vault, member["email"]))
                if known is not None:
                    await put_staff(conn, vault, person_id=known.id, role=OPERATOR)
    finally:
        await conn.close()


async def set_up_sandbox(conn: Conn, vault: Vault) -> UUID:
    """The carrier of test keys."""
    carrier_id = await store.carrier_id_of(conn, name=SANDBOX) or ids.new()
    carrier = Carrier(carrier_id, SANDBOX, "sandbox", Channel.SMS, SANDBOX_BINDS, 300, is_enabled=True)
    sealed = await credentials.seal(vault, carrier_id, credentials.read("sandbox", {}))
    await store.put_carrier(conn, carrier, credentials=sealed)
    await store.put_route(conn, account_id=PLATFORM, mode=Mode.TEST, channel=Channel.SMS, carrier_ids=[carrier_id])
    return carrier_id
