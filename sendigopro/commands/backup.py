"""`sendigopro backup`: both databases, the erasure journal and, at level bounded, a key snapshot."""

import asyncio
import json
import shutil
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Annotated, Any

import typer

from sendigopro import __version__
from sendigopro.commands import progress
from sendigopro.commands.connected import Connected, connected
from sendigopro.foundation import clock, dumps
from sendigopro.foundation.database_urls import is_embedded
from sendigopro.foundation.dumps import MANIFEST
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.privacy.journal import FILE as JOURNAL
from sendigopro.settings import Settings
from sendigopro.vault import snapshots
from sendigopro.vault.key_store import recovery_keeper
from sendigopro.vault.keys import KeyStoreError

app = typer.Typer(add_completion=False)

FORMAT = 1
KEYS = "keys"
DATABASES = ("main", "vault")  # in this order: whoever a message names is in the vault by then


@app.command()
def backup(
    folder: Annotated[
        Path, typer.Argument(help="A new folder; put it where this machine's disks cannot take it along.")
    ],
) -> None:
    """Write a backup of a running instance; `sendigopro restore` brings it back."""
    if folder.exists() and any(folder.iterdir()):
        raise OperatorError(f"{folder} is not empty: name a new folder for each backup.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    manifest = asyncio.run(back_up(folder))
    until = manifest["keys_open_until"]
    typer.echo(f"Written: {folder}")
    if until is None:
        typer.echo("It holds no keys: to restore it, the key store of this instance or a copy of it is needed.")
    else:
        typer.echo(f"Its key snapshot opens until {until}. Recovery keys stand elsewhere; never back them up.")


async def back_up(folder: Path) -> dict[str, Any]:
    """Write it into an empty folder; what the manifest says of it."""
    async with connected() as instance:
        for database in DATABASES:
            progress.say(f"Dumping {database}")
            await asyncio.to_thread(
                dumps.dump, administrator_url(instance.settings, database), folder / f"{database}.dump"
            )
        journal = instance.settings.journal_folder / JOURNAL
        if journal.exists():
            shutil.copy2(journal, folder / JOURNAL)
        until = await asyncio.to_thread(snapshot, instance, folder / KEYS)
        data_dir, made_at = instance.settings.data_dir, clock.now()
    manifest = {
        "format": FORMAT,
        "version": __version__,
        "made_at": made_at.isoformat(timespec="seconds"),
        "level": instance.settings.backup_level,
        "keys_open_until": None if until is None else until.isoformat(timespec="seconds"),
        "sha256": {name: digest(folder / name) for name in files_in(folder)},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    dumps.note_backup(data_dir, made_at)
    return manifest


def snapshot(instance: Connected, folder: Path) -> datetime | None:
    """The key snapshot of level bounded, after the databases: it knows every key they name. Until when it opens."""
    if instance.settings.backup_level != "bounded":
        return None
    progress.say("Copying the key store")
    keeper = recovery_keeper(instance.settings)
    try:
        snapshots.expire(instance.keys, keeper, now=clock.now())
        return snapshots.take_snapshot(instance.keys, keeper, folder, today=clock.today()).ends
    except KeyStoreError as error:
        raise OperatorError(str(error)) from error


def administrator_url(chosen: Settings, database: str) -> str:
    """As whoever sees every row: our own server's administrator, or the user of the address that was given."""
    url = {"main": chosen.database_url, "vault": chosen.vault_url}[database]
    return url.replace("postgresql://", "postgresql://postgres@", 1) if is_embedded(url) else url


def files_in(folder: Path) -> list[str]:
    """Names of all files of a backup but its manifest."""
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST
    )


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
