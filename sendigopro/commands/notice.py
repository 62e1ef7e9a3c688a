"""`sendigopro notice`: publish the privacy notice's next version, or note that it was reviewed."""

import asyncio
from typing import Annotated

import typer

from sendigopro.commands.connected import connected
from sendigopro.foundation import clock
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.privacy import annotations, body, notice, versions
from sendigopro.privacy.versions import ChangeClass, Cover

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def main() -> None:
    """Publish the privacy notice, in a checkout of the source."""


@app.command()
def publish(
    change: Annotated[ChangeClass, typer.Option(help="How much it changes for people.")],
    difference: Annotated[str, typer.Option(help="What changed, in a sentence.")],
) -> None:
    """Write the texts of privacy/notice.yaml down as the next version."""
    published = versions.read()
    used = asyncio.run(read_covers())
    newest = published.newest
    if newest and body.write(notice.read()) == newest.body and not versions.gaps(used, newest.covers):
        raise OperatorError(f"Nothing has changed since version {newest.number}.")
    covers = versions.together(newest.covers, used) if newest else used
    version = versions.publish(versions.FOLDER, change_class=change, difference=difference, covers=covers)
    typer.echo(f"Version {version.number} takes effect on {version.effective_at:%d %B %Y}.")
    typer.echo("Commit privacy/notices, and pin the hash in tests/privacy/test_notice_versions.py.")


async def read_covers() -> Cover:
    """The words that the columns of the running instance use."""
    async with connected() as instance:
        async with instance.main.acquire() as conn:
            columns = await annotations.read_columns(conn, "main")
        columns += await annotations.read_columns_of(instance.settings.vault("pipeline"), "vault")
    return versions.cover_of(annotations.annotations_of(columns))


@app.command()
def review() -> None:
    """Note that the notice was read today and found true."""
    versions.review(versions.FOLDER, clock.today())
    typer.echo("Noted. The next review is due within a year.")
