"""The record of processing as a page that stands alone: no script, no request."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def record_page(record: Mapping[str, object]) -> str:
    return ENVIRONMENT.get_template("record.html").render(record=record) + "\n"
