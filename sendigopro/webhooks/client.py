"""Our HTTP/1.1 client for webhooks: few promises, no redirects, as fast as the interpreter allows.

A `Pool` holds one receiver's connections and the posts that wait for them, so that a receiver that hangs holds up
nobody else, not even at the same address. It connects only to addresses that were checked, never by name.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Sequence

from sendigopro.foundation.addresses import ForbiddenAddress, Lookup, Origin, addresses_of
from sendigopro.webhooks.connection import Answer, Connection, Failure, Post

TIMEOUT_SECONDS = 15.0  # in total: looking up, connecting, writing and reading
ADDRESS_SECONDS = 4.0  # for one address while others are left
IDLE_SECONDS = 30.0
LOOKUP_LIFE_SECONDS = 30.0
CONNECTIONS_MAX = 4096


class Client:
    """What all pools share: the sweep for time-outs, checked addresses, the bound on connections."""

    def __init__(
        self,
        *,
        allow_private: bool,
        lookup: Lookup,
        tls: ssl.SSLContext | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.timeout_seconds = timeout_seconds
        self.connections_max = connections_max
        self.connections = 0
        self._allow_private = allow_private
        self._lookup = lookup
        self._tls = tls or strict_tls()
        self._pools: set[Pool] = set()
        self._known: dict[Origin, tuple[float, Sequence[str]]] = {}
        self._asking: dict[Origin, asyncio.Task[Sequence[str]]] = {}
        self._sweep_seconds = min(1.0, timeout_seconds / 10)
        self._timer = self.loop.call_later(self._sweep_seconds, self._sweep)

    def pool(self, origin: Origin, *, limit: int) -> "Pool":
        pool = Pool(self, origin, limit)
        self._pools.add(pool)
        return pool

    def forget(self, pool: "Pool") -> None:
        self._pools.discard(pool)

    def may_open(self, pool: "Pool") -> bool:
        """Tell whether one more connection fits; a receiver without any always gets its first."""
        if self.connections < self.connections_max:
            return True
        has_room = any(other.drop_idle() for other in self._pools)
        return has_room or pool.size == 0

    async def connect(self, pool: "Pool") -> Connection:
        """Open a connection to one of the origin's checked addresses."""
        origin = pool.origin
        addresses = await self._addresses(origin)
        for address in addresses[:-1]:
            try:
                async with asyncio.timeout(ADDRESS_SECONDS):
                    return await self._connect_to(address, pool)
            except (OSError, TimeoutError):
                continue
        return await self._connect_to(addresses[-1], pool)

    async def _connect_to(self, address: str, pool: "Pool") -> Connection:
        origin = pool.origin
        _, connection = await self.loop.create_connection(
            lambda: Connection(pool, self.loop),
            address,
            origin.port,
            ssl=self._tls if origin.is_encrypted else None,
            server_hostname=origin.host if origin.is_encrypted else None,
        )
        return connection

    async def _addresses(self, origin: Origin) -> Sequence[str]:
        known = self._known.get(origin)
        if known is not None and known[0] > self.loop.time():
            return known[1]
        asking = self._asking.get(origin)
        if asking is None:
            asking = self.loop.create_task(self._ask(origin))
            self._asking[origin] = asking
            asking.add_done_callback(lambda task: self._asked(origin, task))
        return await asyncio.shield(asking)

    async def _ask(self, origin: Origin) -> Sequence[str]:
        async with asyncio.timeout(self.timeout_seconds):
            addresses = await addresses_of(origin, allow_private=self._allow_private, lookup=self._lookup)
        self._known[origin] = (self.loop.time() + LOOKUP_LIFE_SECONDS, addresses)
        return addresses

    def _asked(self, origin: Origin, asking: "asyncio.Task[Sequence[str]]") -> None:
        del self._asking[origin]
        if not asking.cancelled():
            asking.exception()  # whoever waited has it too; nobody may have

    def _sweep(self) -> None:
        """Look at every connection once a second: cheaper than a timer for every post."""
        now = self.loop.time()
        for pool in tuple(self._pools):
            pool.sweep(now)
        for origin in [origin for origin, (until, _) in self._known.items() if until <= now]:
            del self._known[origin]
        self._timer = self.loop.call_later(self._sweep_seconds, self._sweep)

    def close(self) -> None:
        self._timer.cancel()
        for pool in tuple(self._pools):
            pool.close()
        for asking in self._asking.values():
            asking.cancel()


