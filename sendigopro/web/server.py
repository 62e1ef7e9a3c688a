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


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that several processes may share; the kernel spreads connections over them."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)  # noqa: FBT003  # the socket module's own form
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        sock.close()
        raise
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
