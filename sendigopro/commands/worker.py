"""`sendigopro worker`: drains carriers, settles outcomes, posts webhooks."""

import asyncio
import signal
from typing import Annotated

import typer
import uvloop

from sendigopro import settings, worker
from sendigopro.foundation import collector, logs, supervision
from sendigopro.foundation.postgres import CONNECTION_LOST, connect_pool, ping
from sendigopro.messages.warm import warm_sending
from sendigopro.privacy.journal import Journal
from sendigopro.privacy.journaling import catch_up
from sendigopro.runtime import Runtime

app = typer.Typer(add_completion=False)

POOL_SIZE = 8
READY_CONNECTIONS = 8
"""What a busy worker uses at once: leasing, declaring, settling, webhooks, and the one that listens."""
PAUSE_SECONDS = 0.5


@app.command("worker")
def run_worker(
    name: Annotated[str, typer.Option(help="Its name: the same after every restart, and nobody else's.")] = "worker-1",
) -> None:
    """Drain carriers, settle outcomes and post webhooks until told to stop."""
    uvloop.run(work(name))


async def work(name: str) -> None:
    """Open the databases, do every job, finish in order on SIGTERM."""
    chosen = settings.read()
    logs.configure(as_json=False, level=chosen.log_level, name=name)
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    runtime = Runtime(
        name=name,
        settings=chosen,
        main=await connect_pool(
            chosen.main("pipeline"),
            size=POOL_SIZE,
            name=name,
            is_hot=True,
            at_once=READY_CONNECTIONS,
            warm=warm_sending,
        ),
        vault=await connect_pool(chosen.vault("pipeline"), size=POOL_SIZE, name=name, is_hot=True),
        door=await connect_pool(chosen.main("door"), size=2, name=name),
    )
    built = worker.build(runtime)
    await catch_up(runtime.main, Journal(chosen.journal_folder))
    collector.tune()

    async def is_ready() -> bool:
        return await answers(runtime)

    supervised = asyncio.create_task(supervision.answer(is_ready, stop))
    await worker.run(built, stop)
    supervised.cancel()
    for pool in (runtime.main, runtime.vault, runtime.door):
        await pool.close()


async def answers(runtime: Runtime) -> bool:
    """Whether both databases answer."""
    try:
        async with asyncio.timeout(PAUSE_SECONDS):
            for pool in (runtime.main, runtime.vault):
                await ping(pool)
    except (TimeoutError, *CONNECTION_LOST):
        return False
    return True
