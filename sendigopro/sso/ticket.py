"""What a browser keeps while somebody is at their provider: sealed, ten minutes, good once."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from sendigopro.foundation import clock
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.randomness import token
from sendigopro.sso import store
from sendigopro.sso.model import Connection, refused
from sendigopro.vault.model import PLATFORM
from sendigopro.vault.sealing import UnreadableError
from sendigopro.vault.vault import Vault

LIFE: Final = timedelta(minutes=10)
WRITTEN_MAX: Final = 3000
PLACE: Final = ("sso", "ticket")
ARRIVAL: Final = ("sso", "arrival")


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """That a sign-in was begun in this browser."""

    account_id: UUID
    connection_id: UUID
    state: str
    """OIDC: `state`. SAML: the id of our request."""
    nonce: str
    verifier: str
    wanted: str
    is_fresh: bool
    """Whether a credential must be shown anew."""
    ends_at: int

    def __repr__(self) -> str:
        return "<Ticket>"


def new_ticket(connection: Connection, *, wanted: str, is_fresh: bool) -> Ticket:
    ends_at = int((clock.now() + LIFE).timestamp())
    # An XML id begins with no digit.
    return Ticket(
        connection.account_id, connection.id, f"id-{token(32)}", token(32), token(64), wanted, is_fresh, ends_at
    )


async def write(vault: Vault, ticket: Ticket) -> str:
    return await seal(vault, PLACE, msgspec.msgpack.encode(ticket))


async def read(vault: Vault, text: str) -> Ticket:
    """`Refused` for what nobody wrote, and for what is over."""
    try:
        ticket = msgspec.msgpack.decode(await unseal(vault, PLACE, text), type=Ticket)
    except (ValueError, UnreadableError, msgspec.MsgspecError) as error:
        raise refused("sso_not_begun") from error
    if ticket.ends_at < clock.now().timestamp():
        raise refused("sso_not_begun")
    return ticket


async def use(conn: Conn, vault: Vault, ticket: Ticket) -> None:
    """The first time; after it `Refused`, in every process."""
    mac = await vault.idempotency_mac(PLATFORM, f"sso ticket|{ticket.state}")
    if not await store.use_once(conn, mac=mac, ends_at=datetime.fromtimestamp(ticket.ends_at, UTC)):
        raise refused("sso_not_begun")


async def seal(vault: Vault, place: tuple[str, str], clear: bytes) -> str:
    sealed = await vault.seal_account(PLATFORM, *place, PLATFORM, clear)
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


async def unseal(vault: Vault, place: tuple[str, str], text: str) -> bytes:
    """`ValueError` or `UnreadableError` for what nobody wrote."""
    if not text or len(text) > WRITTEN_MAX:
        raise ValueError("not ours")
    try:
        sealed = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError("not ours") from error
    return await vault.open_account(PLATFORM, *place, PLATFORM, sealed)
