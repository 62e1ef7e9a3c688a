"""Make docs/privacy anew from the migrations of this working copy, on a server of its own.

    .venv/bin/python -m tests.privacy.catalogue.regenerate

The same as `sendigopro catalogue write docs/privacy` does of an installation that has no settings of its own.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path

import asyncpg

from sendigopro.foundation.embedded import EmbeddedServer, Tuning
from sendigopro.privacy import outputs
from sendigopro.privacy.catalogue.model import Column
from sendigopro.privacy.catalogue.store import read_columns
from sendigopro.settings import Settings
from tests.databases import migrate_both

FOLDER = Path(__file__).parents[3] / "docs" / "privacy"
UNSET = Settings(data_dir=Path())
"""What is committed names no operator."""


async def migrated_columns(server: EmbeddedServer) -> list[Column]:
    """What both databases of a server say of themselves."""
    main = await asyncpg.connect(server.url("main"), user="pipeline")
    vault = await asyncpg.connect(server.url("vault"), user="pipeline")
    try:
        return await read_columns(main, vault)
    finally:
        await main.close()
        await vault.close()


async def of_a_fresh_server() -> list[Column]:
    folder = Path(tempfile.mkdtemp(prefix="sendigopro-catalogue-"))
    server = EmbeddedServer(folder, Tuning(is_durable=False))
    try:
        await server.start()
        await migrate_both(server)
        return await migrated_columns(server)
    finally:
        await server.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    outputs.write(FOLDER, asyncio.run(of_a_fresh_server()), UNSET)
