"""What `up` runs in a process of its own before the parts start, so that it stays small itself."""

import asyncio
import json

import typer

from sendigopro import settings
from sendigopro.commands.migrate import migrate_both
from sendigopro.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def prepare() -> None:
    """Migrate, make the first account where there is none, and print what must be remembered of it."""
    typer.echo(json.dumps(asyncio.run(prepare_instance(settings.read()))))


async def prepare_instance(chosen: Settings) -> dict[str, object]:
    await migrate_both(chosen)
    return {}
