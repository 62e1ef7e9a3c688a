"""`sendigopro restore`: an instance out of a backup. Whoever was erased since is erased again before it serves."""

import asyncio
import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer

from sendigopro import settings
from sendigopro.commands import instance, progress
from sendigopro.commands.backup import DATABASES, FORMAT, KEYS, administrator_url, digest, files_in
from sendigopro.commands.migrate import migrate_both, prepare_server
from sendigopro.commands.privacy import replay_all
from sendigopro.foundation import dumps
from sendigopro.foundation.dumps import MANIFEST
from sendigopro.foundation.embedded import EmbeddedServer, Tuning
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.privacy.journal import FILE as JOURNAL
from sendigopro.settings import Settings
from sendigopro.vault.key_store import KEEPER_FOLDER, keeper_of, key_folders, recovery_keeper
from sendigopro.vault.keys import KeyStoreError
from sendigopro.vault.root import NAME as ROOT
from sendigopro.vault.snapshots import restore_snapshot

app = typer.Typer(add_completion=False)


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="What `sendigopro backup` wrote.")],
    journal: Annotated[
        Path | None, typer.Option(help="The newest erasure journal that there is, if it is not in its folder.")
    ] = None,
    *,
    without_later_erasures: Annotated[
        bool, typer.Option(help="The newest journal is lost: whoever was erased after the backup comes back.")
    ] = False,
) -> None:
    """Make an instance of a backup in an empty data folder, and erase again whoever was erased since."""
    chosen = settings.read()
    manifest = read_manifest(folder)
    refuse_what_is_there(chosen)
    bring_journal(chosen, folder, newest=journal, is_lost=without_later_erasures)
    bring_keys(chosen, folder, manifest)
    done = asyncio.run(bring_databases(chosen, folder))
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(done.items()) if count)
    typer.echo(f"Restored from {manifest['made_at']}. Done again from the journal: {told or 'nothing was missing'}.")
    typer.echo("Start it with `sendigopro up`; the first account gets new keys and a new password.")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Check that every file is what was written, before anything is touched."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
        listed: dict[str, str] = manifest["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OperatorError(f"{folder / MANIFEST} cannot be read: this is no whole backup.") from error
    if manifest.get("format") != FORMAT:
        raise OperatorError(f"{folder} is of format {manifest.get('format')}; this version reads {FORMAT}.")
    for name in sorted({*listed, *files_in(folder)}):
        path = folder / name
        if not path.exists() or name not in listed or digest(path) != listed[name]:
            raise OperatorError(f"{path} is missing, or is not what was backed up. Take another backup.")
    return manifest


def refuse_what_is_there(chosen: Settings) -> None:
    if chosen.database_url and not settings.read_instance(chosen.data_dir):
        raise OperatorError(
            "DATABASE_URL names a server: bring its databases back by its own means, and the newest journal and keys; "
            "then run `sendigopro privacy replay`."
        )
    if (chosen.data_dir / "postgres").exists():
        raise OperatorError(f"{chosen.data_dir} holds an instance already: name an empty folder, or move it away.")


def bring_journal(chosen: Settings, folder: Path, *, newest: Path | None, is_lost: bool) -> None:
    """The newest journal there is; the backup's own only if somebody says that no other is left."""
    place = chosen.journal_folder / JOURNAL
    if place.exists():
        return
    found = newest or (folder / JOURNAL if is_lost else None)
    if found is None:
        raise OperatorError(
            f"There is no erasure journal in {place.parent}: people who were erased after the backup would come back. "
            "Name the newest with --journal. If it is lost for good, say so with --without-later-erasures."
        )
    if not found.exists():
        if is_lost:
            return  # nobody had been erased when the backup was made
        raise OperatorError(f"There is no {found}.")
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(found, place)
    place.chmod(0o600)


def bring_keys(chosen: Settings, folder: Path, manifest: dict[str, Any]) -> None:
    """The key store that is there, or a copy of it, for they are newer; else the snapshot, while its key lives."""
    folders = key_folders(chosen)
    living = [place for place in folders if (place / ROOT).exists()]
    if living:
        if living[0] != folders[0]:
            shutil.copytree(living[0], folders[0], dirs_exist_ok=True)
            folders[0].chmod(0o700)
        return
    if not (folder / KEYS).exists():
        raise OperatorError(
            f"This backup of level {manifest['level']} holds no keys: bring the key store, or a copy of it, "
            f"to {folders[0]}."
        )
    progress.say("Opening the key snapshot")
    copied = chosen.data_dir / "snapshot"  # opening it makes files beside it, and a backup is left as it is
    try:
        shutil.copytree(folder / KEYS, copied)
        keeper = keeper_of(chosen, [place / KEEPER_FOLDER for place in folders])
        restore_snapshot(copied, recovery_keeper(chosen), into=folders, keeper=keeper).close()
    except KeyStoreError as error:
        raise OperatorError(
            f"The key snapshot does not open: its recovery key is not in {chosen.recovery_folder}, or was destroyed "
            f"after its 7 days. Without keys this backup says nothing about anybody. ({error})"
        ) from error
    finally:
        shutil.rmtree(copied, ignore_errors=True)


async def bring_databases(chosen: Settings, folder: Path) -> Counter[str]:
    """Load both, bring them to this version, and do again what the journal knows; the server is stopped at the end."""
    server = EmbeddedServer(chosen.data_dir, Tuning(chosen.shared_buffers_mb, chosen.database_connections))
    await server.start()
    try:
        chosen = replace(chosen, database_url=server.url("main"), vault_url=server.url("vault"))
        instance.write_instance(chosen, {})
        await prepare_server(chosen)
        for database in DATABASES:
            progress.say(f"Loading {database}")
            await asyncio.to_thread(dumps.load, folder / f"{database}.dump", administrator_url(chosen, database))
        await migrate_both(chosen)
        progress.say("Reading the journal")
        return await replay_all()
    except asyncpg.PostgresError as error:
        raise OperatorError(f"The databases could not be restored: {error}") from error
    finally:
        await server.stop()
