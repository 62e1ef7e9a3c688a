"""A mail of ours, and how it is written. Nothing in it can become a header of its own. No I/O."""

import re
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime
from typing import Final
from uuid import UUID

import msgspec

from sendigopro.foundation import clock

QUOTED_MAX: Final = 60
_NOT_IN_A_NAME: Final = re.compile(r"[^\w\s&'-]+")


class Mail(msgspec.Struct, frozen=True, array_like=True):
    """To whom, and what; sealed until it leaves."""

    recipient: str
    subject: str
    text: str

    def __repr__(self) -> str:
        return "<Mail>"


@dataclass(frozen=True, slots=True)
class Due:
    """A mail whose turn it is."""

    id: UUID
    sealed: bytes = field(repr=False)
    attempts: int


def written(mail: Mail, *, sender: Address, mail_id: UUID) -> EmailMessage:
    """As it goes over the wire. `ValueError` for a line break where none may be: the policy refuses it."""
    message = EmailMessage(policy=SMTPUTF8)
    message["From"] = sender
    message["To"] = Address(addr_spec=mail.recipient)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{mail_id}@{sender.domain}>"  # the same when it is sent twice
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer of a machine comes back
    message.set_content(mail.text, charset="utf-8", cte="quoted-printable")
    return message


def quoted(name: str) -> str:
    """A name somebody chose, for a mail to somebody else: short, and nothing that a reader would make a link of."""
    return " ".join(_NOT_IN_A_NAME.sub(" ", name).split())[:QUOTED_MAX].strip()
