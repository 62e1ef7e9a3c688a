"""Logs: facts as fields, JSON for machines and columns for people, and a guard against personal data.

What is personal has types that cannot be printed (`personal.py`). The guard is the second line: a field that is
named like a person's, or looks like a phone number or a mail address, is struck out before it is written.
"""

import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor

STRUCK = "<struck>"
# Names that only ever hold what belongs to a person, or opens a door.
NEVER = frozenset({
    "authorization", "body", "callback_url", "code", "cookie", "credentials", "email", "from", "key", "metadata",
    "msisdn", "number", "password", "phone", "recipient", "secret", "sender", "subject", "tags", "text", "to",
    "token", "url", "variables",
})  # fmt: skip
ADDRESS = re.compile(
    r"\+\d{7,15}\b|(?<![\w.:-])\d{10,15}(?![\w-])|[\w.+-]+@[\w-]+\.[\w.]+|\bsk_(?:test|live)_\w+|\bwhsec_\S+"
)

get = structlog.get_logger


def configure(*, as_json: bool, level: str = "info", stream: TextIO | None = None, name: str = "") -> None:
    """Set up logging of the process; libraries that log through `logging` go the same way."""
    level_number = logging.getLevelNamesMapping()[level.upper()]
    out = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        describe_error,
        strike_personal,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=out.isatty())
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level_number),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    if name:
        structlog.contextvars.bind_contextvars(process=name)
    logging.basicConfig(level=max(level_number, logging.WARNING), handlers=[Forward()], force=True)


class Forward(logging.Handler):
    """Hand on what libraries log: their logger's name, the message without its arguments' personal parts."""

    def emit(self, record: logging.LogRecord) -> None:
        log: FilteringBoundLogger = get()
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = record.exc_info[1]
        log.log(record.levelno, record.getMessage(), **fields)


def describe_error(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Turn `error=exception` and `log.exception` into what may be told of it; a traceback would show values."""
    in_flight = event.pop("exc_info", None)
    error = event.get("error")
    if in_flight and not isinstance(error, BaseException):
        error = in_flight if isinstance(in_flight, BaseException) else sys.exc_info()[1]
    if isinstance(error, BaseException):
        event.update(told(error))
    return event


def told(error: BaseException) -> dict[str, str]:
    """An exception's type and the places it went through, never its message.

    Messages of libraries quote values (PostgreSQL's DETAIL, msgspec's "Invalid value '…'"), so they stay out.
    """
    fields = {"error": type(error).__qualname__, "at": " < ".join(places_of(error))}
    if error.__cause__ is not None:
        fields["cause"] = type(error.__cause__).__qualname__
    return fields


def places_of(error: BaseException, *, most: int = 6) -> Iterable[str]:
    """File, line and function of the innermost frames, innermost first; no source lines, no values."""
    frames: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return reversed(frames[-most:])


def strike_personal(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Strike out what must not be in a log."""
    for name, value in event.items():
        if name in NEVER:
            event[name] = STRUCK
        elif isinstance(value, str) and name != "timestamp":
            event[name] = ADDRESS.sub(STRUCK, value)
        elif isinstance(value, bytes | list | tuple | dict | set):
            event[name] = ADDRESS.sub(STRUCK, repr(value))
    return event
