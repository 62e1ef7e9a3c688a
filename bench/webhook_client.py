"""How many signed webhooks a second one core posts: `webhook_client.py 127.0.0.1:9090` with the kit's sink there."""

import argparse
import asyncio
import sys
import time
from uuid import uuid4

import uvloop

from sendigopro.foundation import ids
from sendigopro.foundation.addresses import SystemLookup, read_url
from sendigopro.webhooks.client import Client, Pool
from sendigopro.webhooks.connection import Answer
from sendigopro.webhooks.sign import key_of, new_secret, signatures

BODY = b'{"id":"evt_01h455vb4pex5vsknk084sn02q","type":"message.delivered","data":{%b}}' % (
    b'"text":"%b"' % (b"x" * 500)
)


class Webhook:
    """One post, built and signed when a connection is free."""

    __slots__ = ("event_id", "is_second_try", "run")

    def __init__(self, run: "Run") -> None:
        self.run = run
        self.event_id = ids.typed("evt", uuid4()).encode()
        self.is_second_try = False

    def wire(self) -> bytes:
        stamp = b"%d" % time.time()
        signed = signatures(self.run.keys, self.event_id, stamp, BODY)
        return self.run.head % (self.event_id, stamp, signed, len(BODY), BODY)

    def answered(self, answer: Answer) -> None:
        self.run.answered(answer)


class Run:
    """Keeps `depth` posts waiting until `total` are answered."""

    def __init__(self, pool: Pool, total: int, path: str) -> None:
        self.pool, self.left, self.unanswered = pool, total, total
        self.keys = (key_of(new_secret()),)
        self.codes: dict[int, int] = {}
        self.done = asyncio.get_running_loop().create_future()
        self.head = (
            f"POST {path} HTTP/1.1\r\nHost: {pool.origin.host_header}\r\nContent-Type: application/json\r\n"
            "webhook-id: %b\r\nwebhook-timestamp: %b\r\nwebhook-signature: %b\r\nContent-Length: %d\r\n\r\n%b"
        ).encode()

    def post(self) -> None:
        self.left -= 1
        self.pool.post(Webhook(self))

    def answered(self, answer: Answer) -> None:
        self.codes[answer.code] = self.codes.get(answer.code, 0) + 1
        self.unanswered -= 1
        if self.left:
            self.post()
        elif not self.unanswered:
            self.done.set_result(None)


async def main(arguments: argparse.Namespace) -> None:
    lookup = SystemLookup()
    client = Client(allow_private=True, lookup=lookup)
    target = read_url(f"http://{arguments.target}/dlr/1", allow_private=True)
    pool = client.pool(target.origin, limit=arguments.connections)
    run = Run(pool, arguments.posts, target.path)
    started, cpu = time.monotonic(), time.process_time()
    for _ in range(arguments.connections * 2):
        run.post()
    await run.done
    wall, cpu = time.monotonic() - started, time.process_time() - cpu
    client.close()
    lookup.close()
    sys.stdout.write(
        f"{arguments.posts / wall:,.0f} posts/s, {arguments.posts / cpu:,.0f} per CPU second, "
        f"{cpu / arguments.posts * 1e6:.1f} us CPU each, answers {run.codes}\n"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--posts", type=int, default=50_000)
    parser.add_argument("--connections", type=int, default=64)
    uvloop.run(main(parser.parse_args()))
