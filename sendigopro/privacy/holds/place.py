"""Place a hold, keep its copies up to date, read them, release it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from sendigopro.audit.model import BY_OPERATOR, BY_SYSTEM, Action, By
from sendigopro.audit.record import record
from sendigopro.foundation import clock, ids
from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.postgres import CONNECTION_LOST, Conn
from sendigopro.messages.model import Mode
from sendigopro.privacy import requests_store
from sendigopro.privacy.holds import seals, store
from sendigopro.privacy.holds.model import (
    REVIEW_DAYS,
    HoldError,
    Identifier,
    Item,
    Message,
    StoredHold,
    StoredItem,
    Words,
)
from sendigopro.privacy.model import Hold
from sendigopro.privacy.package import store as packages
from sendigopro.privacy.package.gather import Gatherer
from sendigopro.privacy.package.model import Sources, SubjectGoneError
from sendigopro.vault.keys import KeyErasedError
from sendigopro.vault.vault import Subject, Vault

log = structlog.get_logger()

FOLLOW_SECONDS = 600.0
UNSETTLED_DAYS = 4
"""So long outcomes may still come: copies of younger messages are made anew."""
PAGE = 500
NOWHERE = UUID(int=0)


async def place(
    sources: Sources, words: Words, *, account_id: UUID, subject_ids: Sequence[UUID], review_days: int = REVIEW_DAYS
) -> StoredHold:
    """Keep what there is of these subjects; from the commit on no erasure of them begins."""
    if not all((words.reason.strip(), words.authority.strip(), words.owner.strip(), subject_ids)):
        raise HoldError("A hold needs a reason, an authority, somebody who answers for it, and whom it is about.")
    hold_id, slot = ids.new(), await sources.vault.take_slot()
    sealed = seals.seal_words(seals.key_of(sources.vault.keys, slot), words, account_id=account_id, hold_id=hold_id)
    now = clock.now()
    hold = StoredHold(account_id, hold_id, slot, sealed, now, next_review(now, review_days))
    async with sources.main.acquire() as conn, conn.transaction():
        await requests_store.lock_account(conn, account_id=account_id)  # as an erasure does: one comes first
        if await store.is_being_erased(conn, account_id=account_id, subject_ids=subject_ids):
            raise HoldError("An erasure of this person has begun, and nothing brings back what it has ended.")
        await store.insert_hold(conn, hold, subject_ids=subject_ids)
        await note(conn, hold, Action.HOLD_PLACED, by=BY_OPERATOR)
    reach("holds.placed")
    await copy(sources, hold)
    return hold


def next_review(now: datetime, days: int) -> datetime:
    if not 1 <= days <= REVIEW_DAYS:
        raise HoldError(f"A hold is reviewed within 1 to {REVIEW_DAYS} days, not {days}.")
    return now + timedelta(days=days)


async def review(conn: Conn, hold: StoredHold, *, days: int = REVIEW_DAYS) -> StoredHold:
    """Somebody looked at it, and it must stay."""
    reviewed = replace(hold, review_at=next_review(clock.now(), days))
    async with conn.transaction():
        await store.set_review(conn, reviewed, review_at=reviewed.review_at)
        await note(conn, reviewed, Action.HOLD_REVIEWED, by=BY_OPERATOR)
    return reviewed


async def note(conn: Conn, hold: StoredHold, action: Action, *, by: By) -> None:
    """In the account's audit log: that there is a hold, not about whom, nor why."""
    await record(
        conn, account_id=hold.account_id, actor=by.actor, action=action, target=ids.typed("hld", hold.id),
        facts={"review_on": f"{hold.review_at:%Y-%m-%d}"},
    )  # fmt: skip


async def release(sources: Sources, hold: StoredHold, *, by: By = BY_OPERATOR) -> None:
    """The key first: what a crash leaves of the rows opens to nobody, and `follow` deletes it."""
    await sources.vault.forget([hold.key_slot])
    await sources.vault.finish_forgetting()
    reach("holds.key_destroyed")
    async with sources.main.acquire() as conn, conn.transaction():
        if await store.delete_hold(conn, hold):
            await note(conn, hold, Action.HOLD_RELEASED, by=by)


