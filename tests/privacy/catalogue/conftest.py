"""The live catalogue of two migrated databases."""

import pytest

from sendigopro.foundation.embedded import EmbeddedServer
from sendigopro.privacy.catalogue.model import Column
from tests.privacy.catalogue.regenerate import migrated_columns


@pytest.fixture
async def columns(server: EmbeddedServer, templates: None) -> list[Column]:  # noqa: ARG001  # it migrates
    """What both databases say of themselves; read from the templates, which nobody changes."""
    return await migrated_columns(server)
