"""The vault: from an identifier to its subject and back, the keys of accounts and days; nothing is clear at rest."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from sendigopro.foundation import clock
from sendigopro.foundation.personal import Phone
from sendigopro.foundation.phones import PhoneNumber
from sendigopro.foundation.postgres import Pool
from sendigopro.foundation.recent import Recent
from sendigopro.vault import enrol, macs, sealing, store
from sendigopro.vault.enrol import Enrolment, Group, Wanted
from sendigopro.vault.keys import KeyErasedError
from sendigopro.vault.model import PLATFORM, AccountKeys, BucketKey, Subject
from sendigopro.vault.seen import SeenAgain
from sendigopro.vault.slots import Slots
from sendigopro.vault.tree import KeyTree

__all__ = ["PLATFORM", "KeyErasedError", "Subject", "Vault"]

T = TypeVar("T")
ERASURE_CHECK_SECONDS = 0.3
MODES = (0, 1)


class Vault:
    """One per process. Every method takes the account first: nothing is ever looked up across accounts."""

    def __init__(
        self,
        pool: Pool,
        keys: KeyTree,
        *,
        subjects_max: int = 50_000,
        accounts_max: int = 50_000,
        buckets_max: int = 10_000,
    ) -> None:
        self._pool = pool
        self.keys = keys
        self._slots = Slots(pool, keys)
        self._seen = SeenAgain(pool)
        self._enrolment = Enrolment(pool, keys=keys, slots=self._slots, on_seen_again=self._seen.add)
        self._by_lookup: tuple[Recent[bytes, Subject], ...] = tuple(Recent(subjects_max) for _ in MODES)
        self._by_id: Recent[bytes, Subject] = Recent(subjects_max)  # by the ids of account and subject
        self._accounts: Recent[UUID, AccountKeys] = Recent(accounts_max)
        self._buckets: Recent[tuple[UUID, date], BucketKey] = Recent(buckets_max)
        self._platform: AccountKeys | None = None  # never dropped: receipts of strangers are matched under its keys
        self._loads: dict[object, asyncio.Future[Any]] = {}
        self._epoch = keys.epoch
        self._day = clock.today()
        self._check_at = 0.0

    # Subjects

    def known(self, account_id: UUID, mode: int, phone: PhoneNumber) -> Subject | None:
        """The subject, if it is in memory; no waiting."""
        if clock.monotonic() >= self._check_at:
            self._drop_erased()
        keys = self._accounts.get(account_id)
        if keys is None:
            return None
        return self._by_lookup[mode].get(macs.lookup_mac(keys.lookup, macs.PHONE, phone.phone.reveal()))

    async def subjects_of(self, account_id: UUID, mode: int, phones: Sequence[PhoneNumber]) -> list[Subject]:
        """The subjects of these numbers, in order; who is new to the account is enrolled, and on disk on return."""
        if clock.monotonic() >= self._check_at:
            self._drop_erased()
        keys = self._accounts.get(account_id) or await self.load_account(account_id)
        cache = self._by_lookup[mode]
        found: list[Subject | Wanted] = []
        groups: dict[int, Group] = {}
        for phone in phones:
            lookup = macs.lookup_mac(keys.lookup, macs.PHONE, phone.phone.reveal())
            subject = cache.get(lookup)
            if subject is not None:
                found.append(subject)
                continue
            wanted, group = self._enrolment.want(Wanted(keys, mode, lookup, phone.phone, phone.country))
            groups[id(group)] = group
            found.append(wanted)
        if groups:
            epoch = self.keys.epoch
            await enrol.wait_for(groups.values())
            self._remember((one for one in found if isinstance(one, Wanted)), epoch)
        return [one if isinstance(one, Subject) else one.found() for one in found]

    async def open_subjects(self, account_id: UUID, subject_ids: Sequence[UUID]) -> dict[UUID, Subject]:
        """Who these ids are; an erased one, or one of another account, is absent."""
        if clock.monotonic() >= self._check_at:
            self._drop_erased()
        keys = await self.load_account(account_id)
        account = account_id.bytes
        found = {one: subject for one in subject_ids if (subject := self._by_id.get(account + one.bytes)) is not None}
        missing = [one for one in subject_ids if one not in found]
        if missing:
            epoch = self.keys.epoch
            async with self._pool.acquire() as conn:
                rows = await store.read_subjects(conn, account_id=account_id, ids=missing)
            opened = [(row, subject) for row in rows if (subject := self._opened(keys, row)) is not None]
            found.update((row.id, subject) for row, subject in opened)
            if self.keys.epoch == epoch:
                for row, subject in opened:
                    self._by_id.put(account + subject.raw_id, subject)
                    self._by_lookup[row.mode].put(row.lookup, subject)
        return found

    async def find(self, account_id: UUID, mode: int, phone: PhoneNumber) -> Subject | None:
        """The subject of a number, if the account knows it."""
        known = self.known(account_id, mode, phone)
        if known is not None:
            return known
        keys = await self.load_account(account_id)
        lookup = macs.lookup_mac(keys.lookup, macs.PHONE, phone.phone.reveal())
        async with self._pool.acquire() as conn:
            rows = await store.find_subjects(conn, account_ids=[account_id], modes=[mode], lookups=[[lookup]])
        for row in rows:
            try:
                return Subject(row.id.bytes, phone.phone, row.country, self.keys.key(row.key_slot), row.key_slot)
            except KeyErasedError:
                continue
        return None

    async def unseen_among(self, account_id: UUID, subject_ids: Sequence[UUID], *, since: date) -> list[UUID]:
        """Those of them whom the account has not met since that day."""
        async with self._pool.acquire() as conn:
            return await store.unseen_among(conn, account_id=account_id, ids=subject_ids, since=since)

    # Forgetting

    async def forget(self, slots: Sequence[int]) -> None:
        """Condemn keys: on return nobody in this process opens what they sealed, and in no other after 0.3 s."""
        alive = [slot for slot in set(slots) if self._is_alive(slot)]
        if alive:
            await asyncio.to_thread(self.keys.condemn, alive)
        self._drop_erased()

    async def finish_forgetting(self) -> None:
        """Make it true of every backup as well. May take long; for nothing that is condemned it does nothing."""
        await asyncio.to_thread(self.keys.destroy)

    def _is_alive(self, slot: int) -> bool:
        try:
            self.keys.key(slot)
        except KeyErasedError:
            return False
        return True

    def drop_subject(self, account_id: UUID, subject_id: UUID) -> None:
        """Look a subject up anew: another process has changed who it is."""
        self._by_id.drop(account_id.bytes + subject_id.bytes)
        for by_lookup in self._by_lookup:
            by_lookup.drop_where(lambda subject: subject.raw_id == subject_id.bytes)

    def drop_told(self, payload: str) -> None:
        """The same as a process was notified of it: `<account> <subject>`."""
        account_id, _, subject_id = payload.partition(" ")
        self.drop_subject(UUID(account_id), UUID(subject_id))

    def drop_subjects(self) -> None:
        """The same for all, when it is not known what was changed meanwhile."""
        self._by_id.clear()
        for by_lookup in self._by_lookup:
            by_lookup.clear()

    # Keys of days

    def bucket_key_known(self, account_id: UUID, bucket: date) -> bytes | None:
        """The key of an account and day of expiry, if it is in memory."""
        if clock.monotonic() >= self._check_at:
            self._drop_erased()
        found = self._buckets.get((account_id, bucket))
        return None if found is None or bucket < self._day else found.key

    async def bucket_key(self, account_id: UUID, bucket: date) -> bytes:
        """The same, read or made; `KeyErasedError` once the day is over, even if its key is not destroyed yet."""
        if bucket < clock.today():
            raise KeyErasedError(f"the day {bucket} is over")
        known = self.bucket_key_known(account_id, bucket)
        if known is not None:
            return known
        loaded = await self._once((account_id, bucket), lambda: self._load_bucket(account_id, bucket))
        return loaded.key

    @staticmethod
    def message_key(subject_key: bytes, bucket_key: bytes) -> bytes:
        """For the body and details of a message to this subject, kept until this day."""
        return sealing.message_key(subject_key, bucket_key)

    # Keys of what ends by itself

    async def take_slot(self) -> int:
        """A key nobody else has, by its place in the key store; `forget` ends it, and what it sealed."""
        async with self._pool.acquire() as conn:
            (slot,) = await self._slots.take(conn, 1)
        return slot

    # What is found without being kept

    async def load_account(self, account_id: UUID) -> AccountKeys:
        """Have the account's keys in memory: after it the MACs below can be asked for without waiting."""
        known = self._accounts.get(account_id)
        if known is not None:
            return known
        return await self._once(account_id, lambda: self._load_account(account_id))

    def lookup_mac(self, account_id: UUID, kind: int, normalised: str) -> bytes:
        return macs.lookup_mac(self._loaded(account_id).lookup, kind, normalised)

    def suppression_mac(self, account_id: UUID, phone: Phone) -> bytes:
        """By which `standing` knows who must not be contacted."""
        return macs.suppression_mac(self._loaded(account_id).suppression, macs.PHONE, phone.reveal())

    def tag_mac(self, account_id: UUID, tag: str) -> bytes:
        return macs.tag_mac(self._loaded(account_id).lookup, tag)

    def origin_mac(self, account_id: UUID, origin: str) -> bytes:
        return macs.origin_mac(self._loaded(account_id).lookup, origin)

    async def idempotency_mac(self, account_id: UUID, text: str) -> bytes:
        return macs.idempotency_mac((await self.load_account(account_id)).lookup, text)

    async def body_mac(self, account_id: UUID, body: bytes) -> bytes:
        return macs.body_mac((await self.load_account(account_id)).lookup, body)

    # What an account keeps for itself

    async def seal_account(self, account_id: UUID, table: str, column: str, row_id: UUID, clear: bytes) -> bytes:
        """Seal a secret of the account's own (of the installation's own: `PLATFORM`)."""
        key = sealing.account_secret_key((await self.load_account(account_id)).seal)
        return sealing.seal(key, (account_id.bytes, table.encode(), column.encode(), row_id.bytes), clear)

    async def open_account(self, account_id: UUID, table: str, column: str, row_id: UUID, sealed: bytes) -> bytes:
        """Open what `seal_account` made; `UnreadableError` for anything else."""
        key = sealing.account_secret_key((await self.load_account(account_id)).seal)
        return sealing.open_(key, (account_id.bytes, table.encode(), column.encode(), row_id.bytes), sealed)

    async def close(self) -> None:
        """Write what waits to be written."""
        await self._enrolment.close()
        await self._slots.close()
        await self._seen.close()

    # Inside

    def _remember(self, settled: Iterable[Wanted], epoch: int) -> None:
        """Keep them in memory, unless something was erased since they were asked for: it could be one of them."""
        if self.keys.epoch != epoch:
            return
        for one in settled:
            subject = one.found()
            self._by_lookup[one.mode].put(one.lookup, subject)
            self._by_id.put(one.keys.account_id.bytes + subject.raw_id, subject)

    def _opened(self, keys: AccountKeys, row: store.SealedSubject) -> Subject | None:
        try:
            key = self.keys.key(row.key_slot)
        except KeyErasedError:
            return None
        place = (keys.account_id.bytes, enrol.TABLE, enrol.COLUMN, row.id.bytes)
        clear = sealing.open_(sealing.identifier_key(key, keys.seal), place, row.identifier)
        return Subject(row.id.bytes, Phone(clear.decode()), row.country, key, row.key_slot)

    def _loaded(self, account_id: UUID) -> AccountKeys:
        keys = self._platform if account_id == PLATFORM else self._accounts.get(account_id)
        if keys is None:
            raise RuntimeError(
                "await load_account (or subjects_of, open_subjects) before asking for this account's MACs"
            )
        return keys

    async def _load_account(self, account_id: UUID) -> AccountKeys:
        epoch = self.keys.epoch
        async with self._pool.acquire() as conn:
            slots = await store.read_account_slots(conn, account_id=account_id)
            if slots is None:
                lookup, suppression, own = await self._slots.take(conn, 3)
                await store.insert_account_slots(conn, account_id=account_id, slots=(lookup, suppression, own))
                slots = await store.read_account_slots(conn, account_id=account_id)
        if slots is None:
            raise RuntimeError("an account's keys vanished while they were made")
        lookup_key, suppression_key, seal_key = (self.keys.key(slot) for slot in slots)
        keys = AccountKeys(account_id, lookup_key, suppression_key, seal_key, slots)
        if account_id == PLATFORM:
            self._platform = keys
        if self.keys.epoch == epoch:
            self._accounts.put(account_id, keys)
        return keys

    async def _load_bucket(self, account_id: UUID, bucket: date) -> BucketKey:
        epoch = self.keys.epoch
        async with self._pool.acquire() as conn:
            slot = await store.read_bucket_slot(conn, account_id=account_id, bucket=bucket)
            if slot is None:
                (fresh,) = await self._slots.take(conn, 1)
                await store.insert_bucket_slot(conn, account_id=account_id, bucket=bucket, slot=fresh)
                slot = await store.read_bucket_slot(conn, account_id=account_id, bucket=bucket)
        if slot is None:
            raise RuntimeError("a bucket vanished while it was made")
        found = BucketKey(self.keys.key(slot), slot)
        if self.keys.epoch == epoch:
            self._buckets.put((account_id, bucket), found)
        return found

    async def _once(self, name: object, load: Callable[[], Awaitable[T]]) -> T:
        """Who asks for what is being loaded waits for the same load."""
        task: asyncio.Future[T] | None = self._loads.get(name)
        if task is None:
            task = asyncio.ensure_future(load())
            self._loads[name] = task
            task.add_done_callback(lambda _: self._loads.pop(name, None))
        return await asyncio.shield(task)

    def _drop_erased(self) -> None:
        """Forget what was erased since the last look, and begin each day with looking everybody up once."""
        self._check_at = clock.monotonic() + ERASURE_CHECK_SECONDS
        today = clock.today()
        if today != self._day:
            self._day = today
            for cache in self._by_lookup:
                cache.clear()
        self.keys.look()
        epoch = self.keys.epoch
        if epoch == self._epoch:
            return
        gone = frozenset(self.keys.erased_since(self._epoch))
        self._epoch = epoch
        for by_lookup in self._by_lookup:
            by_lookup.drop_where(lambda subject: subject.slot in gone)
        self._by_id.drop_where(lambda subject: subject.slot in gone)
        self._buckets.drop_where(lambda bucket: bucket.slot in gone)
        self._accounts.drop_where(lambda keys: not gone.isdisjoint(keys.slots))
