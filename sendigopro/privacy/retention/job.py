"""A worker's part of retention: whatever is over ends, some at a time. Done twice, or after a crash, it is the same."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from sendigopro.accounts import coming_store, people_store, retention_store, sessions, throttle
from sendigopro.accounts.member_log import forget_member
from sendigopro.accounts.retention_terms import DEFAULT, PEOPLE, RetentionClock
from sendigopro.events.bus import Bus
from sendigopro.foundation import clock, ids, log_files, logs, partitions
from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.postgres import CONNECTION_LOST, Conn
from sendigopro.mail import store as mail_store
from sendigopro.messages.forget import forget_some
from sendigopro.messages.load import Loader
from sendigopro.privacy.closed import forget_closed
from sendigopro.privacy.desk import Desk
from sendigopro.privacy.package.sealed_file import remove_expired
from sendigopro.privacy.retention import store
from sendigopro.privacy.retention.by_account import SPAN, end_what_is_over
from sendigopro.privacy.retention.rules import DROPPED, LOG_DAYS
from sendigopro.sso import store as sso_store
from sendigopro.vault import store as subjects
from sendigopro.vault.keys import KeyStoreError

PAUSE_SECONDS = 3600.0
BATCH = 1000

log = logs.get(__name__)


class Retention:
    """Any number of workers may run it."""

    def __init__(self, desk: Desk, *, loader: Loader, bus: Bus, owner_url: str, owner: str, log_folder: Path) -> None:
        self._desk = desk
        self._owner_url = owner_url
        self._logs = log_folder
        self._loader = loader
        self._bus = bus
        self._owner = owner

    async def run(self) -> None:
        """Once an hour, until cancelled."""
        while True:
            try:
                done = await self.step()
            except KeyStoreError as error:
                log.warning("retention_waits_for_keys", **logs.told(error))
            except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
                log.warning("retention_waits_for_database", **logs.told(error))
            else:
                log.info("retention", **{name: done[name] for name in sorted(done)})
            await asyncio.sleep(PAUSE_SECONDS)

    async def step(self) -> Counter[str]:
        """Everything that is over by now; how much there was of each."""
        today = clock.today()
        done: Counter[str] = Counter()
        done["days"] = await self._end_days(today)
        done["people"] = await self._end_people(today)
        rows = await end_what_is_over(self._desk.main, today=today)
        done["texts"], done["records"] = rows[RetentionClock.BODY], rows[RetentionClock.RECORD]
        done["partitions"] = await self._drop_partitions(today)
        done["exports"] = await asyncio.to_thread(remove_expired, self._desk.exports, now=clock.now())
        done["accounts"] = await self._forget_accounts()
        done["members"] = await self._forget_members()
        done["sign_ins"] = await self._end_sign_ins()
        done["links"] = await self._end_links()
        done["log_lines"] = await asyncio.to_thread(self._end_logs, today)
        return done

    async def _forget_accounts(self) -> int:
        """Those that were closed and not kept."""
        conn = await asyncpg.connect(self._owner_url)
        try:
            return await forget_closed(self._desk, conn)
        finally:
            await conn.close()

    async def _forget_members(self) -> int:
        """Who was let go by their last account."""
        conn = await asyncpg.connect(self._owner_url)
        try:
            async with conn.transaction():
                gone = await people_store.delete_who_is_in_no_account(conn)
                for person_id in gone:
                    await forget_member(conn, person_id=person_id)
            return len(gone)
        finally:
            await conn.close()

    async def _end_sign_ins(self) -> int:
        now = clock.now()
        async with self._desk.main.acquire() as conn:
            ended = await people_store.delete_ended(
                conn, now=now, idle_since=now - sessions.IDLE, failures_before=now - throttle.REMEMBERED
            )
            return ended + await sso_store.delete_used(conn, now=now)

    async def _end_links(self) -> int:
        """Who never came: sign-ups, invitations, resets, and mails that nobody sends any more."""
        now = clock.now()
        async with self._desk.main.acquire() as conn:
            return await coming_store.delete_over(conn, now=now) + await mail_store.delete_given_up(conn, now=now)

    def _end_logs(self, today: date) -> int:
        """Of PostgreSQL, when it is our own; what we say ourselves is kept by whoever collects it."""
        before = today - timedelta(days=LOG_DAYS)
        old = [path for path in self._logs.glob("*.log") if (log_files.oldest_entry(path) or before) < before]
        return sum(log_files.drop_before(path, before) for path in old)

    async def _end_days(self, today: date) -> int:
        """The keys first: what a crash leaves of rows and partitions opens to nobody."""
        ended = 0
        async with self._desk.vault_pool.acquire() as conn:
            while over := await store.days_over(conn, today=today, limit=BATCH):
                await self._desk.vault.forget([slot for _, _, slot in over])
                await self._desk.vault.finish_forgetting()
                reach("retention.day_keys_destroyed")
                await store.delete_days(conn, account_ids=[one[0] for one in over], days=[one[1] for one in over])
                ended += len(over)
        return ended

    async def _end_people(self, today: date) -> int:
        """Whom an account has not met again for its term is forgotten."""
        async with self._desk.main.acquire() as conn:
            terms = await identifier_terms(conn)
        ended = 0
        for days, account_ids in terms.items():
            since, after = today - timedelta(days=days), (store.BEFORE_ALL, store.BEFORE_ALL)
            while unseen := await self._unseen(account_ids, since, after):
                after = unseen[-1][:2]
                gone = await self._without_messages(unseen, since)
                await self._desk.vault.forget([slot for _, _, slot in gone])
                await self._desk.vault.finish_forgetting()
                reach("retention.people_keys_destroyed")
                for account_id, subject_id, _ in gone:
                    await self._end_person(account_id, subject_id)
                ended += len(gone)
        return ended

    async def _unseen(
        self, account_ids: Sequence[UUID], since: date, after: tuple[UUID, UUID]
    ) -> list[tuple[UUID, UUID, int]]:
        async with self._desk.vault_pool.acquire() as conn:
            return await store.unseen_subjects(conn, account_ids=account_ids, since=since, after=after, limit=BATCH)

    async def _without_messages(
        self, unseen: Sequence[tuple[UUID, UUID, int]], since: date
    ) -> list[tuple[UUID, UUID, int]]:
        """Who has a message that waits, perhaps for weeks, is not forgotten before it has been sent."""
        async with self._desk.main.acquire() as conn:
            awaited = await store.with_messages_since(
                conn, account_ids=[one[0] for one in unseen], subject_ids=[one[1] for one in unseen],
                since=clock.midnight(since), lowest_id=ids.first_of_day(since - SPAN),
            )  # fmt: skip
        return [one for one in unseen if one[1] not in awaited]

    async def _end_person(self, account_id: UUID, subject_id: UUID) -> None:
        count = 1
        while count:
            async with self._desk.main.acquire() as conn, conn.transaction():
                count, batches = await forget_some(
                    conn, self._loader, self._bus, account_id=account_id, subject_id=subject_id, owner=self._owner
                )
            self._bus.announce(batches)
        reach("retention.messages_forgotten")
        async with self._desk.vault_pool.acquire() as conn:
            await subjects.delete_subjects(conn, account_id=account_id, ids=[subject_id])

    async def _drop_partitions(self, today: date) -> int:
        conn = await asyncpg.connect(self._owner_url)
        try:
            return sum(
                [
                    len(await partitions.drop_before(conn, table, today - timedelta(days=rule.days)))
                    for table, rule in DROPPED.items()
                ]
            )
        finally:
            await conn.close()


async def identifier_terms(conn: Conn) -> dict[int, list[UUID]]:
    """Days for which people are kept → the accounts that keep them so long."""
    chosen = await retention_store.read_terms_of_everyone(conn)
    accounts: dict[int, list[UUID]] = defaultdict(list)
    for account_id in await store.accounts_of_everyone(conn):
        accounts[chosen.get(account_id, DEFAULT).days(PEOPLE, RetentionClock.IDENTIFIER)].append(account_id)
    return accounts