class Pool:
    """One receiver's connections and the posts that wait for one."""

    __slots__ = ("_client", "_connections", "_idle", "_is_closed", "_opening", "limit", "origin", "waiting")

    def __init__(self, client: Client, origin: Origin, limit: int) -> None:
        self.origin = origin
        self.limit = limit  # may change at any time
        self.waiting: deque[Post] = deque()
        self._client = client
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []  # the last freed is the first used, so the rest can grow cold and close
        self._opening: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def size(self) -> int:
        return len(self._connections) + len(self._opening)

    @property
    def is_idle(self) -> bool:
        return not self.waiting and len(self._idle) == self.size

    def post(self, post: Post) -> None:
        """Send as soon as there is a connection for it."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                self._send(connection, post)
                return
        self.waiting.append(post)
        self._open_more()

    def take_waiting(self) -> list[Post]:
        """Give back what has not been sent."""
        waiting = list(self.waiting)
        self.waiting.clear()
        return waiting

    def drop_idle(self) -> bool:
        if not self._idle:
            return False
        self._idle.pop(0).close()
        return True

    def sweep(self, now: float) -> None:
        for connection in tuple(self._connections):
            if connection.post is not None and connection.deadline <= now:
                connection.time_out()
        cold = [connection for connection in self._idle if connection.idle_since + IDLE_SECONDS <= now]
        for connection in cold:
            self._idle.remove(connection)
            connection.close()
        self._open_more()
        if not self.limit and not self.size:
            self._client.forget(self)

    def close(self) -> None:
        """End every connection; what was under way is answered `BROKE_OFF`, what waits stays for its owner."""
        self._is_closed = True
        for task in self._opening:
            task.cancel()
        for connection in tuple(self._connections):
            connection.close()
        self._client.forget(self)

    def retire(self) -> None:
        """End once what is under way has been answered."""
        self.limit = 0
        while self.drop_idle():
            pass

    # connections call these

    def freed(self, connection: Connection) -> None:
        if len(self._connections) > self.limit or self._is_closed:
            connection.close()
        elif self.waiting:
            self._send(connection, self.waiting.popleft())
        else:
            self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        if connection in self._connections:
            self._connections.discard(connection)
            self._client.connections -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        if self.waiting:
            self._open_more()

    def again(self, post: Post) -> None:
        # What was kept beside it has most likely been closed as well.
        while self.drop_idle():
            pass
        if not self.limit:
            post.answered(Answer(Failure.BROKE_OFF, 0))
            return
        self.waiting.appendleft(post)
        self._open_more()

    def _send(self, connection: Connection, post: Post) -> None:
        started = self._client.loop.time()
        connection.send(post, started=started, deadline=started + self._client.timeout_seconds)

    def _open_more(self) -> None:
        while len(self._opening) < len(self.waiting) and self.size < self.limit and not self._is_closed:
            if not self._client.may_open(self):
                return
            self._client.connections += 1
            task = self._client.loop.create_task(self._open())
            self._opening.add(task)

    async def _open(self) -> None:
        started = self._client.loop.time()
        failure, connection = Failure.NOT_CONNECTED, None
        try:
            async with asyncio.timeout(self._client.timeout_seconds):
                connection = await self._client.connect(self)
        except ForbiddenAddress:
            failure = Failure.FORBIDDEN_ADDRESS
        except TimeoutError:
            failure = Failure.TIMED_OUT
        except (socket.gaierror, UnicodeError):
            failure = Failure.NAME_UNKNOWN
        except ssl.SSLError:
            failure = Failure.NOT_ENCRYPTED
        except OSError:
            failure = Failure.NOT_CONNECTED
        finally:
            self._opening.discard(asyncio.current_task())
            if connection is None:
                self._client.connections -= 1
        if connection is None:
            self._not_opened(failure, started)
        else:
            self._opened(connection, started)

    def _opened(self, connection: Connection, started: float) -> None:
        self._connections.add(connection)
        if not connection.is_usable:
            # Closed again before we looked: it counts as lost now, since `lost` did not know it.
            self.lost(connection)
            self._not_opened(Failure.BROKE_OFF, started)
        elif self.waiting:
            deadline = started + self._client.timeout_seconds
            connection.send(self.waiting.popleft(), started=started, deadline=deadline)
        else:
            connection.idle_since = self._client.loop.time()
            self.freed(connection)

    def _not_opened(self, failure: Failure, started: float) -> None:
        """One connection that could not be had is one failed attempt, unless others are there to take its place."""
        if self._connections or not self.waiting:
            return
        post = self.waiting.popleft()
        post.answered(Answer(failure, round((self._client.loop.time() - started) * 1000)))
        self._open_more()


def strict_tls() -> ssl.SSLContext:
    """Certificates are checked against the machine's authorities; TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
