"""The live catalogue of two migrated databases."""

import asyncpg
import pytest

from sendigopro.foundation.embedded import EmbeddedServer
from sendigopro.privacy.catalogue.model import Column
from sendigopro.privacy.catalogue.store import read_columns


@pytest.fixture
async def columns(server: EmbeddedServer, templates: None) -> list[Column]:  # noqa: ARG001  # it migrates
    """What both databases say of themselves; read from the templates, which nobody changes."""
    main = await asyncpg.connect(server.url("main"), user="pipeline")
    vault = await asyncpg.connect(server.url("vault"), user="pipeline")
    try:
        return await read_columns(main, vault)
    finally:
        await main.close()
        await vault.close()
