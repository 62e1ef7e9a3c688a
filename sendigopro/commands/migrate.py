"""`sendigopro migrate`: bring both databases to what this version needs."""

import asyncio

import asyncpg
import typer

from sendigopro import settings
from sendigopro.foundation import migrations, roles
from sendigopro.foundation.database_urls import is_embedded
from sendigopro.foundation.migrations import Database
from sendigopro.foundation.postgres import Conn
from sendigopro.privacy import notice_store, versions
from sendigopro.settings import Settings, SettingsError

app = typer.Typer(add_completion=False)


@app.command()
def migrate() -> None:
    """Bring both databases to what this version needs; safe to repeat and on several machines at once."""
    applied = asyncio.run(migrate_both(settings.read()))
    for name in applied:
        typer.echo(f"applied {name}")
    typer.echo("Both databases are up to date.")


async def migrate_both(chosen: Settings) -> list[str]:
    """Make the roles where they are missing, and apply what both databases lack."""
    if not (chosen.database_url and chosen.vault_url):
        raise SettingsError(
            f"There is no instance in {chosen.data_dir}: start `sendigopro up`, or set DATABASE_URL and VAULT_URL."
        )
    await prepare_server(chosen)
    urls: dict[Database, str] = {"main": chosen.database_url, "vault": chosen.vault_url}
    applied = []
    for database, url in urls.items():
        user = "owner" if is_embedded(url) else None
        conn = await asyncpg.connect(url, user=user)
        try:
            applied += [f"{database}/{name}" for name in await migrations.migrate(conn, database)]
            if database == "main":
                applied += [f"version {number} of the privacy notice" for number in await enter_notice(conn)]
        finally:
            await conn.close()
    return applied


async def enter_notice(conn: Conn) -> list[int]:
    """The versions of the notice that this version of the software brings; says which are new."""
    async with conn.transaction():
        await notice_store.act_as_owner(conn)
        return await versions.enter_missing(conn)


async def prepare_server(chosen: Settings) -> None:
    """Roles on every server; databases only on our own, a real server's administrator has made them."""
    for url in {chosen.database_url, chosen.vault_url}:
        administrator = "postgres" if is_embedded(url) else None
        conn = await asyncpg.connect(url, user=administrator, database=administrator)
        try:
            await roles.ensure_roles(conn)
            if is_embedded(url):
                await roles.ensure_databases(conn)
        finally:
            await conn.close()
