"""Every file that is made from the catalogue. The same catalogue and settings give the same bytes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from sendigopro.privacy import plans
from sendigopro.privacy.catalogue.map import map_of
from sendigopro.privacy.catalogue.model import CatalogueError, Column, coverage
from sendigopro.privacy.catalogue.notice_tables import as_markdown, notice_tables
from sendigopro.privacy.catalogue.picture import picture
from sendigopro.privacy.catalogue.record import record_of
from sendigopro.privacy.catalogue.record_page import record_page
from sendigopro.settings import Settings

MADE = "Made from what the columns of both databases say they hold, by `sendigopro catalogue write`. Do not edit."


def outputs(columns: Sequence[Column], chosen: Settings) -> Mapping[str, str]:
    """Text by file name; `CatalogueError` when a column says nothing, or map and plans do not fit."""
    if silent := coverage(columns).silent:
        raise CatalogueError(f"These columns do not say what they hold: {', '.join(silent)}. Annotate them first.")
    record = record_of(columns, chosen)
    return {
        "notice-tables.md": f"# What is held\n\n{MADE}\n\n{as_markdown(notice_tables(columns))}",
        "record.json": as_json(record),
        "record.html": record_page(record),
        "map.json": as_json(map_of(columns)),
        "map.svg": picture(columns),
        "plans.md": plans.as_markdown(columns),
    }


def as_json(words: Mapping[str, object]) -> str:
    return json.dumps(words, indent=1, ensure_ascii=False) + "\n"


def write(folder: Path, columns: Sequence[Column], chosen: Settings) -> list[str]:
    """Write them all; returns the names of those that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, content in outputs(columns, chosen).items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")
            changed.append(name)
    return changed
