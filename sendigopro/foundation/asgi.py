"""The few ASGI words that every door uses: read a JSON body, answer, answer a problem."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from sendigopro.foundation.problems import Invalid, Problem, TooLarge, WrongMedia, problem_headers, problem_json

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

JSON_TYPE = (b"content-type", b"application/json")
# How long a client may take for a body whose beginning we have; the head has its own limit in web/connection.py.
BODY_SECONDS_MAX = 30.0


class ClientGone(Exception):  # nothing went wrong here: nobody is left to answer
    """The client closed its side before its request was whole."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """Find one header; ASGI gives names in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


async def read_json_body(scope: Scope, receive: Receive, *, limit_bytes: int) -> bytes:
    """Read a body that says it is JSON and is no longer than allowed."""
    length = refuse_other_media(scope)
    if length is not None and length > limit_bytes:
        raise too_large(limit_bytes)
    return await read_body(receive, limit_bytes=limit_bytes)


def refuse_other_media(scope: Scope) -> int | None:
    """Check what the headers tell of the body, and give its length if they do."""
    length = None
    for name, value in scope["headers"]:
        if name == b"content-type":
            if value != b"application/json" and not is_json_type(value):
                raise WrongMedia(
                    "unsupported_media_type",
                    "Send JSON, and say so: 'Content-Type: application/json'.",
                )
        elif name == b"content-encoding" and value.strip().lower() != b"identity":
            raise WrongMedia("unsupported_encoding", "Send the body as it is, without Content-Encoding.")
        elif name == b"content-length":
            try:
                length = int(value)
            except ValueError:
                raise Invalid("invalid_content_length", "Content-Length is not a number.") from None
    return length


def is_json_type(value: bytes) -> bool:
    media, _, parameters = value.lower().partition(b";")
    charset = parameters.strip().replace(b'"', b"").replace(b" ", b"")
    return media.strip() == b"application/json" and charset in (b"", b"charset=utf-8")


async def read_body(receive: Receive, *, limit_bytes: int) -> bytes:
    """Read what comes, up to the limit."""
    message = await receive()
    if message["type"] != "http.request":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        try:
            async with asyncio.timeout(BODY_SECONDS_MAX):
                body = await read_rest(receive, body, limit_bytes=limit_bytes)
        except TimeoutError:
            raise Invalid("body_too_slow", f"The body was not whole after {BODY_SECONDS_MAX:.0f} seconds.") from None
    if len(body) > limit_bytes:
        raise too_large(limit_bytes)
    return body


async def read_rest(receive: Receive, first: bytes, *, limit_bytes: int) -> bytes:
    parts, length, more = [first], len(first), True
    while more:
        if length > limit_bytes:
            raise too_large(limit_bytes)
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        part = message.get("body", b"")
        parts.append(part)
        length += len(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def too_large(limit_bytes: int) -> TooLarge:
    return TooLarge("body_too_large", f"The body may have at most {limit_bytes:,} bytes. Split the request.")


async def answer(send: Send, status: int, body: bytes = b"", headers: Headers = (JSON_TYPE,)) -> None:
    """Send a whole answer at once; Request-Id and security headers are added by the root."""
    # RFC 9110 §8.6: 204 has no length, and 304's would be that of what is not sent.
    length = () if status in (204, 304) else ((b"content-length", b"%d" % len(body)),)
    await send({"type": "http.response.start", "status": status, "headers": [*length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def answer_problem(send: Send, problem: Problem, scope: Scope) -> None:
    """Send a problem document."""
    await answer(send, int(problem.status), problem_json(problem, scope.get("request_id")), problem_headers(problem))
