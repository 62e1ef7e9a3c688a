"""A worker process: which job and which event each function handles, in one visible table."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import structlog

from sendigopro.accounts import grants
from sendigopro.accounts import store as accounts
from sendigopro.channels.directory import Directory
from sendigopro.channels.model import Carrier
from sendigopro.console.export_job import Exports
from sendigopro.events.bus import Bus
from sendigopro.foundation import partitions
from sendigopro.foundation.postgres import CONNECTION_LOST, as_everyone
from sendigopro.mail.send import Outgoing
from sendigopro.mail.smtp import read_sender, read_server
from sendigopro.mail.store import CHANNEL as MAIL_CHANNEL
from sendigopro.messages import upkeep
from sendigopro.messages.deliver import Lane
from sendigopro.messages.lanes import Lanes
from sendigopro.messages.load import Loader
from sendigopro.messages.receipts import Book, Receipts
from sendigopro.messages.receive import Receiver
from sendigopro.messages.settle import Settler
from sendigopro.messages.sweep import Sweeper
from sendigopro.messages.view import Viewer
from sendigopro.privacy.desk import desk_of
from sendigopro.privacy.hand_out import Packages
from sendigopro.privacy.holds.place import Follower
from sendigopro.privacy.job import Erasures
from sendigopro.privacy.journal import Journal
from sendigopro.privacy.package.model import Sources
from sendigopro.privacy.retention.job import Retention
from sendigopro.runtime import Runtime
from sendigopro.vault import grow, snapshots
from sendigopro.vault.key_store import open_key_store, recovery_keeper
from sendigopro.vault.vault import Vault
from sendigopro.webhooks.again import Again
from sendigopro.webhooks.deliver import Deliveries

log = structlog.get_logger()

SETTLE_LINGER_SECONDS = 0.012
RECEIPT_WAIT_SECONDS = 3 * 24 * 3600
LISTEN_RETRY_SECONDS = 1.0
SETTINGS_SECONDS = 5.0


@dataclass(slots=True)
class Worker:
    """What one worker process does; each entry of `jobs` runs for ever and is started again if it fails."""

    runtime: Runtime
    vault: Vault
    directory: Directory
    lanes: Lanes
    webhooks: Deliveries
    mails: Outgoing | None
    """None without a server to send them by."""
    jobs: dict[str, Callable[[], Awaitable[None]]]
    resending: set[UUID] = field(default_factory=set)


def build(runtime: Runtime) -> Worker:
    """Put the parts together."""
    pool, owner = runtime.main, runtime.name
    keys = open_key_store(runtime.settings)
    vault = Vault(runtime.vault, keys, subjects_max=runtime.settings.subjects_in_memory)
    directory = Directory(pool)
    bus = Bus()
    resending: set[UUID] = set()
    loader = Loader(pool=pool, vault=vault, directory=directory)
    settler = Settler(
        pool=pool, bus=bus, owner=owner, linger_seconds=SETTLE_LINGER_SECONDS, receipt_wait_seconds=RECEIPT_WAIT_SECONDS
    )
    book = Book()
    receipts = Receipts(pool=pool, vault=vault, loader=loader, settler=settler, book=book)
    receiver = Receiver(pool=pool, vault=vault, directory=directory, bus=bus, owner=owner)
    sweeper = Sweeper(
        pool=pool, loader=loader, directory=directory, bus=bus, owner=owner, receipt_wait_seconds=RECEIPT_WAIT_SECONDS
    )

    def make_lane(carrier: Carrier) -> Lane:
        return Lane(
            carrier, owner=owner, pool=pool, vault=vault, directory=directory, loader=loader, settler=settler,
            receipts=receipts, book=book, receiver=receiver, resends_unclear=resending.__contains__,
        )  # fmt: skip

    lanes = Lanes(pool=pool, vault=vault, directory=directory, settler=settler, owner=owner, make_lane=make_lane)
    settler.on_chunk_done = lanes.chunk_done
    viewer = Viewer(reading=partial(as_everyone, pool), vault=vault, directory=directory)
    webhooks = Deliveries(
        pool=pool, vault=vault, viewer=viewer, bus=bus, owner=owner,
        allow_private=runtime.settings.allow_private_webhooks,
    )  # fmt: skip
    bus.subscribe(webhooks.take)
    desk = desk_of(runtime, vault, Journal(runtime.settings.journal_folder))
    sources = Sources(pool, runtime.vault, vault, directory)
    mails = outgoing_of(runtime, vault)
    retention = Retention(
        desk, loader=loader, bus=bus, owner=owner, owner_url=runtime.settings.main("owner"),
        log_folder=runtime.settings.data_dir / "log",
    )  # fmt: skip
    worker = Worker(runtime, vault, directory, lanes, webhooks, mails, {}, resending)
    worker.jobs = {
        "settle": settler.run,
        "lanes": lanes.run,
        "renew leases": lanes.renew,
        "receipts": receipts.run,
        "rematch receipts": receipts.rematch,
        "receive": receiver.run,
        "sweep": sweeper.run,
        "listen": partial(_listen, worker),
        "read settings": partial(_read_settings, worker),
        "upkeep": partial(upkeep.run, pool),
        "partitions": partial(partitions.keep_ahead, [runtime.settings.main("owner"), runtime.settings.vault("owner")]),
        "grow keys": partial(grow.keep_ahead, keys),
        "destroy recovery keys": partial(snapshots.keep_expiring, keys, recovery_keeper(runtime.settings)),
        "write webhooks": webhooks.write,
        "prepare webhooks": webhooks.prepare,
        "watch webhook endpoints": webhooks.watch,
        "repeat webhooks": Again(webhooks, pool).run,
        "erase": Erasures(desk, loader=loader, bus=bus, owner=owner).run,
        "packages": Packages(desk, sources).run,
        "lead staff out": partial(grants.keep_leading_out, pool),
        "exports": Exports(
            pool, vault=vault, viewer=viewer, directory=directory, folder=runtime.settings.exports_folder
        ).run,
        "holds": Follower(sources).run,
        "retention": retention.run,
        **({} if mails is None else {"send mails": mails.run}),
    }
    return worker


def outgoing_of(runtime: Runtime, vault: Vault) -> Outgoing | None:
    chosen = runtime.settings
    if not chosen.sends_mail:
        return None
    sender = read_sender(chosen.mail_from, host=chosen.hostname)
    return Outgoing(runtime.main, vault, server=read_server(chosen.smtp_url), sender=sender)


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """Do every job until told to stop; what the carriers still owe us is waited for by the lanes."""
    await worker.directory.refresh()
    tasks = {name: asyncio.create_task(_keep(name, job), name=name) for name, job in worker.jobs.items()}
    try:
        await stop.wait()
    finally:  # who is cancelled leaves no job behind
        lanes = tasks.pop("lanes")
        lanes.cancel()  # first: its end still needs the settler
        await asyncio.gather(lanes, return_exceptions=True)
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        await worker.webhooks.close()


async def _keep(name: str, job: Callable[[], Awaitable[None]]) -> None:
    """A job that fails is a fault of ours: it is logged, and started again."""
    while True:
        try:
            await job()
        except CONNECTION_LOST as error:
            log.warning("job_waits_for_database", job=name, error=type(error).__name__)
        except Exception as error:  # the worker must outlive a fault in one of its jobs
            log.exception("job_failed", job=name, error=type(error).__name__)
        await asyncio.sleep(LISTEN_RETRY_SECONDS)


async def _listen(worker: Worker) -> None:
    """Hear hints of new work and of changed configuration; polls are the net under them."""
    changed = asyncio.Event()

    def on_work(_conn: object, _pid: object, _channel: object, place: object) -> None:
        worker.lanes.hint(str(place))

    def on_config(*_: object) -> None:
        changed.set()

    def on_subject(_conn: object, _pid: object, _channel: object, payload: object) -> None:
        worker.vault.drop_told(str(payload))

    def on_mail(*_: object) -> None:
        if worker.mails is not None:
            worker.mails.hint()

    async with worker.runtime.main.acquire() as conn:
        closed = asyncio.Event()
        conn.add_termination_listener(lambda *_: closed.set())
        await conn.add_listener("sendigopro_work", on_work)
        await conn.add_listener("sendigopro_config", on_config)
        await conn.add_listener("sendigopro_subjects", on_subject)
        await conn.add_listener(MAIL_CHANNEL, on_mail)
        worker.vault.drop_subjects()  # what was told while nobody listened
        try:
            while not closed.is_set():
                waits = [asyncio.create_task(closed.wait()), asyncio.create_task(changed.wait())]
                _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                for task in pending:
                    task.cancel()
                if changed.is_set():
                    changed.clear()
                    await worker.directory.refresh()
                    worker.lanes.configuration_changed()
                    worker.webhooks.configuration_changed()
        finally:
            if not conn.is_closed():  # the pool takes connections back as they are
                await conn.remove_listener("sendigopro_work", on_work)
                await conn.remove_listener("sendigopro_config", on_config)
                await conn.remove_listener("sendigopro_subjects", on_subject)
                await conn.remove_listener(MAIL_CHANNEL, on_mail)


async def _read_settings(worker: Worker) -> None:
    """Which accounts want an unclear submit sent once more: a set, read again now and then."""
    while True:
        async with worker.runtime.main.acquire() as conn:
            found = await accounts.resending_of_everyone(conn)
        worker.resending.clear()
        worker.resending.update(found)
        await asyncio.sleep(SETTINGS_SECONDS)
