"""How a list of messages is narrowed in a browser: what was typed, what it means, and how it is shown. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

import msgspec

from sendigopro.foundation import clock
from sendigopro.foundation.problems import Invalid
from sendigopro.messages.listing import MessageQuery

PAGE: Final = 50
FIELDS: Final = ("status", "recipient", "tag", "direction", "from", "until")
CURSORS: Final = ("after", "before")
LABELS: Final = {
    "status": "Status", "recipient": "Number", "tag": "Tag", "direction": "Direction", "from": "From", "until": "Until",
}  # fmt: skip
CHOICES: Final = {
    "status": "There is no such status.",
    "direction": "Choose outbound or inbound.",
    "tag": "A tag has 1 to 64 characters.",
}
VALUE_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter that is on, and the query string without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What was typed, word for word; empty fields are left out."""

    values: Mapping[str, str]
    cursor: Mapping[str, str]

    def get(self, name: str) -> str:
        return self.values.get(name, "")

    @property
    def query_string(self) -> str:
        """Without the place in the list."""
        return urlencode(self.values)

    @property
    def kept(self) -> str:
        """What a saved view keeps: no number, which would outlive the person whose it is."""
        return urlencode({name: value for name, value in self.values.items() if name != "recipient"})

    @property
    def chips(self) -> list[Chip]:
        return [
            Chip(LABELS[name], value, urlencode({n: v for n, v in self.values.items() if n != name}))
            for name, value in self.values.items()
        ]

    def at(self, **cursor: str) -> str:
        """The query string of another page of the same list."""
        return urlencode({**self.values, **cursor})

    def query(self, *, limit: int = PAGE, **cursor: str) -> MessageQuery:
        """What it means; `Invalid` names the field that means nothing."""
        asked: dict[str, Any] = {name: self.values[name] for name in FIELDS[:4] if name in self.values}
        for name, words in CHOICES.items():
            check(name, asked.get(name), words)
        if "from" in self.values:
            asked["created_after"] = clock.midnight(read_day("from", self.values["from"]))
        if "until" in self.values:
            asked["created_before"] = clock.midnight(read_day("until", self.values["until"]) + timedelta(days=1))
        return msgspec.structs.replace(msgspec.convert(asked, MessageQuery), limit=limit, **(cursor or self.cursor))


def check(name: str, value: str | None, words: str) -> None:
    if value is None:
        return
    try:
        msgspec.convert({name: value}, MessageQuery)
    except msgspec.ValidationError:
        raise Invalid("invalid_filter", words, param=name) from None


def read_day(name: str, text: str) -> date:
    """A day of the calendar, as a browser's date field writes it."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not 2000 <= day.year < 2200:  # noqa: PLR2004  # what a day about messages can be
        raise Invalid("invalid_filter", "Write the day as 2026-12-31.", param=name)
    return day


def read_filter(query: bytes | str) -> Filter:
    """Leniently: what is not known here is left out, as a page does that somebody has linked to."""
    text = query.decode("latin-1") if isinstance(query, bytes) else query
    try:
        found = parse_qs(text, errors="strict", max_num_fields=50)
    except ValueError:
        found = {}
    typed = {
        name: values[0].strip()
        for name, values in found.items()
        if values[0].strip() and len(values[0]) <= VALUE_MAX and "\0" not in values[0]
    }
    number = typed.get("recipient", "")
    if number and number[0].isdigit() and not number.startswith("00"):
        typed["recipient"] = f"+{number}"  # an unescaped + has become a space, which was stripped
    return Filter(
        {name: typed[name] for name in FIELDS if name in typed},
        {name: typed[name] for name in CURSORS if name in typed},
    )
