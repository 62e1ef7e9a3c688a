"""Who reads about people by a key is on the audit log: once for each key and hour, before the first answer."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sendigopro.accounts.model import Caller
from sendigopro.audit.model import Action, By
from sendigopro.audit.record import record
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Pool, as_account
from sendigopro.foundation.recent import Recent

SCOPES: Final = ("subjects.read", "bodies.read")
KEYS_MAX: Final = 10_000


class Readings:
    """One per process: it remembers what it has written, so an hour of reading is one entry of each process."""

    def __init__(self, door: Pool) -> None:
        self._door = door
        self._noted: Recent[UUID, datetime] = Recent(KEYS_MAX)

    async def note(self, caller: Caller, by: By) -> None:
        """Call it before personal data is answered; what cannot be written down is not told."""
        read = [scope for scope in SCOPES if scope in caller.scopes]
        hour = clock.now().replace(minute=0, second=0, microsecond=0)
        if not read or self._noted.get(caller.key_id) == hour:
            return
        async with as_account(self._door, caller.account_id) as conn:
            await record(
                conn, account_id=caller.account_id, actor=by.actor, request_id=by.request_id,
                action=Action.PERSONAL_READ, target=ids.typed("key", caller.key_id), facts={"what": read},
            )  # fmt: skip
        self._noted.put(caller.key_id, hour)
