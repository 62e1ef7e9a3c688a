"""Templates of the website, filled in: everything is escaped, nothing undefined passes."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).with_name("templates")


@cache
def templates() -> "Environment":
    """Made with the first page, as those of the console are."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  # 2 MB saved until then

    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["day"] = day
    return made


def day(moment: datetime) -> str:
    """26 November 2026."""
    return f"{moment.day} {moment:%B %Y}"


def render(name: str, **values: Any) -> str:  # noqa: ANN401  # a template takes what it names
    """One page."""
    return templates().get_template(name).render(**values)
