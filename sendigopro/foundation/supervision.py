"""How a part and its supervisor speak: the part says whether it is ready, and ends when the supervisor has."""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

log = logging.getLogger(__name__)

VARIABLE = "SENDIGOPRO_SUPERVISOR_FD"  # our end of a socket pair
ASK, READY, WAITING = b"?", b"r", b"w"
PAUSE_SECONDS = 0.25
GRACE_SECONDS = 5.0  # to finish once the supervisor is gone


async def answer(
    is_ready: Callable[[], Awaitable[bool]], stop: asyncio.Event, *, grace_seconds: float = GRACE_SECONDS
) -> None:
    """Say how we are, on every change and whenever asked; set `stop` and return when the supervisor is gone.

    Who would have ended us after a grace is gone as well, so that is ours to do: a worker that hangs, its database
    gone too, would come back to life beside its successor, under the same name. Returns at once in a process nobody
    supervises.
    """
    number = os.environ.get(VARIABLE)
    if number is None:
        return
    loop = asyncio.get_running_loop()
    spoken_to = asyncio.Event()
    with socket.socket(fileno=int(number)) as link:
        link.settimeout(0)
        loop.add_reader(link, spoken_to.set)
        try:
            await converse(link, spoken_to, is_ready)
        except OSError:  # the supervisor died while we spoke
            pass
        finally:
            loop.remove_reader(link)
    stop.set()
    loop.call_later(grace_seconds, os._exit, 1)


async def converse(link: socket.socket, spoken_to: asyncio.Event, is_ready: Callable[[], Awaitable[bool]]) -> None:
    """Answer until the other end is closed."""
    told = b""
    while True:
        state = READY if await surely(is_ready) else WAITING
        if state != told:
            link.send(state)  # one byte always fits
            told = state
        with suppress(TimeoutError):
            async with asyncio.timeout(PAUSE_SECONDS):
                await spoken_to.wait()
        if not spoken_to.is_set():
            continue
        spoken_to.clear()
        with suppress(BlockingIOError):
            if not link.recv(64):
                return
            told = ASK  # whatever it believes, it wants to hear it again


async def surely(is_ready: Callable[[], Awaitable[bool]]) -> bool:
    """Whoever cannot say how it is, is not ready; it must go on being asked."""
    try:
        return await is_ready()
    except Exception as error:  # noqa: BLE001  # whatever it was, it must not end the conversation
        log.warning("cannot say whether it is ready: %s", type(error).__name__)
        return False
