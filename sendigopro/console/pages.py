"""Templates of the console, filled in: everything is escaped, nothing undefined passes."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

PACKAGE = Path(__file__).parents[1]


@cache
def templates() -> "Environment":
    """Made with the first page: a process that answers only the API never loads Jinja."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  # 2 MB saved until then

    folders = [PACKAGE / "console" / "templates", PACKAGE / "web" / "templates"]
    return Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(name: str, **values: Any) -> str:  # noqa: ANN401  # a template takes what it names
    """One page or fragment."""
    return templates().get_template(name).render(**values)
