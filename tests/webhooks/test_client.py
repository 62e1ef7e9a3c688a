"""The HTTP client against receivers that are slow, wrong and hostile."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sendigopro.foundation.addresses import Origin
from sendigopro.webhooks.client import Client, Pool
from sendigopro.webhooks.connection import ANSWER_MAX, Answer, Failure
from tests.webhooks.certificates import Authority
from tests.webhooks.receivers import OK, Receiver, Request, eventually, receiver, status

LIMIT = 4
EVERYWHERE = "hooks.example.com"


class Probe:
    """A post that can be awaited."""

    def __init__(self, path: str = "/hook") -> None:
        self.path = path
        self.is_second_try = False
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def wire(self) -> bytes:
        return f"POST {self.path} HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi".encode()

    def answered(self, answer: Answer) -> None:
        self.answer.set_result(answer)


async def loopback(_: str, __: int) -> Sequence[str]:
    return ["127.0.0.1"]


@asynccontextmanager
async def opened(timeout_seconds: float, connections_max: int = 100) -> AsyncIterator[Client]:
    client = Client(
        allow_private=True, lookup=loopback, timeout_seconds=timeout_seconds, connections_max=connections_max
    )
    yield client
    client.close()
    await asyncio.sleep(0)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with opened(10) as it:
        yield it


@pytest.fixture
async def hasty() -> AsyncIterator[Client]:
    """A client that waits 0.4 s, not 15."""
    async with opened(0.4) as it:
        yield it


def pool_to(client: Client, port: int, limit: int = LIMIT) -> Pool:
    return client.pool(Origin("http", "127.0.0.1", port), limit=limit)


async def post(pool: Pool, path: str = "/hook") -> Answer:
    probe = Probe(path)
    pool.post(probe)
    async with asyncio.timeout(12):
        return await probe.answer


async def test_a_2xx_is_an_answer_and_the_connection_is_used_again(client: Client) -> None:
    async with receiver() as peer:
        pool = pool_to(client, peer.port)

        answers = [await post(pool, f"/{number}") for number in range(20)]

        assert [answer.code for answer in answers] == [200] * 20
        assert all(answer.is_ok for answer in answers)
        assert [request.path for request in peer.requests] == [f"/{number}" for number in range(20)]
        assert peer.connections == 1


async def test_no_more_connections_than_allowed_and_never_two_requests_at_once_on_one(client: Client) -> None:
    unanswered: dict[int, int] = {}

    def answer(request: Request, transport: asyncio.Transport) -> None:
        unanswered[request.connection] = unanswered.get(request.connection, 0) + 1
        assert unanswered[request.connection] == 1

        def later() -> None:
            unanswered[request.connection] -= 1
            transport.write(OK)

        asyncio.get_running_loop().call_later(0.001, later)

    async with receiver(answer) as peer:
        pool = pool_to(client, peer.port)

        answers = await asyncio.gather(*[post(pool, f"/{number}") for number in range(100)])

        assert {answer.code for answer in answers} == {200}
        assert peer.connections == LIMIT
        assert sorted(int(request.path[1:]) for request in peer.requests) == list(range(100))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200),
        (b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + OK, 200),
        (b"HTTP/1.1 102 Processing\r\n\r\n" * 10 + status(503), 503),
        (status(301, "Location: http://127.0.0.1:1/"), 301),
        (status(302, "Location: /other"), 302),
        (status(303, "Location: /other"), 303),
        (status(307, "Location: /other"), 307),
        (status(308, "Location: //169.254.169.254/"), 308),
        (status(304), 304),
        (status(400), 400),
        (status(404), 404),
        (status(410), 410),
        (status(429), 429),
        (status(500), 500),
        (status(599), 599),
    ],
)
async def test_the_status_is_the_answer_and_redirects_are_not_followed(
    client: Client, answer: bytes, code: int
) -> None:
    async with receiver(answer) as peer:
        pool = pool_to(client, peer.port)

        first, second = await post(pool), await post(pool)

        assert (first.code, second.code) == (code, code)
        assert first.is_ok == (200 <= code < 300)
        assert [request.path for request in peer.requests] == ["/hook", "/hook"]
        assert peer.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nPRI * HTTP/2.0",
        b"220 smtp.example.com ESMTP\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\x00" * 1000,
        b"<html>hello</html>\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 -200 OK\r\n\r\n",
        b"HTTP/1.1 2OO OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\nok",
        b"HTTP/1.1 200 OK\r\nBad Header: x\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n Folded: x\r\nContent-Length: 0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_what_is_not_an_http_answer_is_a_failure_and_ends_the_connection(client: Client, answer: bytes) -> None:
    async with receiver(answer) as peer:
        pool = pool_to(client, peer.port)

        codes = [(await post(pool)).code for _ in range(2)]

        assert codes[0] == codes[1]
        assert codes[0] in {Failure.NOT_HTTP, 101}
        assert peer.connections == 2


async def test_two_answers_to_one_request_do_not_answer_the_next(client: Client) -> None:
    async with receiver(OK + status(500)) as peer:
        pool = pool_to(client, peer.port)

        assert [(await post(pool)).code for _ in range(3)] == [200, 200, 200]
        assert peer.connections == 3


async def test_an_answer_nobody_asked_for_ends_the_connection(client: Client) -> None:
    async with receiver() as peer:
        pool = pool_to(client, peer.port)
        await post(pool)
        (transport,) = peer.transports

        transport.write(status(500))
        await eventually(lambda: not peer.transports)

        assert (await post(pool)).code == 200
        assert peer.connections == 2


@pytest.mark.parametrize(
    "part", [b"", b"HTTP/1.1 200 OK\r\nContent-", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"]
)
async def test_an_answer_that_breaks_off_is_a_failure(client: Client, part: bytes) -> None:
    def answer(_: Request, transport: asyncio.Transport) -> None:
        transport.write(part)
        transport.close()

    async with receiver(answer) as peer:
        assert (await post(pool_to(client, peer.port))).code == Failure.BROKE_OFF
        assert len(peer.requests) == 1


async def test_a_body_may_end_with_the_connection(client: Client) -> None:
    def answer(_: Request, transport: asyncio.Transport) -> None:
        transport.write(b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nthank you")
        transport.close()

    async with receiver(answer) as peer:
        pool = pool_to(client, peer.port)

        assert [(await post(pool)).code for _ in range(2)] == [200, 200]
        assert peer.connections == 2


async def test_connection_close_is_obeyed(client: Client) -> None:
    async with receiver(status(200, "Connection: close")) as peer:
        pool = pool_to(client, peer.port)

        assert [(await post(pool)).code for _ in range(3)] == [200, 200, 200]
        assert peer.connections == 3


async def test_a_kept_connection_that_was_closed_meanwhile_costs_no_attempt(client: Client) -> None:
    def answer(request: Request, transport: asyncio.Transport) -> bytes | None:
        served.append(request.connection)
        if served.count(request.connection) == 1:
            return OK
        transport.abort()
        return None

    served: list[int] = []
    async with receiver(answer) as peer:
        pool = pool_to(client, peer.port)

        assert [(await post(pool)).code for _ in range(3)] == [200, 200, 200]
        assert peer.connections == 3
        assert len(peer.requests) == 5


async def test_only_one_second_try_is_made(client: Client) -> None:
    async with receiver() as peer:
        pool = pool_to(client, peer.port)
        await post(pool)
        peer.answer = lambda _, transport: transport.abort()

        assert (await post(pool)).code == Failure.BROKE_OFF
        assert len(peer.requests) == 3


async def test_silence_is_a_time_out(hasty: Client) -> None:
    async with receiver(lambda *_: None) as peer:
        pool = pool_to(hasty, peer.port)

        answers = await asyncio.gather(*[post(pool) for _ in range(3)])

        assert {answer.code for answer in answers} == {Failure.TIMED_OUT}
        assert all(answer.millis >= 400 for answer in answers)


def dripping(data: bytes) -> Callable[[Request, asyncio.Transport], None]:
    """One byte each 20 ms, for ever."""

    def answer(_: Request, transport: asyncio.Transport) -> None:
        def drip(position: int) -> None:
            if not transport.is_closing():
                transport.write(data[position : position + 1] or b"x")
                asyncio.get_running_loop().call_later(0.02, drip, position + 1)

        drip(0)

    return answer


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n",
    ],
)
async def test_a_slow_drip_is_a_time_out_in_total(hasty: Client, data: bytes) -> None:
    async with receiver(dripping(data)) as peer:
        answer = await post(pool_to(hasty, peer.port))

        assert answer.code == Failure.TIMED_OUT
        assert answer.millis < 2000
        await eventually(lambda: not peer.transports)


def flooding(head: bytes, filler: bytes) -> Callable[[Request, asyncio.Transport], None]:
    """A head and then as much as the client lets in, at most 32 MB."""

    def answer(_: Request, transport: asyncio.Transport) -> None:
        def pour(left: int) -> None:
            if left and not transport.is_closing():
                transport.write(filler)
                asyncio.get_running_loop().call_soon(pour, left - 1)

        transport.write(head)
        pour(512)

    return answer


@pytest.mark.parametrize(
    ("head", "filler", "code"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536, 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 65536, 200),
        (b"HTTP/1.1 500 No\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 65536, 500),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 10000, 200),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1", b";x" * 30000, 200),
        (b"HTTP/1.1 200 OK\r\n", b"X-Bomb: boom\r\n" * 5000, Failure.TOO_LONG),
        (b"HTTP/1.1 200 OK\r\nX-Bomb: ", b"x" * 65536, Failure.TOO_LONG),
        (b"HTTP/1.1 200 ", b"OK" * 32768, Failure.TOO_LONG),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 3000, Failure.TOO_LONG),
    ],
)
async def test_an_endless_answer_is_cut_off(client: Client, head: bytes, filler: bytes, code: int) -> None:
    async with receiver(flooding(head, filler)) as peer:
        pool = pool_to(client, peer.port)

        assert (await post(pool)).code == code
        await eventually(lambda: not peer.transports)


async def test_a_body_of_exactly_the_limit_keeps_the_connection(client: Client) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    size = ANSWER_MAX - len(head % 99999)
    async with receiver(head % size + b"x" * size) as peer:
        pool = pool_to(client, peer.port)

        assert [(await post(pool)).code for _ in range(2)] == [200, 200]
        assert peer.connections == 1


async def test_two_headers_are_reported_and_forgotten_before_the_next_answer(client: Client) -> None:
    async with receiver(status(503, "Retry-After: 120", "Webhook-Delivery: Abort-Message")) as peer:
        pool = pool_to(client, peer.port)

        told = await post(pool)
        peer.answer = lambda *_: status(500)
        untold = await post(pool)

        assert (told.code, told.retry_after, told.wants_no_more) == (503, b"120", True)
        assert (untold.code, untold.retry_after, untold.wants_no_more) == (500, None, False)


async def test_a_closed_port_is_not_connected(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    pool = pool_to(client, port)
    answers = await asyncio.gather(*[post(pool) for _ in range(10)])

    assert [answer.code for answer in answers] == [Failure.NOT_CONNECTED] * 10
    assert client.connections == 0


async def test_a_connection_that_is_never_completed_times_out(hasty: Client) -> None:
    # A listener whose queue is full: the kernel drops further SYNs, as a firewall does.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)  # noqa: FBT003  # the standard library's signature
            filler.connect_ex(full.getsockname())
        answer = await post(pool_to(hasty, full.getsockname()[1]))
        for filler in fillers:
            filler.close()

    assert answer.code == Failure.TIMED_OUT


def resolving(*results: Sequence[str] | Exception) -> tuple[Callable[[str, int], object], list[str]]:
    """A resolver that answers in turn, and the names it was asked for."""
    asked: list[str] = []

    async def lookup(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        result = results[min(len(asked), len(results)) - 1]
        if isinstance(result, Exception):
            raise result
        return result

    return lookup, asked


async def test_an_unknown_name_is_a_failure(client: Client) -> None:
    client._lookup, _ = resolving(socket.gaierror(-2, "unknown"))  # type: ignore[assignment]  # noqa: SLF001

    answer = await post(client.pool(Origin("https", EVERYWHERE, 443), limit=1))

    assert answer.code == Failure.NAME_UNKNOWN


async def test_the_checked_address_is_the_one_connected_to() -> None:
    lookup, asked = resolving(["127.0.0.1"], ["127.0.0.9"])
    async with receiver() as peer:
        client = Client(allow_private=True, lookup=lookup)  # type: ignore[arg-type]
        pool = client.pool(Origin("http", EVERYWHERE, peer.port), limit=8)

        answers = await asyncio.gather(*[post(pool) for _ in range(8)])

        assert [answer.code for answer in answers] == [200] * 8
        assert asked == [EVERYWHERE]
        client.close()


@pytest.mark.parametrize("inside", ["127.0.0.1", "::ffff:127.0.0.1", "::1", "169.254.169.254", "10.0.0.1"])
async def test_no_packet_goes_inside_when_a_name_is_rebound(inside: str) -> None:
    lookup, asked = resolving(socket.gaierror(-3, "try again"), [inside], ["93.184.216.34", inside])
    async with receiver() as peer:
        client = Client(allow_private=False, lookup=lookup)  # type: ignore[arg-type]
        pool = client.pool(Origin("http", EVERYWHERE, peer.port), limit=1)

        codes = [(await post(pool)).code for _ in range(3)]

        assert codes == [Failure.NAME_UNKNOWN, Failure.FORBIDDEN_ADDRESS, Failure.FORBIDDEN_ADDRESS]
        assert len(asked) == 3
        assert peer.connections == 0
        client.close()


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async def lookup(_: str, __: int) -> Sequence[str]:
        return ["127.0.0.3", "127.0.0.2", "127.0.0.1"]

    async with receiver() as peer:
        client = Client(allow_private=True, lookup=lookup)

        assert (await post(client.pool(Origin("http", EVERYWHERE, peer.port), limit=1))).code == 200
        client.close()


async def test_a_certificate_is_checked_for_the_name_not_the_address(tmp_path: Path) -> None:
    authority = Authority()
    context = authority.server(EVERYWHERE, tmp_path)
    names: list[str | None] = []
    context.sni_callback = lambda _, name, __: names.append(name)
    async with receiver(tls=context) as peer:
        client = Client(allow_private=True, lookup=loopback, tls=authority.trust())

        right = await post(client.pool(Origin("https", EVERYWHERE, peer.port), limit=1))
        wrong = await post(client.pool(Origin("https", "other.example.com", peer.port), limit=1))
        bare = await post(client.pool(Origin("https", "127.0.0.1", peer.port), limit=1))

        assert (right.code, wrong.code, bare.code) == (200, Failure.NOT_ENCRYPTED, Failure.NOT_ENCRYPTED)
        assert names[:2] == [EVERYWHERE, "other.example.com"]
        assert len(peer.requests) == 1
        client.close()


async def test_an_unknown_authority_is_a_failure(client: Client, tmp_path: Path) -> None:
    async with receiver(tls=Authority().server(EVERYWHERE, tmp_path)) as peer:
        answer = await post(client.pool(Origin("https", EVERYWHERE, peer.port), limit=1))

        assert answer.code == Failure.NOT_ENCRYPTED
        assert not peer.requests


async def test_a_receiver_that_speaks_no_tls_is_a_failure(client: Client) -> None:
    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(status(400))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]

        assert (await post(client.pool(Origin("https", EVERYWHERE, port), limit=1))).code == Failure.NOT_ENCRYPTED


async def test_old_tls_is_refused(tmp_path: Path) -> None:
    authority = Authority()
    context = authority.server(EVERYWHERE, tmp_path)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with receiver(tls=context) as peer:
        client = Client(allow_private=True, lookup=loopback, tls=authority.trust())

        answer = await post(client.pool(Origin("https", EVERYWHERE, peer.port), limit=1))

        assert answer.code in {Failure.NOT_ENCRYPTED, Failure.NOT_CONNECTED}
        client.close()


async def test_a_hanging_receiver_does_not_hold_up_another_at_the_same_address(client: Client) -> None:
    def answer(request: Request, _: asyncio.Transport) -> bytes | None:
        return None if request.path == "/dead" else OK

    async with receiver(answer) as peer:
        dead, healthy = pool_to(client, peer.port), pool_to(client, peer.port)
        stuck = [Probe("/dead") for _ in range(100)]
        for probe in stuck:
            dead.post(probe)

        answers = [await post(healthy) for _ in range(50)]

        assert {answer.code for answer in answers} == {200}
        assert not any(probe.answer.done() for probe in stuck)
        dead.close()


async def fill(peer: Receiver, client: Client, count: int) -> list[Pool]:
    pools = [pool_to(client, peer.port) for _ in range(count)]
    for pool in pools:
        for _ in range(LIMIT):
            pool.post(Probe())
    return pools


async def test_a_newcomer_gets_a_connection_although_all_are_taken() -> None:
    async with opened(10, connections_max=LIMIT * 2) as client, receiver(lambda *_: None) as peer:
        pools = await fill(peer, client, 3)
        await peer.received(LIMIT * 2 + 1)

        assert [pool.size for pool in pools] == [LIMIT, LIMIT, 1]


async def test_idle_connections_make_room_for_others() -> None:
    async with opened(10, connections_max=2) as client, receiver() as peer:
        first, second = pool_to(client, peer.port), pool_to(client, peer.port)
        await asyncio.gather(post(first), post(first))
        assert first.size == 2

        assert {answer.code for answer in await asyncio.gather(post(second), post(second))} == {200}
        await eventually(lambda: not first.size)


async def test_idle_connections_are_closed_after_a_while(client: Client) -> None:
    async with receiver() as peer:
        pool = pool_to(client, peer.port)
        await asyncio.gather(*[post(pool) for _ in range(3)])

        pool.sweep(asyncio.get_running_loop().time() + 31)
        await eventually(lambda: not pool.size)

        assert pool.is_idle
        assert client.connections == 0


async def test_what_has_not_been_sent_can_be_taken_back(client: Client) -> None:
    async with receiver(lambda *_: None) as peer:
        pool = pool_to(client, peer.port, limit=1)
        probes = [Probe() for _ in range(5)]
        for probe in probes:
            pool.post(probe)
        await peer.received(1)

        assert pool.take_waiting() == probes[1:]
        assert not pool.waiting
        pool.close()
