"""The nouns of webhooks. No I/O."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

TABLE = "webhook_endpoints"
SECRETS_TABLE = "webhook_secrets"
DISABLED_EVENT = "webhook.disabled"
TEST_EVENT = "webhook.test"


class Disabled(StrEnum):
    """Why an endpoint is told nothing."""

    BY_ACCOUNT = "by_account"
    GONE = "gone"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint as it is stored: sealed."""

    account_id: UUID
    id: UUID
    mode: int
    is_callback: bool
    url: bytes
    """Empty for the row of callbacks."""
    event_types: tuple[str, ...]
    description: bytes | None
    is_enabled: bool
    disabled_reason: str | None
    failing_since: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SecretRow:
    """One of an endpoint's secrets, sealed."""

    endpoint_id: UUID
    id: UUID
    secret: bytes
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint, opened."""

    account_id: UUID
    id: UUID
    mode: int
    url: str = field(repr=False)
    event_types: tuple[str, ...]
    description: str
    is_enabled: bool
    disabled_reason: str | None
    failing_since: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RetryRow:
    """One event that one receiver must still be told."""

    account_id: UUID
    lane_id: UUID
    event_id: UUID
    batch_id: UUID
    endpoint_id: UUID
    mode: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Put:
    """A retry to write: due after so many seconds, by the database's clock."""

    row: RetryRow
    pause_seconds: float


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """Attempts to tell one endpoint, in columns."""

    account_id: UUID
    id: UUID
    mode: int
    endpoint_id: UUID
    event_ids: tuple[UUID, ...]
    codes: tuple[int, ...]
    millis: tuple[int, ...]
    attempts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt out of such a row."""

    row_id: UUID
    position: int
    endpoint_id: UUID
    event_id: UUID
    code: int
    millis: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Health:
    """How one endpoint did lately."""

    endpoint_id: UUID
    last_success: UUID | None
    """The row of it: its id says when."""
    succeeded: int
    failed: int


@dataclass(frozen=True, slots=True)
class Replay:
    """Everything since a moment, to be told once more."""

    account_id: UUID
    id: UUID
    mode: int
    endpoint_id: UUID
    since: datetime
    until: datetime
    after_xid: int
    after_id: UUID
    queued: int
    is_settled: bool
    """No transaction from before its time is still under way: what cannot be seen now does not exist."""
