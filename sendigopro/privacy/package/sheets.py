"""Tables for spreadsheet programs, which take a cell that begins like a formula for one."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec

from sendigopro.foundation import ids
from sendigopro.privacy.package.model import MessageRecord

# OWASP, CSV Injection: these, and their full-width forms. An apostrophe before them makes the cell a text.
FORMULA_STARTS: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
GUARD = "'"

MESSAGE_COLUMNS = (
    "id", "created_at", "direction", "channel", "from", "to", "status", "body", "purpose", "segments", "encoding",
    "country", "send_at", "expires_at", "body_kept_until", "carrier", "callback_host", "tags", "metadata",
)  # fmt: skip
STATUS_COLUMNS = ("message_id", "part", "status", "at", "reason", "carrier", "carrier_code", "attempt")
NOTICE_COLUMNS = ("message_id", "event", "event_at", "endpoint", "at", "answer", "milliseconds", "attempt")


class Sheet:
    """Rows of one table, gathered until they become a file."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._begin()

    def _begin(self) -> None:
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text)
        self._writer.writerow(self._columns)
        self.rows = 0

    def add(self, rows: Sequence[Sequence[object]]) -> None:
        self._writer.writerows(rows)
        self.rows += len(rows)

    def take(self) -> bytes:
        """All of it, and begin again."""
        text = self._text.getvalue()
        self._begin()
        return text.encode()


def guarded(text: str | None) -> str | None:
    """A cell that no program takes for a formula."""
    return GUARD + text if text and text[0] in FORMULA_STARTS else text


def is_formula(cell: str) -> bool:
    return bool(cell) and cell[0] in FORMULA_STARTS


def message_rows(records: Iterable[MessageRecord]) -> list[Sequence[object]]:
    return [
        (
            one.id, written(one.created_at), one.direction, one.channel, guarded(one.sender), guarded(one.to),
            one.status, guarded(one.body), one.purpose, one.segments, one.encoding, one.country, written(one.send_at),
            written(one.expires_at), one.body_kept_until, one.carrier, one.callback_host,
            guarded("; ".join(one.tags)) if one.tags else "",
            msgspec.json.encode(one.metadata).decode() if one.metadata else "",
        )
        for one in records
    ]  # fmt: skip


def status_rows(records: Iterable[MessageRecord]) -> list[Sequence[object]]:
    """What became of messages; a line with a part's number is what was reported of that part alone."""
    rows: list[Sequence[object]] = []
    for one in records:
        rows += [(one.id, part.part, part.status, "", guarded(part.reason), "", "", "") for part in one.parts]
        rows += [
            (
                one.id, "", step.status, written(step.at), guarded(step.reason), step.carrier,
                guarded(step.carrier_code), step.attempt,
            )
            for step in one.history
        ]  # fmt: skip
    return rows


@lru_cache(maxsize=4096)
def written(moment: datetime | None) -> str:
    """As JSON has it."""
    return "" if moment is None else moment.isoformat().replace("+00:00", "Z")


def id_written(message_id: bytes) -> str:
    return ids.typed("msg", message_id)
