"""Tables for spreadsheet programs, which take a cell that begins like a formula for one.

Written by hand: most cells are numbers, words and times of ours, and looking at each again costs three times as much.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from sendigopro.privacy.package.model import MessageRecord

# OWASP, CSV Injection: these, and their full-width forms. An apostrophe before them makes the cell a text.
FORMULA_STARTS: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
GUARD = "'"
LINE_END = "\r\n"  # RFC 4180
_METADATA = msgspec.json.Encoder()

MESSAGE_COLUMNS = (
    "id", "created_at", "direction", "channel", "from", "to", "status", "body", "purpose", "segments", "encoding",
    "country", "send_at", "expires_at", "body_kept_until", "carrier", "callback_host", "tags", "metadata",
)  # fmt: skip
STATUS_COLUMNS = ("message_id", "part", "status", "at", "reason", "carrier", "carrier_code", "attempt")
NOTICE_COLUMNS = ("message_id", "event", "endpoint", "at", "answer", "milliseconds", "attempt")


class Sheet:
    """Rows of one table, gathered until they become a file."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._head = ",".join(columns)
        self._lines: list[str] = []
        self.rows = 0

    def add(self, lines: Sequence[str]) -> None:
        if lines:
            self._lines.append(LINE_END.join(lines))
            self.rows += len(lines)

    def take(self) -> bytes:
        """All of it, and begin again."""
        content = LINE_END.join([self._head, *self._lines, ""]).encode()
        self._lines.clear()
        self.rows = 0
        return content


def cell(text: str | None) -> str:
    """A text as a cell that no program takes for a formula, and none for two cells."""
    if not text:
        return ""
    if text[0] in FORMULA_STARTS:
        text = GUARD + text
    # Looked for one by one: four searches for a letter cost a quarter of what one for a class of letters does.
    if '"' in text:
        text = text.replace('"', '""')
        return f'"{text}"'
    return f'"{text}"' if "," in text or "\n" in text or "\r" in text else text


def remembered_cells() -> Callable[[str | None], str]:
    """`cell` for the few texts that stand in most lines. One for each package: nothing of a person outlives theirs."""
    return lru_cache(maxsize=1024)(cell)


def is_formula(written: str) -> bool:
    return bool(written) and written[0] in FORMULA_STARTS


def message_lines(records: Iterable[MessageRecord], word: Callable[[str | None], str]) -> list[str]:
    return [
        f"{one.id},{one.created_at},{one.direction},{one.channel},{word(one.sender)},{word(one.to)},{one.status},"
        f"{cell(one.body)},{one.purpose},{one.segments},{one.encoding},{word(one.country)},{one.send_at or ''},"
        f"{one.expires_at},{one.body_kept_until},{word(one.carrier)},{word(one.callback_host)},"
        f"{word('; '.join(one.tags)) if one.tags else ''},"
        f"{cell(_METADATA.encode(one.metadata).decode()) if one.metadata else ''}"
        for one in records
    ]


def status_lines(records: Iterable[MessageRecord], word: Callable[[str | None], str]) -> list[str]:
    """What became of messages; a line with a part's number is what was reported of that part alone."""
    lines: list[str] = []
    for one in records:
        message_id = one.id
        if one.parts:
            lines += [f"{message_id},{part.part},{part.status},,{word(part.reason)},,," for part in one.parts]
        lines += [
            f"{message_id},,{step.status},{step.at},{word(step.reason) if step.reason else ''},{word(step.carrier)},"
            f"{word(step.carrier_code)},{step.attempt}"
            for step in one.history
        ]
    return lines
