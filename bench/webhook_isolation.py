"""What dead receivers cost a healthy one: its p99 alone and beside them; `webhook_isolation.py 127.0.0.1:9090`."""

import argparse
import asyncio
import statistics
import sys
import time
from uuid import uuid4

import uvloop

from sendigopro.foundation.addresses import SystemLookup, Target, read_url
from sendigopro.webhooks.client import Client
from sendigopro.webhooks.connection import Answer
from sendigopro.webhooks.lane import Lane

BODY = b"x" * 700


class Timed:
    """One post and how long it took from being offered to being answered."""

    __slots__ = ("is_second_try", "lane", "offered", "times")

    def __init__(self, lane: Lane, times: list[float]) -> None:
        self.lane, self.times, self.offered = lane, times, time.perf_counter()
        self.is_second_try = False

    def wire(self) -> bytes:
        return b"POST %b%b" % (self.lane.path, self.lane.tail % (b"evt_1", b"1", b"v1,x", len(BODY), BODY))

    def answered(self, answer: Answer) -> None:
        if answer.is_ok:
            self.lane.succeeded()
            self.times.append(time.perf_counter() - self.offered)
        elif self.lane.failed(answer, asyncio.get_running_loop().time(), None):
            self.lane.pool.take_waiting()


def lane_to(client: Client, target: Target) -> Lane:
    lane_id = uuid4()
    return Lane(
        client, account_id=lane_id, mode=0, lane_id=lane_id, endpoint_id=lane_id, target=target, is_callback=False
    )


async def measure(client: Client, healthy: Target, dead: list[Target], arguments: argparse.Namespace) -> float:
    """The healthy receiver's p99 in milliseconds, while as many posts are offered to each dead one."""
    loop = asyncio.get_running_loop()
    lanes, times = [lane_to(client, healthy), *[lane_to(client, target) for target in dead]], list[float]()
    began, offered = loop.time(), 0
    while offered < arguments.rate * arguments.seconds:
        due = int((loop.time() - began) * arguments.rate) - offered
        for _ in range(due):
            now = loop.time()
            for index, lane in enumerate(lanes):
                if lane.has_room(now):
                    lane.pool.post(Timed(lane, times if index == 0 else []))
        offered += due
        await asyncio.sleep(0.001)
    while len(times) < offered:  # noqa: ASYNC110  # a bench may look
        await asyncio.sleep(0.01)
    for lane in lanes:
        lane.pool.close()
    return statistics.quantiles(times, n=100)[98] * 1000


async def main(arguments: argparse.Namespace) -> None:
    silent = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    lookup = SystemLookup()
    client = Client(allow_private=True, lookup=lookup, timeout_seconds=arguments.timeout)
    healthy = read_url(f"http://{arguments.target}/dlr/1", allow_private=True)
    dead = [read_url(f"http://127.0.0.1:{port}/{number}", allow_private=True) for number in range(arguments.dead)]
    rounds = []
    for _ in range(arguments.rounds):
        alone = await measure(client, healthy, [], arguments)
        beside = await measure(client, healthy, dead, arguments)
        rounds.append(beside / alone)
        sys.stdout.write(f"p99 alone {alone:.2f} ms, beside {arguments.dead} dead {beside:.2f} ms\n")
    sys.stdout.write(f"ratio, median of {arguments.rounds}: {statistics.median(rounds):.2f}\n")
    client.close()
    lookup.close()
    silent.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--dead", type=int, default=20)
    parser.add_argument("--rate", type=int, default=500, help="posts a second, to each receiver")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--timeout", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    uvloop.run(main(parser.parse_args()))
