"""What names somebody stands beside the log, sealed, and can be erased; the log holds a commitment to it alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec

from sendigopro.audit.chain import commitment_of
from sendigopro.audit.model import Stored
from sendigopro.foundation import ids
from sendigopro.foundation.randomness import random_bytes

TABLE, COLUMN = "audit_personal", "sealed"
SALT_LENGTH: Final = 32


class Sealer(Protocol):
    """The vault, which stands above: it is passed in."""

    async def seal_account(self, account_id: UUID, table: str, column: str, row_id: UUID, clear: bytes) -> bytes: ...

    async def open_account(self, account_id: UUID, table: str, column: str, row_id: UUID, sealed: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Beside:
    """Made before the transaction, and given to `record` for one entry."""

    entry_id: UUID
    commitment: bytes
    sealed: bytes = field(repr=False)


class Opened(msgspec.Struct, frozen=True):
    """The salt and the values, as they lie sealed; both are needed to check the commitment."""

    salt: bytes
    values: dict[str, str]


async def seal(vault: Sealer, *, account_id: UUID, values: Mapping[str, str]) -> Beside:
    """Seal values for an entry to come."""
    entry_id, salt = ids.new(), random_bytes(SALT_LENGTH)
    clear = msgspec.msgpack.encode(Opened(salt, dict(values)))
    sealed = await vault.seal_account(account_id, TABLE, COLUMN, entry_id, clear)
    return Beside(entry_id, commitment_of(salt, values), sealed)


async def open_beside(vault: Sealer, stored: Stored) -> dict[str, Any] | None:
    """As it is exported; None when there is nothing, or it was erased."""
    if stored.sealed is None:
        return None
    entry = stored.entry
    opened = msgspec.msgpack.decode(
        await vault.open_account(entry.account_id, TABLE, COLUMN, entry.id, stored.sealed), type=Opened
    )
    return {"salt": opened.salt.hex(), "values": opened.values}
