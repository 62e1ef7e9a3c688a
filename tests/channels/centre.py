"""A message centre that does what a test tells it, and an ear that keeps what a link says."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from sendigopro.channels.contract import Inbound, LinkEvents, Outbound, Outcome, Receipt
from sendigopro.channels.sms.smpp import Credentials, SmppLink, provider
from sendigopro.foundation.personal import Body, Phone
from sendigopro.smpp import codes, pdu
from sendigopro.smpp.pdu import ShortMessage

BINDS = (codes.BIND_TRANSCEIVER, codes.BIND_TRANSMITTER, codes.BIND_RECEIVER)
Answer = tuple[int, str] | None
"""(status, message id), or None for no answer at all."""


class Centre:
    """Listens on a free port, keeps what is submitted, and answers as `answer` says."""

    def __init__(self) -> None:
        self.submitted: list[ShortMessage] = []
        self.answer: Callable[[ShortMessage], Answer] = lambda _: (codes.OK, str(len(self.submitted)))
        self.bind_status = codes.OK
        self.binds: list[tuple[int, pdu.Bind]] = []
        self.writers: list[tuple[int, asyncio.StreamWriter]] = []
        self.acknowledged: list[int] = []
        self.port = 0
        self.happened = asyncio.Event()
        self._sequence = 0
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self.drop()

    def drop(self) -> None:
        """Cut every connection."""
        writers, self.writers = self.writers, []
        for _, writer in writers:
            writer.transport.abort()

    def deliver(self, message: ShortMessage) -> int:
        """Send a deliver_sm to whoever can receive, and give its sequence number."""
        self._sequence += 1
        writer = next(writer for mode, writer in self.writers if mode != codes.BIND_TRANSMITTER)
        writer.write(pdu.frame(codes.DELIVER_SM, self._sequence, pdu.encode_message(message)))
        return self._sequence

    async def until(self, condition: Callable[[], object]) -> None:
        await wait_until(self.happened, condition)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readexactly(16)
                length, command, _, sequence = pdu.HEADER.unpack(head)
                self._act(command, sequence, await reader.readexactly(length - 16), writer)
                self.happened.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _act(self, command: int, sequence: int, body: bytes, writer: asyncio.StreamWriter) -> None:
        if command in BINDS:
            self.binds.append((command, pdu.read_bind(body)))
            writer.write(pdu.frame(command | codes.RESPONSE, sequence, b"test\0", status=self.bind_status))
            if not self.bind_status:
                self.writers.append((command, writer))
        elif command == codes.SUBMIT_SM:
            message = pdu.read_message(body, 0, len(body))
            self.submitted.append(message)
            answer = self.answer(message)
            if answer is not None:
                writer.write(pdu.frame(codes.SUBMIT_SM_RESP, sequence, answer[1].encode() + b"\0", status=answer[0]))
        elif command == codes.DELIVER_SM_RESP:
            self.acknowledged.append(sequence)
        elif command == codes.UNBIND:
            writer.write(pdu.frame(codes.UNBIND_RESP, sequence))
        elif command == codes.ENQUIRE_LINK:
            writer.write(pdu.frame(codes.ENQUIRE_LINK_RESP, sequence))


class Ear:
    """Keeps all that a link says."""

    def __init__(self) -> None:
        self.outcomes: dict[Any, Outcome] = {}
        self.receipts: list[Receipt] = []
        self.inbound: list[Inbound] = []
        self.rooms = 0
        self.happened = asyncio.Event()
        self.events = LinkEvents(self.on_outcomes, self.on_receipts, self.on_inbound, self.on_room)

    def on_outcomes(self, outcomes: Sequence[tuple[Any, Outcome]]) -> None:
        for token, outcome in outcomes:
            assert token not in self.outcomes, "a message has one outcome"
            self.outcomes[token] = outcome
        self.happened.set()

    def on_receipts(self, receipts: Sequence[Receipt]) -> None:
        self.receipts += receipts
        self.happened.set()

    def on_inbound(self, inbound: Sequence[Inbound]) -> None:
        self.inbound += inbound
        self.happened.set()

    def on_room(self) -> None:
        self.rooms += 1
        self.happened.set()

    async def until(self, condition: Callable[[], object]) -> None:
        await wait_until(self.happened, condition)


async def wait_until(happened: asyncio.Event, condition: Callable[[], object]) -> None:
    """Ask the condition again whenever something happened."""
    async with asyncio.timeout(10):
        while not condition():
            happened.clear()
            await happened.wait()


def message(token: object, body: str = "hello", **more: Any) -> Outbound:  # any field
    """A message that differs from the plain one in what is named."""
    plain = Outbound(token, Phone("+447700900123"), "Acme", Body(body), reference=0x1F2)
    return msgspec.structs.replace(plain, **more)


async def linked(port: int, ear: Ear, *, binds: int = 1, **settings: Any) -> SmppLink:  # any setting
    """A link to a centre on this machine, ready to send."""
    credentials = Credentials(host="127.0.0.1", port=port, system_id="acme", password="secret", **settings)  # noqa: S106
    link = await provider.open(credentials, ear.events, name="test")
    link.set_binds(binds)
    if settings.get("bind_mode") != "receiver":
        await ear.until(lambda: link.state()["bound"] == binds * (2 if settings.get("bind_mode") == "pair" else 1))
    return link
