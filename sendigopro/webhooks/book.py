"""Whom to tell: each account's endpoints in memory, opened, with their lanes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sendigopro.foundation import clock, ids
from sendigopro.foundation.addresses import Target, read_url
from sendigopro.foundation.postgres import Pool
from sendigopro.foundation.problems import Invalid
from sendigopro.vault.vault import Vault
from sendigopro.webhooks import store
from sendigopro.webhooks.client import Client
from sendigopro.webhooks.lane import Lane
from sendigopro.webhooks.model import EndpointRow
from sendigopro.webhooks.sealed import ensure_callback, open_keys, open_url

CALLBACK_LANES_MAX = 256  # of one account: its messages can name as many hosts as they like
UNUSED_SECONDS = 600.0
LANE_UNUSED_SECONDS = 120.0


@dataclass(slots=True)
class Entry:
    """One account and mode."""

    account_id: UUID
    mode: int
    account: str
    """The id as customers see it."""
    lanes: dict[UUID, Lane] = field(default_factory=dict)
    callbacks: dict[str, Lane] = field(default_factory=dict)
    """By origin: everything of a URL before its path."""
    callback_id: UUID | None = None
    """The row whose secret signs callbacks; None while the account has none."""
    callback_keys: Sequence[bytes] = ()
    mark: str = ""
    used_at: float = 0.0


class Book:
    """Entries are read at first use and again when they change: on a hint, or within two seconds."""

    def __init__(self, *, pool: Pool, vault: Vault, client: Client, allow_private: bool) -> None:
        self._pool = pool
        self._vault = vault
        self._client = client
        self._allow_private = allow_private
        self._entries: dict[tuple[UUID, int], Entry] = {}
        self._loading: dict[tuple[UUID, int], asyncio.Lock] = {}

    def known(self, account_id: UUID, mode: int) -> Entry | None:
        return self._entries.get((account_id, mode))

    async def load(self, account_id: UUID, mode: int, *, with_callback: bool = False) -> Entry:
        """The entry, read if it is not here yet; `with_callback` also makes the account's callback secret."""
        lock = self._loading.setdefault((account_id, mode), asyncio.Lock())
        async with lock:
            entry = self._entries.get((account_id, mode))
            if entry is not None and (entry.callback_id is not None or not with_callback):
                return entry
            if with_callback:
                await ensure_callback(self._pool, self._vault, account_id=account_id, mode=mode)
            entry = entry or Entry(account_id, mode, ids.typed("acc", account_id))
            await self._read(entry)
            self._entries[account_id, mode] = entry
            return entry

    async def refresh(self) -> list[Lane]:
        """Read again what changed; returns lanes that are no more."""
        if not self._entries:
            return []
        async with self._pool.acquire() as conn:
            marks = await store.read_marks(conn, account_ids=list({account_id for account_id, _ in self._entries}))
        gone: list[Lane] = []
        for key, entry in tuple(self._entries.items()):
            if marks.get(key, "") != entry.mark:
                gone += await self._read(entry)
        return gone

    def drop_unused(self) -> None:
        """Forget accounts that nothing has happened to for a while, and hosts nobody names any more."""
        now = clock.monotonic()
        for key, entry in tuple(self._entries.items()):
            for origin, lane in tuple(entry.callbacks.items()):
                if lane.pool.is_idle and now - lane.used_at > LANE_UNUSED_SECONDS:
                    lane.pool.close()
                    del entry.callbacks[origin]
            is_idle = not entry.callbacks and all(lane.pool.is_idle for lane in entry.lanes.values())
            if is_idle and now - entry.used_at > UNUSED_SECONDS:
                for lane in entry.lanes.values():
                    lane.pool.close()
                del self._entries[key]
                self._loading.pop(key, None)

    def callback_lane(self, entry: Entry, url: str) -> tuple[Lane, bytes] | None:
        """The lane for a message's own URL, and its path; None for a URL that webhooks may not go to."""
        if entry.callback_id is None:
            return None
        try:
            target = read_url(url, allow_private=self._allow_private)
        except Invalid:
            return None
        slash = url.find("/", url.find("//") + 2)
        origin = url if slash < 0 else url[:slash]
        lane = entry.callbacks.get(origin)
        if lane is None:
            if len(entry.callbacks) >= CALLBACK_LANES_MAX:
                self._drop_one(entry)
            lane_id = ids.from_bytes(self._vault.origin_mac(entry.account_id, origin))
            lane = self._lane(entry, lane_id, entry.callback_id, target, is_callback=True)
            lane.keys = entry.callback_keys
            entry.callbacks[origin] = lane
        lane.used_at = clock.monotonic()
        return lane, target.path.encode()

    def lanes(self) -> list[Lane]:
        return [lane for entry in self._entries.values() for lane in (*entry.lanes.values(), *entry.callbacks.values())]

    async def _read(self, entry: Entry) -> list[Lane]:
        """Bring an entry up to date; lanes keep their connections and what they learned."""
        async with self._pool.acquire() as conn:
            marks = await store.read_marks(conn, account_ids=[entry.account_id])
            rows = await store.read_endpoints(conn, account_id=entry.account_id, mode=entry.mode)
            secrets = await store.read_secrets(conn, account_id=entry.account_id, endpoint_ids=[row.id for row in rows])
        await self._vault.load_account(entry.account_id)
        keys = await open_keys(self._vault, entry.account_id, secrets)
        kept: dict[UUID, Lane] = {}
        for row in rows:
            if row.is_callback:
                entry.callback_id, entry.callback_keys = row.id, keys.get(row.id, ())
                for lane in entry.callbacks.values():
                    lane.keys = entry.callback_keys
            elif row.is_enabled and (its := await self._endpoint_lane(entry, row)) is not None:
                its.keys = keys.get(row.id, ())
                its.types = frozenset(row.event_types) or None
                kept[row.id] = its
        gone = [lane for lane_id, lane in entry.lanes.items() if lane_id not in kept]
        entry.lanes = kept
        # Read before the rows: a change in between is seen as one more change, never missed.
        entry.mark = marks.get((entry.account_id, entry.mode), "")
        return gone

    async def _endpoint_lane(self, entry: Entry, row: EndpointRow) -> Lane | None:
        url = await open_url(self._vault, row)
        try:
            target = read_url(url, allow_private=self._allow_private)
        except Invalid:
            return None  # private addresses were allowed when it was made, and are not any more
        lane = entry.lanes.get(row.id)
        if lane is None:
            return self._lane(entry, row.id, row.id, target, is_callback=False)
        lane.aim(target)
        return lane

    def _lane(self, entry: Entry, lane_id: UUID, endpoint_id: UUID, target: Target, *, is_callback: bool) -> Lane:
        return Lane(
            self._client,
            account_id=entry.account_id,
            mode=entry.mode,
            lane_id=lane_id,
            endpoint_id=endpoint_id,
            target=target,
            is_callback=is_callback,
        )

    @staticmethod
    def _drop_one(entry: Entry) -> None:
        """Make room for another host: the one unused for longest goes, if it is idle."""
        idle = [(lane.used_at, origin) for origin, lane in entry.callbacks.items() if lane.pool.is_idle]
        if idle:
            entry.callbacks.pop(min(idle)[1]).pool.close()
