"""A transport that keeps what is written and an owner that keeps what it is told, to drive a session octet by octet."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from sendigopro.smpp import pdu
from sendigopro.smpp.session import Delivery, Limits, Response, Session


class Wire(asyncio.Transport):
    """The other end of a session, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.is_paused = False
        self._session: Session | None = None

    def attach(self, session: Session) -> None:
        self._session = session
        session.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert self._session is not None, "written after the end"
        self.written += data

    def is_closing(self) -> bool:
        return self._session is None

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            asyncio.get_running_loop().call_soon(session.connection_lost, None)

    abort = close

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def take(self) -> list[tuple[int, int, int, bytes]]:
        """(command, status, sequence, body) of each PDU written since the last call."""
        octets, found, position = bytes(self.written), [], 0
        self.written.clear()
        while position < len(octets):
            length, command, status, sequence = pdu.HEADER.unpack_from(octets, position)
            found.append((command, status, sequence, octets[position + 16 : position + length]))
            position += length
        return found


class Ear:
    """Hears all a session says."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.responses: list[Response] = []
        self.deliveries: list[Delivery] = []
        self.unanswered: list[Any] = []
        self.closed: list[Exception | None] = []
        self.calls = 0
        self.heard = asyncio.Event()
        self.session = Session(self, limits)

    def on_responses(self, responses: Sequence[Response]) -> None:
        self.calls += 1
        self.responses += responses
        self.heard.set()

    def on_deliver(self, deliveries: Sequence[Delivery]) -> None:
        self.calls += 1
        self.deliveries += deliveries
        self.heard.set()

    def on_unanswered(self, tokens: Sequence[Any]) -> None:
        self.unanswered += tokens
        self.heard.set()

    def on_closed(self, error: Exception | None) -> None:
        self.closed.append(error)
        self.heard.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition holds, asked anew at each word."""
        async with asyncio.timeout(10):
            while not condition():
                self.heard.clear()
                await self.heard.wait()


def attached(limits: Limits | None = None) -> tuple[Ear, Wire]:
    """A session on a wire."""
    ear, wire = Ear(limits), Wire()
    wire.attach(ear.session)
    return ear, wire
