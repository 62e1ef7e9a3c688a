"""Which carriers this worker drains: it opens their links, holds its share of their binds, and keeps what it leased."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from sendigopro.channels import credentials as sealed_credentials
from sendigopro.channels import store as channels
from sendigopro.channels.contract import LinkEvents
from sendigopro.channels.directory import Directory
from sendigopro.channels.model import PLATFORM, Carrier
from sendigopro.channels.registry import providers
from sendigopro.foundation import clock
from sendigopro.foundation.postgres import CONNECTION_LOST, Pool
from sendigopro.messages import queue_store
from sendigopro.messages.deliver import RENEW_SECONDS, Lane
from sendigopro.messages.model import Chunk
from sendigopro.messages.settle import Settler
from sendigopro.vault.vault import Vault

log = structlog.get_logger()

BIND_RENEW_SECONDS = 2.0
BIND_LEASE_SECONDS = 10.0
DRAIN_SECONDS = 5.0


@dataclass(slots=True)
class Open:
    """A carrier being drained."""

    lane: Lane
    sealed: bytes
    slots: list[int] = field(default_factory=list)
    held_at: float = 0.0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Lanes:
    """Follows the configuration: a new carrier is drained, a changed one reopened, a removed one closed."""

    def __init__(
        self,
        *,
        pool: Pool,
        vault: Vault,
        directory: Directory,
        settler: Settler,
        owner: str,
        make_lane: Callable[[Carrier], Lane],
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._directory = directory
        self._settler = settler
        self._owner = owner
        self._make_lane = make_lane
        self._open: dict[UUID, Open] = {}
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Keep links and binds until cancelled; then drain, unbind and give everything back."""
        async with self._pool.acquire() as conn:
            await queue_store.release_of_owner(conn, owner=self._owner)
        try:
            while True:
                try:
                    await self._follow()
                except CONNECTION_LOST as error:
                    log.warning("lanes_wait_for_database", error=type(error).__name__)
                    self._let_go_of_stale_binds()
                self._changed.clear()
                try:
                    async with asyncio.timeout(BIND_RENEW_SECONDS):
                        await self._changed.wait()
                except TimeoutError:
                    continue
        finally:
            await self._close_all()

    async def renew(self) -> None:
        """Keep what is leased; apart from `run`, which may be waiting for a link to end."""
        while True:
            for opened in list(self._open.values()):
                await opened.lane.renew()
            await asyncio.sleep(RENEW_SECONDS)

    def hint(self, place: str) -> None:
        """Something was queued for a carrier at a priority (see `notify_work`): its lane looks."""
        carrier_id, _, priority = place.partition(" ")
        opened = self._open.get(UUID(carrier_id))
        if opened is not None:
            opened.lane.hint(int(priority))

    def configuration_changed(self) -> None:
        """Carriers or routes changed: look at once."""
        self._changed.set()

    def chunk_done(self, chunk: Chunk) -> None:
        """A chunk is off the books."""
        opened = self._open.get(chunk.carrier_id)
        if opened is not None:
            opened.lane.chunk_done(chunk)

    async def _follow(self) -> None:
        await self._directory.refresh_if_older()
        await self._vault.load_account(PLATFORM)  # again: memory is short, and answers that never came need it at once
        carriers = {c.id: c for c in self._directory.carriers.values() if c.is_enabled and c.provider in providers()}
        for carrier_id in [c for c in self._open if c not in carriers]:
            await self._close(carrier_id)
        async with self._pool.acquire() as conn:
            workers = await channels.count_workers(conn, name=self._owner, alive_seconds=BIND_LEASE_SECONDS)
        for carrier in carriers.values():
            try:
                await self._keep(carrier, workers)
            except CONNECTION_LOST:
                raise
            except Exception as error:  # one carrier that cannot be opened must not stop the others
                log.exception("carrier_failed", carrier=carrier.name, error=type(error).__name__)

    async def _keep(self, carrier: Carrier, workers: int) -> None:
        """Open a carrier's lane if it is new or was set up anew, and hold this worker's share of its binds."""
        async with self._pool.acquire() as conn:
            sealed = await channels.read_credentials(conn, carrier_id=carrier.id)
        opened = self._open.get(carrier.id)
        if opened is not None and (opened.sealed != sealed or opened.lane.carrier != carrier or _has_failed(opened)):
            await self._close(carrier.id)
            opened = None
        if sealed is None:
            return
        if opened is None:
            opened = await self._open_lane(carrier, sealed)
        wanted = -(-carrier.binds // workers)
        async with self._pool.acquire() as conn:
            surplus = opened.slots[wanted:]
            if surplus:
                opened.slots = opened.slots[:wanted]
                self._set_binds(opened)
                await channels.release_binds(conn, carrier_id=carrier.id, owner=self._owner, slots=surplus)
            held = await channels.hold_binds(
                conn,
                carrier_id=carrier.id,
                slots=carrier.binds,
                owner=self._owner,
                wanted=wanted,
                lease_seconds=BIND_LEASE_SECONDS,
                is_bound=opened.lane.link is not None and opened.lane.link.is_ready,
            )
        opened.held_at = clock.monotonic()
        if sorted(held) != opened.slots:
            opened.slots = sorted(held)
            self._set_binds(opened)

    def _set_binds(self, opened: Open) -> None:
        assert opened.lane.link is not None
        opened.lane.link.set_binds(len(opened.slots))

    def _let_go_of_stale_binds(self) -> None:
        """A bind that could not be renewed in time may be somebody else's now."""
        for opened in self._open.values():
            if opened.slots and clock.monotonic() - opened.held_at > BIND_LEASE_SECONDS - BIND_RENEW_SECONDS:
                opened.slots = []
                self._set_binds(opened)

    async def _open_lane(self, carrier: Carrier, sealed: bytes) -> Open:
        credentials = await sealed_credentials.open_(self._vault, carrier.id, carrier.provider, sealed)
        lane = self._make_lane(carrier)
        events = LinkEvents(lane.on_outcomes, lane.on_receipts, lane.on_inbound, lane.on_room)
        try:
            lane.link = await providers()[carrier.provider].open(credentials, events, name=carrier.name)
        except OSError as error:  # a certificate, a host: nothing is wrong with our database
            raise ValueError(f"{carrier.provider} cannot be opened: {type(error).__name__}") from error
        opened = Open(lane, sealed)
        opened.tasks = [asyncio.create_task(loop(flow)) for flow in lane.flows for loop in (lane.fetch, lane.send)]
        self._open[carrier.id] = opened
        log.info("carrier_opened", carrier=carrier.name, provider=carrier.provider)
        return opened

    async def _close(self, carrier_id: UUID) -> None:
        opened = self._open.pop(carrier_id)
        opened.lane.stop()
        _, late = await asyncio.wait(opened.tasks, timeout=DRAIN_SECONDS)
        for task in late:  # the database does not answer
            task.cancel()
        await asyncio.gather(*opened.tasks, return_exceptions=True)
        if opened.lane.link is not None:
            await opened.lane.link.close(drain_seconds=DRAIN_SECONDS)
        await self._settler.drained()  # whoever leases next must find what became of what left
        async with self._pool.acquire() as conn:
            await channels.release_binds(conn, carrier_id=carrier_id, owner=self._owner)
            await opened.lane.release(conn)

    async def _close_all(self) -> None:
        for carrier_id in list(self._open):
            try:
                await self._close(carrier_id)
            except CONNECTION_LOST:
                continue
        try:
            async with self._pool.acquire() as conn:
                await channels.remove_worker(conn, name=self._owner)
        except CONNECTION_LOST:
            return


def _has_failed(opened: Open) -> bool:
    """Whether one of its tasks ended by a fault of ours: then it is closed and opened anew."""
    ended = [task for task in opened.tasks if task.done() and not task.cancelled()]
    failures = [error for task in ended if (error := task.exception()) is not None]
    for error in failures:
        log.error("lane_failed", carrier=opened.lane.carrier.name, error=type(error).__name__, exc_info=error)
    return bool(failures)
