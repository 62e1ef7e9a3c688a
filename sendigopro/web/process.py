"""A web process: what it holds open, and what runs behind its doors."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from sendigopro.accounts.keys import Callers
from sendigopro.accounts.request_log import RequestLog
from sendigopro.accounts.sessions import Sessions
from sendigopro.accounts.sign_in import SignIn
from sendigopro.channels.directory import Directory
from sendigopro.events.bus import Bus
from sendigopro.foundation import logs
from sendigopro.foundation.limits import Limits
from sendigopro.foundation.postgres import CONNECTION_LOST, as_account
from sendigopro.messages.intake import Intake
from sendigopro.messages.load import Loader
from sendigopro.messages.receive import Receiver
from sendigopro.messages.view import Viewer
from sendigopro.privacy.desk import desk_of
from sendigopro.privacy.journal import Journal
from sendigopro.runtime import Runtime
from sendigopro.sso.providers import Providers, providers_of
from sendigopro.vault.key_store import open_key_store
from sendigopro.vault.vault import Vault
from sendigopro.web import app
from sendigopro.web.health import Readiness
from sendigopro.web.measures import Measures
from sendigopro.web.root import Root

RETRY_SECONDS = 0.5
CONFIG_CHANNEL = "sendigopro_config"
SUBJECTS_CHANNEL = "sendigopro_subjects"

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Web:
    """The application and the jobs it cannot do without; each runs for ever and is started again if it fails."""

    root: Root
    readiness: Readiness
    vault: Vault
    directory: Directory
    providers: Providers
    jobs: Mapping[str, Callable[[], Awaitable[None]]]


def build(runtime: Runtime) -> Web:
    """Put the parts together."""
    pool = runtime.main
    vault = Vault(runtime.vault, open_key_store(runtime.settings), subjects_max=runtime.settings.subjects_in_memory)
    directory = Directory(pool)
    intake = Intake(runtime, vault=vault, directory=directory)
    bus = Bus()  # nobody listens in a web process: its batches are leased by a worker
    sessions = Sessions(pool, vault)
    parts = app.Parts(
        runtime=runtime,
        vault=vault,
        directory=directory,
        callers=Callers(pool),
        sessions=sessions,
        way_in=SignIn(pool, vault, sessions),
        providers=providers_of(runtime.settings),
        limits=Limits(parts=runtime.settings.webs),
        acceptor=intake.acceptor,
        viewer=Viewer(reading=partial(as_account, runtime.door), vault=vault, directory=directory),
        loader=Loader(pool=pool, vault=vault, directory=directory),
        receiver=Receiver(pool=pool, vault=vault, directory=directory, bus=bus, owner=runtime.name),
        bus=bus,
        desk=desk_of(runtime, vault, Journal(runtime.settings.journal_folder)),
        readiness=Readiness(runtime, vault),
        measures=Measures(),
        requests=RequestLog(pool, paths=[one.path for one in app.all_operations()]),
    )
    jobs: dict[str, Callable[[], Awaitable[None]]] = {
        "take in": intake.run,
        "follow keys": parts.callers.run,
        "follow configuration": lambda: follow(runtime, directory, vault),
        "measure": parts.measures.run,
        "log requests": parts.requests.run,
    }
    return Web(app.build(parts), parts.readiness, vault, directory, parts.providers, jobs)


async def run_jobs(web: Web) -> None:
    """Until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        for name, job in web.jobs.items():
            tasks.create_task(keep(name, job), name=name)


async def keep(name: str, job: Callable[[], Awaitable[None]]) -> None:
    """Start a job again that failed: doors must not stand before nothing."""
    while True:
        try:
            await job()
        except* CONNECTION_LOST as group:
            log.warning("job_waits_for_database", job=name, **logs.told(group.exceptions[0]))
        except* Exception as group:  # noqa: BLE001  # whatever it was, the process must outlive it
            told = logs.told(group.exceptions[0])
            log.error("job_failed", job=name, **told)  # noqa: TRY400  # a traceback shows values
        await asyncio.sleep(RETRY_SECONDS)


async def follow(runtime: Runtime, directory: Directory, vault: Vault) -> None:
    """Read carriers, routes and senders again when somebody says they changed, and subjects whose identifier did."""
    changed = asyncio.Event()

    def on_change(*_: object) -> None:
        changed.set()

    def on_subject(_conn: object, _pid: object, _channel: object, payload: object) -> None:
        vault.drop_told(str(payload))

    async with runtime.main.acquire() as conn:
        conn.add_termination_listener(on_change)
        await conn.add_listener(CONFIG_CHANNEL, on_change)
        await conn.add_listener(SUBJECTS_CHANNEL, on_subject)
        vault.drop_subjects()  # what was told while nobody listened
        try:
            while not conn.is_closed():
                await directory.refresh()
                changed.clear()
                await changed.wait()
        finally:
            conn.remove_termination_listener(on_change)
            if not conn.is_closed():
                await conn.remove_listener(CONFIG_CHANNEL, on_change)
                await conn.remove_listener(SUBJECTS_CHANNEL, on_subject)
