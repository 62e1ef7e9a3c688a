"""Bytes that are no proper request get a clear answer or a closed door, and never reach what stands behind."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from sendigopro.foundation.asgi import Receive, Scope, Send, answer, read_json_body
from sendigopro.foundation.problems import Conflict
from sendigopro.web import connection
from sendigopro.web.measures import Measures
from sendigopro.web.root import Doors, Root, nothing_here
from tests.web.serving import reply, say, serving

LIMIT = 100_000


class Echo:
    """A hot door that answers with the length of what it read."""

    def __init__(self) -> None:
        self.read: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_json_body(scope, receive, limit_bytes=LIMIT)
        self.read.append(body)
        await answer(send, 202, b'{"bytes":%d}' % len(body))


async def fails(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise RuntimeError("+447700900123 said hello")


async def conflicts(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise Conflict("too_late", "It has left.", retry_after_seconds=7)


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def port(echo: Echo) -> AsyncIterator[int]:
    doors = Doors(
        exact={"/v1/echo": {"POST": echo}, "/v1/fails": {"GET": fails}, "/v1/conflicts": {"GET": conflicts}},
        prefixes={},
        rest=nothing_here,
    )
    async with serving(Root(doors, measures=Measures())) as port:
        yield port


def post(body: bytes, *headers: bytes, target: bytes = b"/v1/echo") -> bytes:
    lines = [b"POST " + target + b" HTTP/1.1", b"Host: x", *headers]
    if not any(line.lower().startswith((b"content-length", b"transfer-encoding")) for line in headers):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked"

MALFORMED = [
    b"\x00\x01\x02\x03\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS to a plain port
    b"GET\r\n\r\n",
    b"BREW /v1/echo HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/echo HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /v1/echo HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
    b"POST /v1/echo HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
    b"POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
    b"POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    post(b"0\r\n\r\n", CHUNKED, b"Content-Length: 2"),
    post(b"0\r\n\r\n", b"Transfer-Encoding: gzip, chunked", CHUNKED),
    post(b"zz\r\n{}\r\n0\r\n\r\n", CHUNKED),
    post(b"2\r\n{}xx0\r\n\r\n", CHUNKED),
    post(b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n", CHUNKED),
    post(b"-2\r\n{}\r\n0\r\n\r\n", CHUNKED),
]


@pytest.mark.parametrize("raw", MALFORMED)
async def test_what_is_no_http_is_a_problem_with_an_id_and_a_closed_door(raw: bytes, port: int, echo: Echo) -> None:
    answered = reply(await say(port, raw, until_closed=True))

    assert answered.status == 400
    assert answered.headers["content-type"] == "application/problem+json"
    assert answered.headers["connection"] == "close"
    assert msgspec.json.decode(answered.body)["request_id"] == answered.headers["request-id"]
    assert echo.read == []


TOO_LONG = [
    (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", "target_too_long"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"a" * 40_000 + b"\r\n\r\n", "headers_too_large"),
    (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n", "headers_too_large"),
]


@pytest.mark.parametrize(("raw", "code"), TOO_LONG)
async def test_a_head_too_long_is_431(raw: bytes, code: str, port: int) -> None:
    answered = reply(await say(port, raw, until_closed=True))

    assert (answered.status, msgspec.json.decode(answered.body)["code"]) == (431, code)


async def test_a_body_in_chunks_and_drops_is_read_whole(port: int, echo: Echo) -> None:
    raw = post(b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", CHUNKED)

    answered = reply(await say(port, *(raw[n : n + 1] for n in range(len(raw)))))

    assert (answered.status, answered.body, echo.read) == (202, b'{"bytes":2}', [b"{}"])


async def test_a_length_longer_than_the_body_waits_and_reaches_nothing(port: int, echo: Echo) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post(b"{}", b"Content-Length: 10"))
    writer.write_eof()
    async with asyncio.timeout(5):
        await reader.read()
    writer.close()

    assert echo.read == []


async def test_a_length_shorter_than_the_body_ends_the_request_there(port: int, echo: Echo) -> None:
    answered = reply(await say(port, post(b'{}{"to":', b"Content-Length: 2"), until_closed=True))

    assert answered.status in (202, 400)
    assert all(body == b"{}" for body in echo.read)


@pytest.mark.parametrize("framing", [b"Content-Length: 300000", CHUNKED])
async def test_a_body_over_the_limit_is_413_also_while_it_still_comes(framing: bytes, port: int, echo: Echo) -> None:
    body = b" " * 300_000 if framing is not CHUNKED else b"493E0\r\n" + b" " * 300_000 + b"\r\n0\r\n\r\n"

    answered = reply(await say(port, post(body, framing), until_closed=True))

    assert (answered.status, msgspec.json.decode(answered.body)["code"]) == (413, "body_too_large")
    assert answered.headers["connection"] == "close"
    assert echo.read == []


MEDIA = [
    (b"Content-Type: application/x-www-form-urlencoded", 415),
    (b"Content-Type: text/plain", 415),
    (b"Content-Type: application/json; charset=utf-16", 415),
    (b"Content-Type: application/json;charset=UTF-8", 202),
    (b"Content-Type: Application/JSON", 202),
    (b"Content-Encoding: gzip", 415),
    (b"Accept: */*", 202),
]


@pytest.mark.parametrize(("line", "status"), MEDIA)
async def test_only_json_is_read(line: bytes, status: int, port: int) -> None:
    assert reply(await say(port, post(b"{}", line))).status == status


IDS = [
    (b"order-17.3:a_b", True),
    (b"a" * 65, False),
    (b"", False),
    (b"a b", False),
    (b"<script>", False),
]


@pytest.mark.parametrize(("given", "is_echoed"), IDS)
async def test_a_sane_request_id_is_echoed_and_any_other_replaced(given: bytes, is_echoed: bool, port: int) -> None:  # noqa: FBT001  # the case
    answered = reply(await say(port, post(b"{}", b"Request-Id: " + given)))

    request_id = answered.headers["request-id"]
    assert (request_id == given.decode()) is is_echoed
    assert is_echoed or request_id.startswith("req_")


async def test_a_path_that_leads_nowhere_is_404(port: int) -> None:
    answered = reply(await say(port, b"GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n"))

    assert (answered.status, msgspec.json.decode(answered.body)["code"]) == (404, "not_found")


async def test_a_wrong_method_is_405_and_says_which_are_right(port: int) -> None:
    answered = reply(await say(port, b"GET /v1/echo HTTP/1.1\r\nHost: x\r\n\r\n"))

    assert (answered.status, answered.headers["allow"]) == (405, "POST")


async def test_a_problem_says_when_to_come_again(port: int) -> None:
    answered = reply(await say(port, b"GET /v1/conflicts HTTP/1.1\r\nHost: x\r\n\r\n"))

    assert (answered.status, answered.headers["retry-after"]) == (409, "7")


async def test_a_fault_of_ours_is_500_without_a_word_of_it(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    answered = reply(await say(port, b"GET /v1/fails HTTP/1.1\r\nHost: x\r\n\r\n"))

    document = msgspec.json.decode(answered.body)
    assert (answered.status, document["code"]) == (500, "internal")
    assert "447700900123" not in answered.body.decode() + "".join(capsys.readouterr())


async def test_answers_are_not_sniffed_and_not_stored(port: int) -> None:
    answered = reply(await say(port, post(b"{}")))

    assert (answered.headers["x-content-type-options"], answered.headers["cache-control"]) == ("nosniff", "no-store")
    assert "server" not in answered.headers


async def test_requests_in_one_packet_are_answered_in_order(port: int, echo: Echo) -> None:
    last = b"POST /v1/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\n{ }"

    raw = await say(port, post(b"{}") + post(b"[1]") + last, until_closed=True)

    assert raw.count(b"HTTP/1.1 202") == 3
    assert echo.read == [b"{}", b"[1]", b"{ }"]


async def test_who_never_finishes_a_request_is_shown_the_door(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS_MAX", -1.0)
    monkeypatch.setattr("sendigopro.web.server.LOOK_SECONDS", 0.01)
    async with serving(nothing_here) as slow_port:
        answered = await say(slow_port, b"GET / HTTP/1.1\r\nHo", until_closed=True)

    assert (answered, port > 0) == (b"", True)