async def copy(sources: Sources, hold: StoredHold) -> int:
    """Copy what is new since the last time; done again it changes nothing. How many messages were read."""
    key = seals.key_of(sources.vault.keys, hold.key_slot)
    async with sources.main.acquire() as conn:
        subject_ids = await store.subjects_of(conn, hold)
    found = await sources.vault.open_subjects(hold.account_id, subject_ids)
    count = 0
    for subject_id in found:
        try:
            count += await _copy_subject(sources, hold, key, found[subject_id])
        except SubjectGoneError:
            continue  # its term ended meanwhile: what was copied before stays
    return count


async def _copy_subject(sources: Sources, hold: StoredHold, key: bytes, subject: Subject) -> int:
    async with sources.vault_pool.acquire() as conn:
        dates = await packages.read_dates(conn, account_id=hold.account_id, subject_id=subject.id)
    if dates is None:
        return 0
    async with sources.main.acquire() as conn:
        last = await store.last_item(conn, hold, subject_id=subject.id)
    unsettled = ids.first_at(clock.now() - timedelta(days=UNSETTLED_DAYS))
    gatherer = Gatherer(
        sources, hold.account_id, Mode(dates.mode), subject.id, subject, until=UUID(int=(1 << 128) - 1),
        after=min(last, unsettled) if last is not None else NOWHERE,
    )  # fmt: skip
    identifier = Identifier(subject.phone.reveal(), subject.country)
    await _keep(sources, hold, key, subject.id, [(subject.id, identifier)])
    count = 0
    async for page in gatherer.pages():
        records = await asyncio.to_thread(gatherer.records, page)
        items = [
            (ids.from_bytes(row["id"]), Message(record)) for row, record in zip(page.messages, records, strict=True)
        ]
        await _keep(sources, hold, key, subject.id, items)
        count += len(items)
    return count


async def _keep(
    sources: Sources, hold: StoredHold, key: bytes, subject_id: UUID, items: Sequence[tuple[UUID, Item]]
) -> None:
    stored = [
        StoredItem(subject_id, item_id, _has_text(item), seals.seal_item(key, hold, item, item_id=item_id))
        for item_id, item in items
    ]
    async with sources.main.acquire() as conn:
        await store.put_items(conn, hold, stored)


def _has_text(item: Item) -> bool:
    return isinstance(item, Identifier) or item.record.body is not None


async def copies(sources: Sources, hold: StoredHold) -> AsyncIterator[Item]:
    """What a hold keeps, opened, which is noted first; `KeyErasedError` once it is released."""
    seals.key_of(sources.vault.keys, hold.key_slot)
    async with sources.main.acquire() as conn, conn.transaction():
        await note(conn, hold, Action.HOLD_EXPORTED, by=BY_OPERATOR)
    after = (NOWHERE, NOWHERE)
    while True:
        key = seals.key_of(sources.vault.keys, hold.key_slot)
        async with sources.main.acquire() as conn:
            page = await store.read_items(conn, hold, after=after, limit=PAGE)
        for one in page:
            yield seals.open_item(key, hold, one)
        if len(page) < PAGE:
            return
        after = (page[-1].subject_id, page[-1].id)


class HoldsOn:
    """What an erasure asks before it begins: whether the person is held, why, and until when."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def __call__(self, conn: Conn, *, account_id: UUID, subject_ids: Sequence[UUID]) -> Hold | None:
        """On the caller's connection, in the transaction that would begin the erasure."""
        for hold in await store.holds_of(conn, account_id=account_id, subject_ids=subject_ids):
            try:
                words = seals.open_words(seals.key_of(self._vault.keys, hold.key_slot), hold)
            except KeyErasedError:  # released; its rows are on their way out
                continue
            return Hold(words.reason, hold.review_at)
        return None


class Follower:
    """A worker's part: copies of what came since, and the end of holds whose release was cut short."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def run(self) -> None:
        """Every ten minutes until cancelled; two workers at it at once do no harm."""
        while True:
            try:
                await self.step()
            except CONNECTION_LOST as error:
                log.warning("holds_wait_for_database", error=type(error).__name__)
            await asyncio.sleep(FOLLOW_SECONDS)

    async def step(self) -> None:
        async with self._sources.main.acquire() as conn:
            holds = await store.list_of_everyone(conn)
        for hold in holds:
            try:
                await copy(self._sources, hold)
            except KeyErasedError:
                await release(self._sources, hold, by=BY_SYSTEM)
