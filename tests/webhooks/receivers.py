"""A receiver of webhooks for tests: a real HTTP server on loopback whose answers are bytes chosen by the test."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def status(code: int, *headers: str) -> bytes:
    """An answer without a body."""
    lines = [f"HTTP/1.1 {code} Because", "Content-Length: 0", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@dataclass(frozen=True)
class Request:
    """One request as it came over the wire."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int


# Bytes are written as they are; None leaves the request unanswered.
Answerer = Callable[[Request, asyncio.Transport], bytes | None]


@dataclass
class Receiver:
    """What came, in order; `answer` may be replaced at any time."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    answer: Answerer = lambda *_: OK
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    transports: set[asyncio.Transport] = field(default_factory=set)

    async def received(self, count: int) -> list[Request]:
        """Wait until so many requests have come."""
        async with asyncio.timeout(15):
            while len(self.requests) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.requests

    def url(self, path: str = "/hook", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"


class Conversation(asyncio.Protocol):
    """One connection to a receiver."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self.receiver.connections += 1
        self.number = self.receiver.connections
        self.receiver.transports.add(transport)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        self.receiver.transports.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            head = self.data[:end]
            match = LENGTH.search(head)
            whole = end + 4 + (int(match[1]) if match else 0)
            if len(self.data) < whole:
                return
            body, self.data = self.data[end + 4 : whole], self.data[whole:]
            self.take(head.decode("latin-1").split("\r\n"), body)

    def take(self, lines: list[str], body: bytes) -> None:
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        request = Request(lines[0].split(" ")[1], headers, body, self.number)
        self.receiver.requests.append(request)
        self.receiver.changed.set()
        answer = self.receiver.answer(request, self.transport)
        if answer is not None:
            self.transport.write(answer)


@asynccontextmanager
async def receiver(answer: Answerer | bytes = OK, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Listen on a free port of loopback."""
    it = Receiver()
    if isinstance(answer, bytes):
        it.answer = lambda *_: answer
    else:
        it.answer = answer
    server = await asyncio.get_running_loop().create_server(lambda: Conversation(it), "127.0.0.1", 0, ssl=tls)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        for transport in tuple(it.transports):
            transport.abort()
        await asyncio.sleep(0)


async def eventually(is_so: Callable[[], object]) -> None:
    """Wait for what nobody announces, such as a socket's end."""
    async with asyncio.timeout(15):
        while not is_so():  # there is no event to wait for
            await asyncio.sleep(0.001)
