"""Messages through the batch API over keep-alive connections, flat out; one JSON line: how many were accepted a second.

Everything is built before the clock starts, and answers are only counted, so that the client costs little.
"""

import argparse
import asyncio
import json
import time
from typing import cast

import uvloop


class Connection(asyncio.Protocol):
    """Send one batch, wait for its answer, send the next."""

    def __init__(self, load: "Load") -> None:
        self.load = load
        self.received = bytearray()
        self.expected = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.send_next()

    def send_next(self) -> None:
        if not self.load.requests:
            self.transport.close()
            self.load.end_one()
            return
        self.sent_at = time.monotonic()
        self.transport.write(self.load.requests.pop())

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.expected:
            head_end = self.received.find(b"\r\n\r\n")
            if head_end < 0:
                return
            head = bytes(self.received[:head_end]).lower()
            at = head.index(b"content-length:") + 15
            self.expected = head_end + 4 + int(head[at:].split(b"\r\n", 1)[0])
        if len(self.received) < self.expected:
            return
        self.load.note(bytes(self.received), time.monotonic() - self.sent_at)
        self.received.clear()
        self.expected = 0
        self.send_next()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None or self.expected or self.load.is_running():
            self.load.end_one()


class Load:
    """All connections of one run, and what came back."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.requests = [self.build(first) for first in range(0, args.count, args.size)]
        self.requests.reverse()
        self.accepted = 0
        self.statuses: dict[int, int] = {}
        self.seconds: list[float] = []
        self.first_error = ""
        self.live = args.connections
        self.finished: asyncio.Future[None]

    def build(self, first: int) -> bytes:
        args = self.args
        messages = []
        for number in range(args.base + first, args.base + min(first + args.size, args.count)):
            message = {"to": f"+{number}", "body": args.text}
            if args.callback_url:
                message["callback_url"] = args.callback_url.replace("{to}", str(number))
            messages.append(message)
        body = json.dumps({"messages": messages}, separators=(",", ":")).encode()
        head = (
            f"POST /v1/messages/batch HTTP/1.1\r\nHost: {args.target}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {args.key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def note(self, answer: bytes, seconds: float) -> None:
        status = int(answer[9:12])
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.seconds.append(seconds)
        self.last_at = time.monotonic()
        # Every accepted item carries its message's id; a refused one has an error instead.
        self.accepted += answer.count(b'"id":"msg_')
        if not self.first_error and (status != 202 or b'"error":{' in answer):
            self.first_error = answer[:800].decode("latin-1")

    def is_running(self) -> bool:
        return bool(self.requests)

    def end_one(self) -> None:
        self.live -= 1
        if self.live <= 0 and not self.finished.done():
            self.finished.set_result(None)

    async def run(self) -> dict[str, object]:
        loop = asyncio.get_running_loop()
        self.finished = loop.create_future()
        host, port = self.args.target.rsplit(":", 1)
        began = self.last_at = time.monotonic()
        for _ in range(self.args.connections):
            await loop.create_connection(lambda: Connection(self), host, int(port))
        await asyncio.wait_for(self.finished, self.args.max_seconds)
        took = max(self.last_at - began, 1e-6)
        self.seconds.sort()
        return {
            "count": self.args.count,
            "size": self.args.size,
            "connections": self.args.connections,
            "accepted": self.accepted,
            "accepted_per_s": round(self.accepted / took, 1),
            "seconds": round(took, 3),
            "p50_ms": self.percentile(50),
            "p99_ms": self.percentile(99),
            "statuses": self.statuses,
            "first_error": self.first_error,
        }

    def percentile(self, q: int) -> float:
        return round(self.seconds[min(len(self.seconds) - 1, len(self.seconds) * q // 100)] * 1000, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True, help="host:port")
    parser.add_argument("--key", required=True)
    parser.add_argument("-n", "--count", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("-c", "--connections", type=int, default=8)
    parser.add_argument("--base", type=int, required=True, help="first number, without plus")
    parser.add_argument("--text", default="benchmark message, forty-five characters long")
    parser.add_argument("--callback-url", default="")
    parser.add_argument("--max-seconds", type=float, default=600)
    uvloop.install()
    print(json.dumps(asyncio.run(Load(parser.parse_args()).run())))


if __name__ == "__main__":
    main()
