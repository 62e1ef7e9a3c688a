"""Where our mails go out: the address of an SMTP server, as an operator writes it, and one attempt at it."""

import re
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

from sendigopro.foundation.operator_errors import OperatorError

TIMEOUT_SECONDS: Final = 20.0
SUBMISSION_PORT, TLS_PORT = 587, 465
LOCAL_NAME: Final = "sendigopro"
PERMANENT: Final = range(500, 600)
_SENDER: Final = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")


@dataclass(frozen=True, slots=True)
class Server:
    """An SMTP server and how we speak to it."""

    host: str
    port: int
    is_tls: bool
    """TLS from the first byte; else STARTTLS, which the server must know unless it is on this machine."""
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)

    @property
    def is_here(self) -> bool:
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class RefusedForGoodError(Exception):
    """The server will never take this mail."""


def read_server(text: str) -> Server:
    """`smtp://user:password@host:587` (STARTTLS) or `smtps://…` (TLS). The error never repeats what may be a secret."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _unreadable() from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise _unreadable()
    if (parts.username is None) != (parts.password is None):
        raise _unreadable()
    is_tls = parts.scheme == "smtps"
    return Server(
        parts.hostname,
        port or (TLS_PORT if is_tls else SUBMISSION_PORT),
        is_tls,
        None if parts.username is None else unquote(parts.username),
        None if parts.password is None else unquote(parts.password),
    )


def read_sender(text: str, *, host: str) -> Address:
    """`Name <address>` or an address; empty: one at the host that customers reach us at."""
    if not text:
        return Address("SendiGoPro", "no-reply", host if "." in host else "localhost.localdomain")
    name, address = parseaddr(text)
    if not _SENDER.fullmatch(address) or not text.isprintable():
        raise OperatorError(
            "SENDIGOPRO_MAIL_FROM must be an address, or a name and an address: SendiGoPro <no-reply@example.com>."
        )
    return Address(name or "SendiGoPro", addr_spec=address)


async def hand_over(server: Server, message: EmailMessage, *, recipient: str) -> None:
    """Once. `RefusedForGoodError` when there is no use in trying again; any other error may pass."""
    try:
        await aiosmtplib.send(
            message,
            sender=message["From"].addresses[0].addr_spec,
            recipients=[recipient],
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            local_hostname=LOCAL_NAME,
            timeout=TIMEOUT_SECONDS,
            use_tls=server.is_tls,
            start_tls=False if server.is_tls else None if server.is_here else True,
            validate_certs=not server.is_here,  # a relay on this machine has one of its own making
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        if all(one.code in PERMANENT for one in error.recipients):
            raise RefusedForGoodError from None
        raise
    except aiosmtplib.SMTPDataError as error:
        if error.code in PERMANENT:
            raise RefusedForGoodError from None
        raise


def _unreadable() -> OperatorError:
    return OperatorError(
        "SENDIGOPRO_SMTP_URL must be smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465 (TLS)."
        " Write signs of the password that an address cannot hold as %XX."
    )
