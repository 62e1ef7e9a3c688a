"""The key that opens the handset: in the address that `up` prints, then in a cookie. There is no sign-in yet.

It names the account and the day it ends, sealed under the account's own key in the vault: nobody can make one without
that key, it opens nothing but test messages, and it dies with the account.
"""

import base64
import binascii
import struct
from datetime import datetime, timedelta
from uuid import UUID

from sendigopro.foundation import clock, ids
from sendigopro.foundation.problems import Unauthenticated
from sendigopro.vault.sealing import UnreadableError
from sendigopro.vault.vault import Vault

LIFETIME = timedelta(days=30)
END = struct.Struct("!q")
PLACE = ("handset", "key")
ACCOUNT_BYTES = 16
LENGTH_MAX = 200


async def issue(vault: Vault, account_id: UUID, *, now: datetime | None = None) -> str:
    """A key for an account's test messages, good for 30 days."""
    ends_at = (now or clock.now()) + LIFETIME
    sealed = await vault.seal_account(account_id, *PLACE, account_id, END.pack(int(ends_at.timestamp())))
    return base64.urlsafe_b64encode(account_id.bytes + sealed).rstrip(b"=").decode()


async def address(vault: Vault, account_id: UUID, *, url: str) -> str:
    """Where the handset opens: the address to print, with a fresh key in it."""
    return f"{url}/console?key={await issue(vault, account_id)}"


async def account_of(vault: Vault, key: str) -> UUID:
    """The account it opens; whatever is wrong with it, the same `Unauthenticated`."""
    try:
        if len(key) > LENGTH_MAX:
            raise closed()
        raw = base64.b64decode(key.encode("ascii") + b"=" * (-len(key) % 4), altchars=b"-_", validate=True)
        account_id = ids.from_bytes(raw[:ACCOUNT_BYTES])
        (ends_at,) = END.unpack(await vault.open_account(account_id, *PLACE, account_id, raw[ACCOUNT_BYTES:]))
    except (ValueError, binascii.Error, struct.error, UnreadableError, LookupError) as error:
        raise closed() from error
    if ends_at < clock.now().timestamp():
        raise closed()
    return account_id


def closed() -> Unauthenticated:
    return Unauthenticated("handset_closed", "This page opens with the console address that `up` printed.")
