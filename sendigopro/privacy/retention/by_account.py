"""Ends texts and records by the terms that accounts have set: row by row, since partitions know the defaults alone."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from sendigopro.accounts import retention_store
from sendigopro.accounts.retention_store import Unswept
from sendigopro.accounts.retention_terms import RECEIVED, RetentionClock
from sendigopro.foundation import clock, ids
from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.postgres import Pool
from sendigopro.messages import redact_store
from sendigopro.messages.model import Purpose
from sendigopro.privacy.retention import store

BATCH: Final = 500
SPAN: Final = timedelta(days=37)
"""From when a message is made until it expires: 35 days ahead of its time, and a day to be sent, at most."""


async def end_what_is_over(pool: Pool, *, today: date) -> dict[RetentionClock, int]:
    """Everything that terms of accounts have ended by today; how many texts and records."""
    ended = dict.fromkeys((RetentionClock.BODY, RetentionClock.RECORD), 0)
    async with pool.acquire() as conn:
        terms = await retention_store.unswept_of_everyone(conn)
    for term in terms:
        before = today - timedelta(days=term.days)
        if term.swept_before is None or term.swept_before < before:
            ended[term.clock] += await end(pool, term, before)
    return ended


async def end(pool: Pool, term: Unswept, before: date) -> int:
    """What was last needed before that day; noted only when nothing is left, so a crash is made good."""
    count = 0
    after = store.BEFORE_ALL if term.swept_before is None else ids.first_of_day(term.swept_before - SPAN)
    while True:
        async with pool.acquire() as conn, conn.transaction():
            over = await store.messages_over(
                conn, account_id=term.account_id, purposes=purposes_of(term.product),
                expired_before=clock.midnight(before), between=(after, ids.first_of_day(before)), limit=BATCH,
            )  # fmt: skip
            if not over:
                await retention_store.mark_swept(
                    conn, account_id=term.account_id, product=term.product, clock=term.clock, before=before
                )
                return count
            message_ids = list(over)
            delete = redact_store.delete_bodies if term.clock is RetentionClock.BODY else redact_store.delete_messages
            await delete(conn, account_id=term.account_id, message_ids=message_ids, days=list(over.values()))
        reach("retention.rows_ended")
        after, count = message_ids[-1], count + len(over)


def purposes_of(product: str) -> Sequence[int] | None:
    """As messages hold them; None of what was received."""
    return None if product == RECEIVED else [Purpose[product.upper()]]
