"""Group commit of new subjects: who is asked for at the same time is looked up, and enrolled, together."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from sendigopro.foundation import clock, ids
from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.pace import Pace
from sendigopro.foundation.personal import Phone
from sendigopro.foundation.postgres import Conn, DuplicateKeyError, Pool
from sendigopro.vault import macs, store
from sendigopro.vault.keys import KeyErasedError
from sendigopro.vault.model import AccountKeys, Subject
from sendigopro.vault.rows import pack_subject
from sendigopro.vault.sealing import Sealer, column_of, identifier_key
from sendigopro.vault.slots import Slots
from sendigopro.vault.store import StoredSubject
from sendigopro.vault.tree import KeyTree

GROUP_MAX = 500
MEET_MAX = 40
"""So many are found or made with one statement, sealed whether they are new or not."""
RACES_MAX = 5
PACE_SECONDS = 0.005
"""Groups begin at least so far apart. At half of the maximum rate they hold nine instead of four, which costs less."""
TABLE, COLUMN = b"subjects", b"identifier"


class Wanted(msgspec.Struct, gc=False):
    """One identifier somebody waits for; `subject` is there when its group is done."""

    keys: AccountKeys
    mode: int
    lookup: bytes
    phone: Phone
    country: str
    subject: Subject | None = None

    def found(self) -> Subject:
        if self.subject is None:
            raise RuntimeError("a group was done without this subject")
        return self.subject


@dataclass(slots=True)
class Group:
    """Up to 500 of them, one commit."""

    wanted: list[Wanted] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None


class Enrolment:
    """Takes what is wanted and finds or makes it; one group at a time, the next one gathers meanwhile."""

    def __init__(
        self,
        pool: Pool,
        *,
        keys: KeyTree,
        slots: Slots,
        on_seen_again: Callable[[UUID, UUID], None],
    ) -> None:
        self._pool = pool
        self._keys = keys
        self._slots = slots
        self._pace = Pace(PACE_SECONDS)
        self._on_seen_again = on_seen_again
        self._groups: deque[Group] = deque()
        self._under_way: dict[tuple[int, bytes], tuple[Wanted, Group]] = {}
        self._runner: asyncio.Task[None] | None = None

    def want(self, wanted: Wanted) -> tuple[Wanted, Group]:
        """Queue it, or join who waits for the same one."""
        key = (wanted.mode, wanted.lookup)
        twin = self._under_way.get(key)
        if twin is not None:
            return twin
        if not self._groups or len(self._groups[-1].wanted) >= GROUP_MAX:
            self._groups.append(Group())
        group = self._groups[-1]
        group.wanted.append(wanted)
        self._under_way[key] = wanted, group
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return wanted, group

    async def close(self) -> None:
        """Come back when nothing is under way."""
        if self._runner is not None:
            await asyncio.wait([self._runner])

    async def _run(self) -> None:
        try:
            while self._groups:
                await self._pace.turn()
                await self._settle(self._groups.popleft())
        finally:
            self._runner = None

    async def _settle(self, group: Group) -> None:
        try:
            await self._find_or_make(group.wanted)
        except Exception as error:  # noqa: BLE001  # whatever it was, everybody in the group is told
            group.error = error
        finally:
            for wanted in group.wanted:
                self._under_way.pop((wanted.mode, wanted.lookup), None)
            group.done.set()

    async def _find_or_make(self, wanted: Sequence[Wanted]) -> None:
        """A few take one statement; many are looked up, and who is new is copied, which costs less for each.

        Whoever loses a race to another process is looked up again.
        """
        missing = list(wanted)
        async with self._pool.acquire() as conn:
            if len(missing) > MEET_MAX:
                missing = await self._find(conn, missing)
                missing = await self._copy(conn, missing) if missing else []
            for _ in range(RACES_MAX):
                if not missing:
                    return
                missing = await self._meet(conn, missing)
        if missing:
            raise RuntimeError("subjects appeared and vanished five times in a row")

    async def _find(self, conn: Conn, wanted: list[Wanted]) -> list[Wanted]:
        """Fill in those that are stored; returns the others."""
        sought: dict[tuple[UUID, int], list[bytes]] = {}
        for one in wanted:
            sought.setdefault((one.keys.account_id, one.mode), []).append(one.lookup)
        rows = await store.find_subjects(
            conn,
            account_ids=[account_id for account_id, _ in sought],
            modes=[mode for _, mode in sought],
            lookups=list(sought.values()),
        )
        return await self._fill_in(conn, wanted, rows)

    async def _copy(self, conn: Conn, wanted: list[Wanted]) -> list[Wanted]:
        """COPY new ones, all or none: it knows no ON CONFLICT. In one order, so that no two groups wait in a circle."""
        new = await self._enrolled(conn, wanted)
        today = clock.today()
        rows = sorted(
            pack_subject(
                account_id=one.keys.account_id.bytes, mode=one.mode, lookup=one.lookup, subject_id=subject.raw_id,
                kind=macs.PHONE, key_slot=subject.slot, country=one.country, identifier=sealed, today=today,
            )
            for one, (subject, sealed) in zip(wanted, new, strict=True)
        )  # fmt: skip
        try:
            await store.copy_subjects(conn, rows)
        except DuplicateKeyError:
            self._slots.give_back([subject.slot for subject, _ in new])
            return wanted
        reach("vault.subjects_committed")
        for one, (subject, _) in zip(wanted, new, strict=True):
            one.subject = subject
        return []

    async def _meet(self, conn: Conn, wanted: list[Wanted]) -> list[Wanted]:
        """Find them or make them, with one statement; returns those whom another process enrols at this moment."""
        new = await self._enrolled(conn, wanted)
        rows = await store.meet_subjects(
            conn,
            account_ids=[one.keys.account_id for one in wanted],
            ids=[subject.id for subject, _ in new],
            modes=[one.mode for one in wanted],
            kind=macs.PHONE,
            lookups=[one.lookup for one in wanted],
            identifiers=[sealed for _, sealed in new],
            key_slots=[subject.slot for subject, _ in new],
            countries=[one.country for one in wanted],
            today=clock.today(),
        )
        reach("vault.subjects_committed")
        used = {row.key_slot for row in rows}
        self._slots.give_back([subject.slot for subject, _ in new if subject.slot not in used])
        return await self._fill_in(conn, wanted, rows)

    async def _fill_in(self, conn: Conn, wanted: list[Wanted], rows: Sequence[StoredSubject]) -> list[Wanted]:
        """Give each its subject; returns those without. Rows whose key is dead make room for a new subject."""
        today = clock.today()
        stored = {(row.mode, row.lookup): row for row in rows}
        dead: list[StoredSubject] = []
        missing = []
        for one in wanted:
            row = stored.get((one.mode, one.lookup))
            if row is None:
                missing.append(one)
                continue
            try:
                key = self._keys.key(row.key_slot)
            except KeyErasedError:
                dead.append(row)
                missing.append(one)
                continue
            one.subject = Subject(row.id.bytes, one.phone, row.country, key, row.key_slot)
            if row.last_seen < today:
                self._on_seen_again(row.account_id, row.id)
        for row in dead:
            await store.delete_subjects(conn, account_id=row.account_id, ids=[row.id])
        return missing

    async def _enrolled(self, conn: Conn, wanted: Sequence[Wanted]) -> list[tuple[Subject, bytes]]:
        """Subjects with keys of their own, and their sealed identifiers; nothing is stored yet."""
        slots = await self._slots.take(conn, len(wanted))
        return [self._sealed(one, slot) for one, slot in zip(wanted, slots, strict=True)]

    def _sealed(self, one: Wanted, slot: int) -> tuple[Subject, bytes]:
        key = self._keys.key(slot)
        subject_id, keys = ids.new_bytes(), one.keys
        sealer = Sealer(identifier_key(key, keys.seal))
        sealed = sealer.seal(column_of(keys.account_id.bytes, TABLE, COLUMN), subject_id, one.phone.reveal().encode())
        return Subject(subject_id, one.phone, one.country, key, slot), sealed


async def wait_for(groups: Iterable[Group]) -> None:
    """Come back when all groups are done; raises what went wrong with the first that failed."""
    for group in groups:
        await group.done.wait()
        if group.error is not None:
            raise group.error
