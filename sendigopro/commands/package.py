"""`sendigopro package`: everything held of one person, made into a file, looked at, or brought in from elsewhere."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import asyncpg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sendigopro.audit.model import OPERATOR, Action
from sendigopro.audit.record import record
from sendigopro.channels.directory import Directory
from sendigopro.commands.connected import Connected, connected
from sendigopro.commands.operator import account_named
from sendigopro.foundation import collector, ids
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.phones import parse_phone
from sendigopro.foundation.problems import Problem
from sendigopro.messages.model import Mode
from sendigopro.privacy.package.build import build, open_package
from sendigopro.privacy.package.check import Package
from sendigopro.privacy.package.model import Built, Manifest, OnProgress, Sources, SubjectGoneError
from sendigopro.privacy.package.receive import Places, Received, receive_package

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Hand out, check and bring in what is held of one person."
)

STDIN = "-"
LINE_BYTES_MAX = 256
EXPORTS = "exports"

Account = Annotated[str | None, typer.Option(help="Whose person: acc_…; left out: the only account.")]
IdentifierFile = Annotated[
    str, typer.Option(help="File with the person's number, - for standard input: process lists are public.")
]
Out = Annotated[Path, typer.Option(help="Where the ZIP goes; only its owner can read it.")]
File = Annotated[Path, typer.Argument(help="The package: a ZIP.")]
ModeWord = Annotated[str, typer.Option(metavar="live|test", help="Whether they were written to for real or in a test.")]


@app.command("build")
def build_one(identifier_file: IdentifierFile, out: Out, account: Account = None, mode: ModeWord = "live") -> None:
    """Make the package of one person and write it to a file."""
    number = read_identifier(identifier_file)
    with shown("Building") as on_progress:
        built = asyncio.run(make(number, out, account, mode_of(mode), on_progress))
    tell(built.manifest, f"{out} holds")


@app.command("check")
def check(file: File) -> None:
    """Say whether a package is whole and unchanged; needs no instance."""
    with Package(file) as package:
        package.check()
        tell(package.manifest, f"{file} is whole. It holds")


@app.command("import")
def bring_in(file: File, account: Account = None) -> None:
    """Put a package into an account: history, which is never sent, charged or told."""
    with shown("Importing") as on_progress:
        received = asyncio.run(receive(file, account, on_progress))
    typer.echo(f"{received.stored:,} messages stored, {received.known:,} were there already.")


async def make(number: str, out: Path, account: str | None, mode: Mode, on_progress: OnProgress) -> Built:
    """Build it sealed as a request would, then write it out in clear, and keep no second copy."""
    async with opened(account) as (instance, sources, account_id, _):
        subject = await instance.vault.find(account_id, mode, parse_phone(number))
        if subject is None:
            raise OperatorError("The account does not know this number in that mode. Nothing was made.")
        folder, request_id = instance.settings.data_dir / EXPORTS, ids.new()
        await note(instance, account_id, Action.PACKAGE_MADE, mode)
        collector.tune()
        try:
            built = await build(
                sources, account_id=account_id, mode=mode, subject_id=subject.id, request_id=request_id,
                folder=folder, on_progress=on_progress,
            )  # fmt: skip
            try:
                async with open_package(instance.vault, folder, account_id=account_id, request_id=request_id) as pieces:
                    await write_out(out, pieces)
            finally:
                built.path.unlink(missing_ok=True)
        except SubjectGoneError as error:
            raise OperatorError(str(error)) from error
        return built


async def receive(file: Path, account: str | None, on_progress: OnProgress) -> Received:
    async with opened(account) as (instance, sources, account_id, owner):
        await note(instance, account_id, Action.PACKAGE_IMPORTED)
        vault_owner = await asyncpg.connect(instance.settings.vault("owner"))
        try:
            places = Places(sources, owner, vault_owner)
            return await receive_package(places, file, account_id=account_id, on_progress=on_progress)
        finally:
            await vault_owner.close()


async def note(instance: Connected, account_id: UUID, action: Action, mode: Mode | None = None) -> None:
    """In the account's audit log, before anything is read or written: that the operator did it, not whose it is."""
    async with instance.main.acquire() as conn, conn.transaction():
        facts = {} if mode is None else {"mode": mode.name.lower()}
        await record(conn, account_id=account_id, actor=OPERATOR, action=action, facts=facts)


@asynccontextmanager
async def opened(account: str | None) -> AsyncIterator[tuple[Connected, Sources, UUID, asyncpg.Connection]]:
    """The instance, the account that is meant, and the operator's hand."""
    async with connected() as instance:
        owner = await asyncpg.connect(instance.settings.main("owner"))
        try:
            account_id = await account_named(owner, account)
            directory = Directory(instance.main)
            await directory.refresh()
            yield instance, Sources(instance.main, instance.vault_pool, instance.vault, directory), account_id, owner
        except Problem as problem:
            raise OperatorError(problem.detail) from problem
        finally:
            await owner.close()


def mode_of(word: str) -> Mode:
    if word not in ("live", "test"):
        raise OperatorError(f"There is no mode {word!r}: say live or test.")
    return Mode[word.upper()]


def read_identifier(source: str) -> str:
    """One line of a file or of standard input; never an argument, which every user of the machine could read."""
    try:
        text = sys.stdin.read(LINE_BYTES_MAX) if source == STDIN else Path(source).read_text("utf-8")[:LINE_BYTES_MAX]
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{source} cannot be read: give a file that holds one phone number.") from error
    lines = text.strip().splitlines()
    if len(lines) != 1:
        raise OperatorError("There must be one phone number in it, like +4915112345678, and nothing else.")
    return lines[0]


async def write_out(path: Path, pieces: AsyncIterator[bytes]) -> None:
    """A new file, for its owner only; one that is there is not replaced."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}. Name a new file with --out.") from error
    with os.fdopen(descriptor, "wb") as file:
        async for piece in pieces:
            file.write(piece)  # the loop serves nobody else


@contextmanager
def shown(what: str) -> Iterator[OnProgress]:
    """A bar on a terminal; silence elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def tell(manifest: Manifest, begin: str) -> None:
    counts = manifest.counts
    typer.echo(
        f"{begin} {counts.messages:,} messages, {counts.statuses:,} statuses, {counts.webhooks:,} webhook attempts.\n"
        f"Content: {manifest.content_sha256}"
    )
