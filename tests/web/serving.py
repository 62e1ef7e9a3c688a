"""A real server on a free port of loopback, in the test's own event loop, and raw bytes to talk to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sendigopro.foundation.asgi import App
from sendigopro.web import server


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


@asynccontextmanager
async def serving(app: App, port: int = 0) -> AsyncIterator[int]:
    """Serve an app; gives the port."""
    sock = server.listen("127.0.0.1", port)
    running = server.Server(app)
    task = asyncio.create_task(running.serve([sock]))
    try:
        yield sock.getsockname()[1]
    finally:
        running.stop()
        await task


def free_port() -> int:
    """One that nobody listens on, for who must say it beforehand."""
    with server.listen("127.0.0.1", 0) as sock:
        port: int = sock.getsockname()[1]
    return port


async def say(port: int, *parts: bytes, until_closed: bool = False, pause_seconds: float = 0) -> bytes:
    """Write raw bytes and read what comes back: one answer, or all until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(10):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause_seconds)
            if until_closed:
                return await reader.read()
            head = await reader.readuntil(b"\r\n\r\n")
            return head + await reader.readexactly(length_of(head))
    finally:
        writer.close()


def length_of(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


def reply(raw: bytes) -> Reply:
    """Take the first answer apart."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for name, _, value in (line.partition(":") for line in lines):
        # Cookies alone come in several headers, and may hold commas (RFC 9110, 5.3).
        before = headers.get(name.lower())
        headers[name.lower()] = value.strip() if before is None else f"{before}\n{value.strip()}"
    return Reply(int(first.split()[1]), headers, rest[: int(headers.get("content-length", len(rest)))])
