"""A message as a line of a file: for a spreadsheet, in which nothing of it runs, or for a program."""

import csv
import re
from collections.abc import Iterable
from io import StringIO
from typing import Final

import msgspec

from sendigopro.messages.view import MessageObject

COLUMNS: Final = (
    "id", "created_at", "direction", "status", "reason", "to", "from", "purpose", "segments", "encoding",
    "price_micros", "currency", "send_at", "tags", "body", "metadata",
)  # fmt: skip
# What a spreadsheet would run (OWASP, "CSV Injection"), the wide forms with it. A plain number, also one of a phone
# and a masked one, runs nothing and stays as it is.
RUNS: Final = re.compile(r"[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001  # the wide forms are meant
NUMBER: Final = re.compile(r"[+-]?[0-9•]+")
MARK: Final = "\ufeff"
"""By which spreadsheets know UTF-8."""


def head(kind: str) -> bytes:
    return (MARK + line(COLUMNS)).encode() if kind == "csv" else b""


def rows(kind: str, messages: Iterable[MessageObject]) -> bytes:
    """Lines of messages, as masked as they are given."""
    if kind == "jsonl":
        return b"".join(msgspec.json.encode(one) + b"\n" for one in messages)
    return "".join(line(cells(one)) for one in messages).encode()


def cells(message: MessageObject) -> list[str]:
    given = msgspec.to_builtins(message)
    given["tags"] = " ".join(message.tags)
    given["metadata"] = msgspec.json.encode(message.metadata).decode() if message.metadata else ""
    return ["" if given.get(name) is None else str(given[name]) for name in COLUMNS]


def line(values: Iterable[str]) -> str:
    written = StringIO()
    csv.writer(written, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n").writerow([harmless(one) for one in values])
    return written.getvalue()


def harmless(value: str) -> str:
    """An apostrophe before what would be taken for a formula: a spreadsheet then shows text."""
    return f"'{value}" if RUNS.match(value) and not NUMBER.fullmatch(value) else value
