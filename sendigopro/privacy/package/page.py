"""index.html: the package for a person to read. It stands alone and asks nobody for anything."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import jinja2

from sendigopro.privacy.package.model import Data, Manifest, MessageRecord
from sendigopro.privacy.package.schema import FILES

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
STANDINGS = {
    "opted_out": "You have said stop: this account may not write to you.",
    "restricted": "Your data is kept, and not used.",
    "erased": "You asked to be forgotten: this account may not write to you.",
}
PURPOSES = {
    "otp": "one-time code",
    "transactional": "transaction",
    "service": "service",
    "marketing": "marketing",
    "emergency": "emergency",
}


def render(data: Data, manifest: Manifest, *, latest: Sequence[MessageRecord]) -> bytes:
    """`latest` are the newest messages, newest first; all of them are in the tables."""
    page = _TEMPLATES.get_template("index.html").render(
        data=data,
        manifest=manifest,
        latest=latest,
        standings=STANDINGS,
        purposes=PURPOSES,
        files=FILES,
        left_out=_by_reason(data.left_out),
    )
    return page.encode()


def _by_reason(left_out: dict[str, str]) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for column, reason in left_out.items():
        reasons.setdefault(reason, []).append(column)
    return reasons


def _day(moment: date) -> str:
    return f"{moment.day} {moment:%B %Y}"


def _moment(moment: datetime) -> str:
    return f"{_day(moment)}, {moment:%H:%M} UTC"


def _number(number: int) -> str:
    return f"{number:,}"


_TEMPLATES.filters |= {"day": _day, "moment": _moment, "number": _number}
