"""What is set up, in memory: carriers, routes, senders and terms of retention, read again when they change."""

from collections.abc import Mapping
from uuid import UUID

from sendigopro.accounts import retention_store
from sendigopro.accounts.retention_terms import DEFAULT, RetentionTerms
from sendigopro.channels import store
from sendigopro.channels.model import PLATFORM, Carrier, Sender
from sendigopro.foundation import clock
from sendigopro.foundation.postgres import Pool

STALE_SECONDS = 5.0


class Directory:
    """A process's copy of the configuration of channels; `refresh` is called on NOTIFY and every few seconds."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.carriers: dict[UUID, Carrier] = {}
        self._routes: dict[tuple[UUID, int, int], tuple[UUID, ...]] = {}
        self._senders: dict[tuple[UUID, int, str], Sender] = {}
        self._defaults: dict[tuple[UUID, int], Sender] = {}
        self._by_id: dict[UUID, Sender] = {}
        self._owners: dict[tuple[int, str], Sender] = {}
        self._retention: Mapping[UUID, RetentionTerms] = {}
        self._read_at = 0.0

    async def refresh(self) -> None:
        """Read everything again."""
        async with self._pool.acquire() as conn:
            self.carriers = {carrier.id: carrier for carrier in await store.read_carriers(conn)}
            self._routes = await store.read_routes_of_everyone(conn)
            senders = await store.read_senders_of_everyone(conn)
            self._retention = await retention_store.read_terms_of_everyone(conn)
        self._senders = {(s.account_id, s.channel, s.value): s for s in senders}
        self._by_id = {s.id: s for s in senders}
        self._owners = {(s.channel, s.value): s for s in reversed(senders)}  # the first to have it owns it
        self._defaults = {(s.account_id, s.channel): s for s in senders if s.is_default}
        self._read_at = clock.monotonic()

    async def refresh_if_older(self, seconds: float = STALE_SECONDS) -> None:
        """The net under NOTIFY."""
        if clock.monotonic() - self._read_at > seconds:
            await self.refresh()

    def route(self, account_id: UUID, mode: int, channel: int) -> tuple[Carrier, ...]:
        """The carriers a message may take, best first; empty when none is set up."""
        key = (account_id, mode, channel)
        chosen = self._routes.get(key) or self._routes.get((PLATFORM, mode, channel), ())
        return tuple(self.carriers[carrier_id] for carrier_id in chosen if carrier_id in self.carriers)

    def sender(self, account_id: UUID, channel: int, value: str | None) -> Sender | None:
        """The sender of that name, or the default one."""
        if value is None:
            return self._defaults.get((account_id, channel))
        return self._senders.get((account_id, channel, value))

    def sender_by_id(self, sender_id: UUID) -> Sender | None:
        """The sender a stored message names."""
        return self._by_id.get(sender_id)

    def senders_of(self, account_id: UUID) -> list[Sender]:
        """All senders of an account."""
        return [sender for sender in self._by_id.values() if sender.account_id == account_id]

    def owner_of(self, channel: int, value: str) -> Sender | None:
        """Whose sender this is: where an inbound message goes."""
        return self._owners.get((channel, value))

    def retention(self, account_id: UUID) -> RetentionTerms:
        """How long what an account's messages hold is kept."""
        return self._retention.get(account_id, DEFAULT)
