"""What another term would end at once; nothing is changed."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from sendigopro.accounts.retention_terms import RetentionClock
from sendigopro.foundation import clock
from sendigopro.foundation.postgres import Pool
from sendigopro.privacy.retention import store
from sendigopro.privacy.retention.by_account import purposes_of


@dataclass(frozen=True, slots=True)
class WouldEnd:
    """How much of what."""

    what: Literal["texts", "records", "people"]
    count: int
    before: date
    """What was last needed before that day."""


async def what_would_end(
    main: Pool, vault: Pool, *, account_id: UUID, product: str, kind: RetentionClock, days: int
) -> WouldEnd:
    """Count it as the job would find it; people with a message that still waits are counted too."""
    before = clock.today() - timedelta(days=days)
    if kind is RetentionClock.IDENTIFIER:
        async with vault.acquire() as conn:
            return WouldEnd("people", await store.count_unseen(conn, account_id=account_id, since=before), before)
    is_body = kind is RetentionClock.BODY
    async with main.acquire() as conn:
        count = await store.count_over(
            conn, account_id=account_id, purposes=purposes_of(product), expired_before=clock.midnight(before),
            bodies_only=is_body,
        )  # fmt: skip
    return WouldEnd("texts" if is_body else "records", count, before)
