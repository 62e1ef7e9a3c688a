"""Carriers, routes and senders: what the operator and the accounts have set up. No I/O."""

from dataclasses import dataclass
from uuid import UUID

PLATFORM = UUID(int=0)
"""The account that stands for everybody: its routes are the defaults, its keys seal the operator's secrets."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """A provider, set up."""

    id: UUID
    name: str
    provider: str
    channel: int
    binds: int
    unclear_wait_seconds: int
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class Sender:
    """Who messages of an account may come from."""

    account_id: UUID
    id: UUID
    channel: int
    value: str
    is_default: bool
