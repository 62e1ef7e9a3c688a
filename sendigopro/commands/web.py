"""`sendigopro web`: answers the API, the console and the handset."""

import asyncio
import errno
import os
import signal
import socket
from typing import Annotated

import typer

from sendigopro import settings
from sendigopro.foundation import supervision
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.settings import Settings

app = typer.Typer(add_completion=False)

POOL_SIZE = 8
READY_MAIN = 4
"""What accepting uses at once: two writers, the hint to the workers, and the look at the queues."""
READY_VAULT = 2
"""Who is new is enrolled over one connection; the other is for what is asked meanwhile."""


@app.command("web")
def run_web(
    name: Annotated[str, typer.Option(help="Its name: the same after every restart, and nobody else's.")] = "web-1",
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on.")] = None,
    fd: Annotated[int | None, typer.Option(hidden=True, help="A listening socket that was opened for us.")] = None,
    share_port: Annotated[bool, typer.Option(help="Let other web processes listen on the same port.")] = False,  # noqa: FBT002  # typer's form of a switch
) -> None:
    """Answer the API and the console until told to stop."""
    chosen = settings.read()
    # Before anything counts: all processes of this folder sum up their numbers (foundation/metrics.py).
    folder = chosen.data_dir / "metrics"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(folder))
    door = open_door(chosen, port=port, fd=fd, share_port=share_port)

    import uvloop  # noqa: PLC0415  # only this command needs it

    uvloop.run(serve(chosen, name, door))


def open_door(chosen: Settings, *, port: int | None, fd: int | None, share_port: bool) -> socket.socket:
    """The socket we were handed, or one of our own."""
    from sendigopro.web import server  # noqa: PLC0415  # after the folder of the numbers is known

    if fd is not None:
        return server.adopt(fd)
    wanted = chosen.port if port is None else port
    try:
        return server.listen(chosen.host, wanted, is_shared=share_port)
    except OSError as error:
        told = "is taken" if error.errno == errno.EADDRINUSE else os.strerror(error.errno or 0)
        raise OperatorError(
            f"Port {wanted} on {chosen.host} {told}. Stop what listens there, or choose another with --port."
        ) from error


async def serve(chosen: Settings, name: str, door: socket.socket) -> None:
    """Open the databases, answer, and on SIGTERM finish what is under way."""
    from sendigopro.foundation import collector, logs  # noqa: PLC0415  # as above
    from sendigopro.foundation.postgres import connect_pool  # noqa: PLC0415
    from sendigopro.messages.warm import warm_accepting  # noqa: PLC0415
    from sendigopro.privacy.journal import Journal  # noqa: PLC0415
    from sendigopro.privacy.journaling import catch_up  # noqa: PLC0415
    from sendigopro.runtime import Runtime  # noqa: PLC0415
    from sendigopro.vault.warm import warm_meeting  # noqa: PLC0415
    from sendigopro.web import process, server  # noqa: PLC0415

    logs.configure(as_json=False, level=chosen.log_level, name=name)
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    runtime = Runtime(
        name=name,
        settings=chosen,
        main=await connect_pool(
            chosen.main("pipeline"), size=POOL_SIZE, name=name, is_hot=True, at_once=READY_MAIN, warm=warm_accepting
        ),
        vault=await connect_pool(
            chosen.vault("pipeline"), size=POOL_SIZE, name=name, is_hot=True, at_once=READY_VAULT, warm=warm_meeting
        ),
        door=await connect_pool(chosen.main("door"), size=POOL_SIZE, name=name),
    )
    web = process.build(runtime)
    await catch_up(runtime.main, Journal(chosen.journal_folder))
    await web.directory.refresh()
    collector.tune()
    running = server.Server(web.root)
    jobs = asyncio.create_task(process.run_jobs(web))
    serving = asyncio.create_task(running.serve([door]))
    supervised = asyncio.create_task(supervision.answer(web.readiness.is_ready, stop))
    await stop.wait()
    running.stop()
    await serving
    supervised.cancel()
    jobs.cancel()
    await asyncio.gather(jobs, supervised, return_exceptions=True)
    await web.vault.close()
    for pool in (runtime.main, runtime.vault, runtime.door):
        pool.terminate()
