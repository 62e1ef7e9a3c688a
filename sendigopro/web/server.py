"""The HTTP server of a web process: uvicorn, tuned, with a socket of our own and a stop that finishes its work."""

import asyncio
import socket

import uvicorn

from sendigopro.foundation.asgi import App
from sendigopro.web import connection
from sendigopro.web.connection import Connection

BACKLOG = 4096
KEEP_ALIVE_SECONDS = 75
# How long requests under way may take to finish once we are told to stop.
STOP_SECONDS = 10
LOOK_SECONDS = 5.0


def listen(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    """A listening socket; a shared one lets several processes listen, and the kernel spreads connections over them."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=is_shared)
    return tuned(sock)


def adopt(descriptor: int) -> socket.socket:
    """A listening socket that the supervisor opened, and keeps while we are started again."""
    return tuned(socket.socket(fileno=descriptor))


def tuned(sock: socket.socket) -> socket.socket:
    sock.setblocking(False)  # noqa: FBT003  # the socket module's own form
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # taken over by every connection
    return sock


class Server:
    """uvicorn without its signal handlers, access log and lifespan: the command owns those."""

    def __init__(self, app: App) -> None:
        config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        self.inner = uvicorn.Server(config)
        self.inner.config.load()

    async def serve(self, sockets: list[socket.socket]) -> None:
        """Answer until `stop`, then finish what is under way."""
        watch = asyncio.create_task(self.watch())
        try:
            await self.inner._serve(sockets)  # noqa: SLF001  # `serve` would install signal handlers over ours
        finally:
            watch.cancel()

    async def watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            connection.drop_the_slow(self.inner.server_state.connections, loop.time())

    def stop(self) -> None:
        """Take no new connection and finish."""
        self.inner.should_exit = True
