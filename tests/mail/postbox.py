"""An SMTP server that nobody here wrote (aiosmtpd), on loopback, and the mails it was given."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "platform", "p@ss/word 1"
PATIENCE_SECONDS = 20.0
LINK = re.compile(r"https?://\S+")


@dataclass(slots=True)
class Postbox:
    """What came, and how it answers: `answers` are given first, one for each mail, then all is taken."""

    mails: asyncio.Queue[tuple[str, EmailMessage]] = field(default_factory=asyncio.Queue)
    answers: list[str] = field(default_factory=list)
    is_private: bool = False
    """Whether the last mail came over TLS."""
    port: int = 0

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        if self.answers:
            return self.answers.pop(0)
        self.is_private = session.ssl is not None
        assert isinstance(envelope.content, bytes)
        parsed = message_from_bytes(envelope.content, policy=default)
        assert isinstance(parsed, EmailMessage)
        (recipient,) = envelope.rcpt_tos
        self.mails.put_nowait((recipient, parsed))
        return "250 Taken"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def next(self) -> tuple[str, EmailMessage]:
        """The next mail: to whom, and what."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.mails.get()

    async def next_link(self, *, to: str) -> str:
        """The link in the next mail, which must be for this address."""
        recipient, mail = await self.next()
        assert recipient == to
        found = LINK.search(text_of(mail))
        assert found is not None
        return found[0]


def text_of(mail: EmailMessage) -> str:
    text = mail.get_content()
    assert isinstance(text, str)
    return text


def knows(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, told: Any) -> AuthResult:
    is_right = isinstance(told, LoginPassword) and (told.login, told.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


@asynccontextmanager
async def postbox(*, tls: ssl.SSLContext | None = None, needs_password: bool = False) -> AsyncIterator[Postbox]:
    """Open one on a free port."""
    box = Postbox()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(
            box, hostname="postbox", tls_context=tls, require_starttls=tls is not None, auth_required=needs_password,
            authenticator=knows if needs_password else None, enable_SMTPUTF8=True,
        ),
        "127.0.0.1", 0,
    )  # fmt: skip
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
