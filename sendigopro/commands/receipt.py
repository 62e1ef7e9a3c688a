"""`sendigopro receipt`: verify receipts of erasures, offline and on any machine."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.privacy import receipts

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Verify receipts of erasures, offline.")

File = Annotated[Path, typer.Argument(help="The receipt, as /v1/privacy/requests/…/receipt gave it.")]
Key = Annotated[Path, typer.Option("--key", help="The public key in PEM, of /v1/privacy/receipt-key.")]


@app.callback()
def group() -> None:
    """Make `verify` a word of its own: with one command alone it would be left out."""


@app.command()
def verify(file: File, key: Key) -> None:
    """Say whether a receipt is genuine, and what it says; needs no instance and no network."""
    receipt = receipts.verify(read(file), receipts.read_public(read(key)))
    typer.echo(f"GENUINE: {receipt['request_id']} of {receipt['account_id']}, completed {receipt['completed_at']}")
    for line in told(receipt):
        typer.echo(line)


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from error


def told(receipt: dict[str, Any]) -> list[str]:
    """What it says, a line each."""
    backups = receipt["backups"]
    until = backups["open_until"] or "none opens the person"
    return [
        f"unreadable since {receipt['unreadable_at']}",
        *(f"destroyed {one['at']} {one['store']}: {one['what']}" for one in receipt["destroyed"]),
        f"backups ({backups['level']}): {until}",
        *(f"kept: {one['what']} ({one['ground']})" for one in receipt["kept"]),
        *(f"may hold copies: {one['who']} until {one['until'] or 'unknown'}" for one in receipt["others"]),
    ]
