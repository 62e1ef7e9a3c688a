"""A small part for the supervisor's tests: it answers on its socket and is ready while its database answers."""

import argparse
import asyncio
import signal
import socket

import asyncpg

from sendigopro import settings
from sendigopro.foundation import supervision

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


async def database_answers() -> bool:
    try:
        conn = await asyncpg.connect(settings.read().main("pipeline"), timeout=2)
        await conn.fetchval("SELECT count(*) FROM main.migrations")
        await conn.close()
    except (OSError, asyncpg.PostgresError):
        return False
    return True


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ANSWER)
    await writer.drain()
    writer.close()


async def run(descriptor: int | None) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if descriptor is not None:
        await asyncio.start_server(greet, sock=socket.socket(fileno=descriptor))
    talk = asyncio.create_task(supervision.answer(database_answers, stop))
    await stop.wait()
    talk.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--name")
    parser.add_argument("--fd", type=int)
    asyncio.run(run(parser.parse_args().fd))
