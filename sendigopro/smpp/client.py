"""Connect to a message centre and bind."""

import asyncio
import ssl
from dataclasses import dataclass
from enum import IntEnum

from sendigopro.smpp import codes, pdu
from sendigopro.smpp.pdu import Bind
from sendigopro.smpp.session import Session, SessionLost


class BindMode(IntEnum):
    """What a connection may carry; the value is the command that asks for it."""

    RECEIVER = codes.BIND_RECEIVER
    TRANSMITTER = codes.BIND_TRANSMITTER
    TRANSCEIVER = codes.BIND_TRANSCEIVER


class ConnectFailed(ConnectionError):
    """No connection, or none that TLS trusts, in time."""


class BindRefused(ConnectionError):
    """The centre answered the bind with an error; `status` is its command_status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the bind was refused with {codes.status_name(status)}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Address:
    """Where a message centre listens; `tls` None means in clear."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    connect_seconds: float = 10.0


async def connect(session: Session, address: Address, bind: Bind, mode: BindMode) -> None:
    """Open the session and bind, or raise `ConnectFailed` or `BindRefused` and leave nothing open.

    Deliveries may come to the session's owner before this returns: centres send what waited right behind their answer.
    """
    await _open(session, address)
    try:
        answer = await session.request(mode, pdu.encode_bind(bind))
    except (SessionLost, TimeoutError) as error:
        session.abort()
        raise ConnectFailed(f"{address.host}:{address.port} did not finish the bind") from error
    except BaseException:
        session.abort()
        raise
    if answer.status != codes.OK or answer.command != mode | codes.RESPONSE:
        session.close()
        raise BindRefused(answer.status or codes.SYSTEM_ERROR)


async def _open(session: Session, address: Address) -> None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(address.connect_seconds):
            await loop.create_connection(lambda: session, address.host, address.port, ssl=address.tls)
    except TimeoutError as error:
        raise ConnectFailed(f"{address.host}:{address.port} did not answer in time") from error
    except (OSError, UnicodeError) as error:  # ssl.SSLError is an OSError; a name that DNS cannot hold, the other.
        raise ConnectFailed(f"{address.host}:{address.port} cannot be reached: {error}") from error
