"""`sendigopro audit`: verify an exported audit log, offline and on any machine."""

from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sendigopro.commands.receipt import read
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.privacy.audit_log.verify import Verified
from sendigopro.privacy.audit_log.verify import verify as verify_lines
from sendigopro.privacy.receipts import read_public

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Verify exported audit logs, offline.")

File = Annotated[Path, typer.Argument(help="The log, as /v1/audit-log/export gave it.")]
Key = Annotated[Path, typer.Option("--key", help="The public key in PEM, of /v1/privacy/receipt-key.")]
Earlier = Annotated[Path | None, typer.Option(help="A log that was exported before: this one must go on from it.")]


@app.callback()
def group() -> None:
    """Make `verify` a word of its own: with one command alone it would be left out."""


@app.command()
def verify(file: File, key: Key, earlier: Earlier = None) -> None:
    """Say whether a log is whole and unchanged, or which entry is the first that is not; needs no instance."""
    public = read_public(read(key))
    before = None if earlier is None else follow(earlier, public, None)
    found = follow(file, public, before)
    typer.echo(f"GENUINE: {found.head.n:,} entries of {found.account_id}, exported {found.exported_at}")
    if found.erased:
        typer.echo(f"{found.erased:,} of them named somebody who was erased since.")


def follow(path: Path, public: Ed25519PublicKey, earlier: Verified | None) -> Verified:
    try:
        with path.open("rb") as lines:
            return verify_lines(lines, public, earlier=earlier)
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from error
