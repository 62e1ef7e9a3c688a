"""Whether this process lives, whether it may be sent requests, and its numbers. Nothing personal in any of them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from sendigopro.foundation import clock, metrics, partitions
from sendigopro.foundation.asgi import JSON_TYPE, App, Receive, Scope, Send, answer
from sendigopro.foundation.postgres import CONNECTION_LOST, ping
from sendigopro.messages.intake import has_disk
from sendigopro.runtime import Runtime
from sendigopro.vault.model import PLATFORM
from sendigopro.vault.vault import Vault
from sendigopro.web import health_store

CHECK_SECONDS_MAX = 1.0
PARTITION_DAYS_MIN = 2
SLOW_CHECK_EVERY_SECONDS = 60.0

Check = Callable[[], Awaitable[str]]


class Readiness:
    """Each check gives "ok" or what is wrong, in words that name no setting's value."""

    def __init__(self, runtime: Runtime, vault: Vault) -> None:
        self.runtime = runtime
        self.vault = vault
        self.partition_days: tuple[float, int] | None = None

    async def look(self) -> Mapping[str, str]:
        """All checks at once; a hanging one is "too slow"."""
        checks: dict[str, Check] = {
            "database": self.database,
            "vault": self.vault_database,
            "keys": self.keys,
            "partitions": self.partitions,
            "disk": self.disk,
        }
        results = await asyncio.gather(*(surely(check) for check in checks.values()))
        return dict(zip(checks, results, strict=True))

    async def is_ready(self) -> bool:
        """For the supervisor."""
        return set((await self.look()).values()) == {"ok"}

    async def database(self) -> str:
        await ping(self.runtime.main)
        return "ok"

    async def vault_database(self) -> str:
        await ping(self.runtime.vault)
        return "ok"

    async def keys(self) -> str:
        await self.vault.load_account(PLATFORM)
        return "ok"

    async def partitions(self) -> str:
        """Days covered by the table that runs out first; looked at once a minute, for it is a slow question."""
        now = clock.monotonic()
        if self.partition_days is None or now - self.partition_days[0] > SLOW_CHECK_EVERY_SECONDS:
            async with self.runtime.main.acquire() as conn:
                self.partition_days = now, await partitions.days_ahead(conn, today=clock.today())
        days = self.partition_days[1]
        return "ok" if days >= PARTITION_DAYS_MIN else f"made for {days} days ahead only: run sendigopro migrate"

    async def disk(self) -> str:
        return "ok" if has_disk(self.runtime.settings.data_dir) else "nearly full: nothing more is accepted"


async def surely(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            return await check()
    except TimeoutError:
        return "too slow"
    except (*CONNECTION_LOST, LookupError) as error:
        return f"not reachable ({type(error).__name__})"


async def healthz(_scope: Scope, _receive: Receive, send: Send) -> None:
    """The process answers."""
    await answer(send, 200, b'{"status":"ok"}')


def readyz(readiness: Readiness) -> App:
    """Everything it needs answers too."""

    async def door(_scope: Scope, _receive: Receive, send: Send) -> None:
        checks = await readiness.look()
        is_ready = set(checks.values()) == {"ok"}
        body = msgspec.json.encode({"status": "ready" if is_ready else "not_ready", "checks": checks})
        await answer(send, 200 if is_ready else 503, body, [JSON_TYPE])

    return door


BACKLOG = {
    "queued_messages": "Messages in chunks that were not handed over yet.",
    "chunks": "Chunks in the queue.",
    "oldest_chunk_seconds": "Age of the oldest chunk.",
    "waiting_messages": "Messages scheduled, or to be tried again.",
    "outbox_batches": "Batches of events that somebody must still be told of.",
    "unmatched_receipts": "Receipts whose message is not known yet.",
}


def metrics_door(runtime: Runtime) -> App:
    """All numbers, for Prometheus; those of the queues are missing while the database is."""

    async def door(_scope: Scope, _receive: Receive, send: Send) -> None:
        figures: dict[str, tuple[str, float]] = {}
        try:
            async with asyncio.timeout(CHECK_SECONDS_MAX), runtime.main.acquire() as conn:
                backlog = await health_store.read_backlog_of_everyone(conn)
            figures = {f"sendigopro_{name}": (BACKLOG[name], value) for name, value in backlog.items()}
        except (TimeoutError, *CONNECTION_LOST):
            pass
        figures["sendigopro_database_up"] = ("Whether the database answered just now.", 1 if figures else 0)
        await answer(send, 200, metrics.render(figures), [(b"content-type", metrics.content_type)])

    return door
