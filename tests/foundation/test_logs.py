"""Logs hold facts, and nothing about a person."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from sendigopro.foundation import logs
from sendigopro.foundation.personal import Body, Phone

SECRETS = ["+447700900123", "447700900123", "ada@example.org", "sk_test_abcDEF123", "meet me at noon"]


@pytest.fixture
def written() -> Iterator[StringIO]:
    root = logging.getLogger()
    before = root.handlers[:]
    stream = StringIO()
    logs.configure(as_json=True, stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = before


def test_facts_are_fields(written: StringIO) -> None:
    logs.get().info("message_sent", message_id="msg_01h455vb4pex5vsknk084sn02q", ms=12)

    line = json.loads(written.getvalue())
    assert (line["event"], line["message_id"], line["ms"], line["level"]) == (
        "message_sent",
        "msg_01h455vb4pex5vsknk084sn02q",
        12,
        "info",
    )


def test_what_is_personal_is_struck_out(written: StringIO) -> None:
    logs.get().warning(
        "sent to +447700900123 for ada@example.org",
        to="+447700900123",
        phone=Phone("+447700900123"),
        said=Body("meet me at noon"),
        note="number 447700900123",
        header=[b"Bearer sk_test_abcDEF123"],
        body="meet me at noon",
    )

    assert not [secret for secret in SECRETS if secret in written.getvalue()]


def test_an_error_is_told_by_type_and_place_never_by_its_words(written: StringIO) -> None:
    try:
        int("+447700900123 meet me at noon")
    except ValueError as error:
        logs.get().error("request_failed", error=error)

    line = json.loads(written.getvalue())
    assert line["error"] == "ValueError"
    assert "test_logs.py" in line["at"]
    assert not [secret for secret in SECRETS if secret in written.getvalue()]


def test_libraries_go_the_same_way(written: StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("could not serve %s", "+447700900123")

    assert json.loads(written.getvalue())["logger"] == "uvicorn.error"
    assert "+4477" not in written.getvalue()


@pytest.mark.parametrize("as_json", [True, False])
def test_an_exception_in_flight_is_told_without_values(as_json: bool) -> None:  # noqa: FBT001  # a case
    stream = StringIO()
    logs.configure(as_json=as_json, stream=stream)
    recipient = "447700900123"
    try:
        raise ValueError(f"DETAIL: Failing row contains ({recipient}).")  # noqa: TRY301  # to be in flight
    except ValueError:
        logs.get().exception("settle_failed")
    structlog.reset_defaults()

    assert "settle_failed" in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert "test_logs.py" in stream.getvalue()
    assert recipient not in stream.getvalue()
