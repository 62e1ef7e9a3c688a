"""`sendigopro catalogue`: what the columns say they hold, and what is made from it."""

import asyncio
import json
from contextlib import AsyncExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import asyncpg
import typer

from sendigopro import settings
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.postgres import CONNECTION_LOST
from sendigopro.privacy import outputs, plans
from sendigopro.privacy.catalogue import model
from sendigopro.privacy.catalogue.map import map_of
from sendigopro.privacy.catalogue.model import Column
from sendigopro.privacy.catalogue.notice_tables import as_data, as_html, as_markdown, notice_tables
from sendigopro.privacy.catalogue.picture import picture
from sendigopro.privacy.catalogue.record import record_of
from sendigopro.privacy.catalogue.record_page import record_page
from sendigopro.privacy.catalogue.store import read_columns
from sendigopro.settings import Settings

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="What every column says it holds, and what is made from it."
)


class RecordFormat(StrEnum):
    JSON = "json"
    HTML = "html"


class MapFormat(StrEnum):
    SVG = "svg"
    JSON = "json"


class TableFormat(StrEnum):
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


@app.command("coverage")
def coverage() -> None:
    """Say how many columns say what they hold; exits with 1 when it is not every one."""
    counted = model.coverage(live_columns(settings.read()))
    typer.echo(f"{counted.annotated} of {counted.columns} columns say what they hold: {counted.percent}")
    for name in counted.silent:
        typer.echo(f"nothing is said of {name}: give it a profile, in a migration", err=True)
    if not counted.is_full:
        raise typer.Exit(1)


@app.command("notice")
def notice(chosen_format: Annotated[TableFormat, typer.Option("--format")] = TableFormat.MARKDOWN) -> None:
    """Print the tables of the public notice."""
    rows = notice_tables(live_columns(settings.read()))
    match chosen_format:
        case TableFormat.MARKDOWN:
            text = as_markdown(rows)
        case TableFormat.HTML:
            text = as_html(rows) + "\n"
        case TableFormat.JSON:
            text = json.dumps(as_data(rows), indent=1, ensure_ascii=False) + "\n"
    typer.echo(text, nl=False)


@app.command("record")
def record(chosen_format: Annotated[RecordFormat, typer.Option("--format")] = RecordFormat.JSON) -> None:
    """Print the record of processing activities, GDPR 30."""
    chosen = settings.read()
    words = record_of(live_columns(chosen), chosen)
    text = record_page(words) if chosen_format is RecordFormat.HTML else outputs.as_json(words)
    typer.echo(text, nl=False)


@app.command("map")
def data_map(chosen_format: Annotated[MapFormat, typer.Option("--format")] = MapFormat.SVG) -> None:
    """Print the map of the data: stores, flows, recipients."""
    columns = live_columns(settings.read())
    text = picture(columns) if chosen_format is MapFormat.SVG else outputs.as_json(map_of(columns))
    typer.echo(text, nl=False)


@app.command("plans")
def print_plans() -> None:
    """Print what is handed out and erased of each column about somebody."""
    typer.echo(plans.as_markdown(live_columns(settings.read())), nl=False)


@app.command("write")
def write(folder: Annotated[Path, typer.Argument(help="Where to; docs/privacy in the repository.")]) -> None:
    """Make every file anew."""
    chosen = settings.read()
    for name in outputs.write(folder, live_columns(chosen), chosen):
        typer.echo(f"changed {folder / name}")
    typer.echo("Everything is as the catalogue says.")


def live_columns(chosen: Settings) -> list[Column]:
    """What both databases say now; reads no row of any table."""
    if not (chosen.database_url and chosen.vault_url):
        raise OperatorError(
            f"There is no instance in {chosen.data_dir}: start `sendigopro up`, or set DATABASE_URL and VAULT_URL."
        )
    columns = asyncio.run(read_both(chosen))
    if not columns:
        raise OperatorError("The databases have no tables yet: run `sendigopro migrate`.")
    return columns


async def read_both(chosen: Settings) -> list[Column]:
    try:
        async with AsyncExitStack() as opened:
            main = await asyncpg.connect(chosen.main("pipeline"))
            opened.push_async_callback(main.close)
            vault = await asyncpg.connect(chosen.vault("pipeline"))
            opened.push_async_callback(vault.close)
            return await read_columns(main, vault)
    except CONNECTION_LOST as error:
        raise OperatorError(
            f"PostgreSQL of the instance in {chosen.data_dir} does not answer: is it running?"
        ) from error
