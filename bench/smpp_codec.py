"""What SMPP costs: submits a second encoded, receipts a second decoded, and the whole loop against the simulator.

    python bench/smpp_codec.py [--host H --port P]

Without a port it starts the simulator of the kit. Each line is a figure.
"""

import argparse
import asyncio
import gc
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop

from sendigopro.channels.contract import Accepted, LinkEvents, Outbound, Outcome, Receipt
from sendigopro.channels.sms.smpp import Credentials, SmppLink, provider
from sendigopro.foundation.alphabets import encode
from sendigopro.foundation.clock import monotonic
from sendigopro.foundation.personal import Body, Phone
from sendigopro.smpp import codes, pdu
from sendigopro.smpp.client import Address, BindMode, connect
from sendigopro.smpp.session import Delivery, Limits, Response, Session

TEXT = "Your parcel is on its way and will be with you today between 10:00 and 12:00. Reply STOP to end these messages."
FORM = pdu.SubmitForm(pdu.ShortMessage(source="Acme", source_ton=5, destination_ton=1, destination_npi=1, registered=1))
RECEIPT = pdu.frame(
    codes.DELIVER_SM,
    1,
    pdu.encode_message(
        pdu.ShortMessage(
            source="447700900123",
            destination="Acme",
            esm_class=4,
            short_message=b"id:123456789 sub:001 dlvrd:001 submit date:2611231830 done date:2611231830 stat:DELIVRD"
            b" err:000 text:Your parcel is on it",
            tlvs=((codes.RECEIPTED_MESSAGE_ID, b"123456789\0"), (codes.MESSAGE_STATE, b"\2")),
        )
    ),
)


class Loop:
    """Keeps the window of one session full until every message has its answer."""

    def __init__(self, total: int, batch: int, limits: Limits) -> None:
        self.total, self.batch = total, batch
        self.sent = self.answered = self.receipts = 0
        self.done = asyncio.Event()
        self.session = Session(self, limits)

    def pump(self) -> None:
        """Fill the window."""
        while (n := min(self.session.room, self.total - self.sent)) >= min(self.batch, self.total - self.sent) > 0:
            numbers = range(self.sent, self.sent + n)
            octets = encode(TEXT)[1]
            self.session.submit_many([FORM.fill(b"4477%08d" % number, octets) for number in numbers], numbers)
            self.sent += n

    def on_responses(self, responses: Sequence[Response]) -> None:
        """Count, and submit more."""
        self.answered += len(responses)
        self.pump()
        self._finish()

    def on_deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge at once."""
        self.receipts += len(deliveries)
        self.session.acknowledge([sequence for sequence, _ in deliveries])
        self._finish()

    def on_unanswered(self, tokens: Sequence[Any]) -> None:
        """Give up: the figure would be wrong."""
        sys.exit(f"{len(tokens)} submits were not answered")

    def on_closed(self, error: Exception | None) -> None:
        """Give up, unless it is we who left."""
        if error is not None:
            sys.exit(f"the connection ended: {error}")

    def _finish(self) -> None:
        if self.answered == self.total == self.receipts:
            self.done.set()


def show(name: str, count: int, seconds: float) -> None:
    """Print one figure."""
    sys.stdout.write(f"{name:<28}{count / seconds:>12,.0f} /s {seconds / count * 1e6:>8.2f} us\n")


def measure_codec(count: int = 200_000) -> None:
    """Time encoding and decoding alone."""
    gc.collect()
    begun = monotonic()
    for number in range(count):
        FORM.fill(b"4477%08d" % number, encode(TEXT)[1])
    show("encode submit_sm", count, monotonic() - begun)
    begun = monotonic()
    for _ in range(count):
        pdu.read_message(RECEIPT, 16, len(RECEIPT))
    show("decode deliver_sm", count, monotonic() - begun)


async def measure_loop(port: int, host: str, count: int) -> None:
    """Time submit, answer, receipt and its answer."""
    loop = Loop(count, 50, Limits(window=500))
    await connect(loop.session, Address(host, port), pdu.Bind("bench", "bench"), BindMode.TRANSCEIVER)
    begun, cpu = monotonic(), os.times()
    loop.pump()
    await loop.done.wait()
    seconds, cpu_after = monotonic() - begun, os.times()
    await loop.session.unbind()
    show("submit + answer + receipt", count, seconds)
    used = cpu_after.user + cpu_after.system - cpu.user - cpu.system
    show("  by our own processor time", count, used)


class Flow:
    """Keeps a link full, as a worker does, and acknowledges receipts at once."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.sent = self.settled = self.receipts = 0
        self.done = asyncio.Event()
        self.events = LinkEvents(self.on_outcomes, self.on_receipts, lambda _: None, self.on_room)
        self.link: SmppLink | None = None

    def on_room(self) -> None:
        """Hand over more."""
        if self.link is not None and (n := min(self.link.room, self.total - self.sent)) > 0:
            numbers = range(self.sent, self.sent + n)
            self.sent += n
            self.link.send_many(
                [Outbound(number, Phone(f"+4477{number:08}"), "Acme", Body(TEXT)) for number in numbers]
            )

    def on_outcomes(self, outcomes: Sequence[tuple[Any, Outcome]]) -> None:
        """Count what was accepted."""
        if not all(isinstance(outcome, Accepted) for _, outcome in outcomes):
            sys.exit("the simulator refused a message")
        self.settled += len(outcomes)
        self._finish()

    def on_receipts(self, receipts: Sequence[Receipt]) -> None:
        """Acknowledge."""
        if self.link is not None:
            self.link.acknowledge([receipt.handle for receipt in receipts])
        self.receipts += len(receipts)
        self._finish()

    def _finish(self) -> None:
        if self.settled == self.total == self.receipts:
            self.done.set()


async def measure_link(port: int, host: str, count: int) -> None:
    """Time the provider whole: message in, outcome and receipt out."""
    flow = Flow(count)
    credentials = Credentials(host=host, port=port, system_id="bench", password="bench", window=500)  # noqa: S106
    flow.link = await provider.open(credentials, flow.events, name="bench")
    begun, cpu = monotonic(), os.times()
    flow.link.set_binds(1)
    await flow.done.wait()
    seconds, cpu_after = monotonic() - begun, os.times()
    await flow.link.close(drain_seconds=1)
    show("the provider whole", count, seconds)
    used = cpu_after.user + cpu_after.system - cpu.user - cpu.system
    show("  by our own processor time", count, used)


@contextmanager
def simulator() -> Iterator[int]:
    """Run the simulator on free ports."""
    path = Path(__file__).parent / "kit" / "smsc_sim.py"
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        port, http_port = one.getsockname()[1], two.getsockname()[1]
    command = [sys.executable, str(path), "--port", str(port), "--http-port", str(http_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # our own file
        if process.stdout is not None:
            process.stdout.readline()  # It speaks when it listens.
        try:
            yield port
        finally:
            process.terminate()
            process.communicate()


async def measure_all(port: int, host: str, count: int) -> None:
    """Time the session, then the provider on top of it."""
    await measure_loop(port, host, count)
    await measure_link(port, host, count)


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int)
    parser.add_argument("--count", type=int, default=100_000)
    options = parser.parse_args()
    measure_codec()
    if options.port:
        uvloop.run(measure_all(options.port, options.host, options.count))
        return
    with simulator() as port:
        uvloop.run(measure_all(port, "127.0.0.1", options.count))


if __name__ == "__main__":
    main()
