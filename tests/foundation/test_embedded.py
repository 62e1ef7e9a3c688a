"""The embedded server survives what happens to servers: kills, stale files, two at once, closed folders."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from pathlib import Path

import asyncpg
import pytest

from sendigopro.foundation import cluster
from sendigopro.foundation.embedded import EmbeddedServer, ServerError

PATIENCE_SECONDS = 60


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder outside pytest's own, which is closed to the account the server runs as when we are root."""
    place = Path(tempfile.mkdtemp(prefix="sendigopro-embedded-"))
    place.chmod(0o711)
    yield place
    shutil.rmtree(place)


@pytest.fixture
async def running(folder: Path) -> AsyncIterator[EmbeddedServer]:
    server = EmbeddedServer(folder)
    await server.start()
    yield server
    await server.stop()


async def connect(server: EmbeddedServer) -> asyncpg.Connection:
    return await asyncpg.connect(server.url("postgres"), user="postgres")


async def count(server: EmbeddedServer) -> int:
    conn = await connect(server)
    rows: int = await conn.fetchval("SELECT count(*) FROM things")
    await conn.close()
    return rows


async def fill(server: EmbeddedServer) -> None:
    conn = await connect(server)
    await conn.execute("CREATE TABLE things AS SELECT generate_series(1, 50000) AS number")
    conn.terminate()


def kill(server: EmbeddedServer) -> None:
    assert server.process is not None
    server.process.kill()
    server.process.wait()


async def test_every_committed_row_is_there_after_a_kill(running: EmbeddedServer) -> None:
    await fill(running)
    kill(running)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await running.start()

    assert await count(running) == 50000


async def test_a_backend_that_computes_while_its_server_is_killed_does_not_stop_the_next(
    running: EmbeddedServer,
) -> None:
    conn = await connect(running)
    endless = asyncio.create_task(conn.execute("SELECT count(*) FROM generate_series(1, 1000000000)"))
    watcher = await connect(running)
    while await watcher.fetchval("SELECT count(*) FROM pg_stat_activity WHERE state = 'active'") < 2:
        await watcher.execute("SELECT pg_sleep(0.01)")
    watcher.terminate()
    kill(running)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await running.start()

    assert running.is_alive
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await endless
    conn.terminate()


async def test_a_pid_file_from_before_a_reboot_does_not_stop_the_start(folder: Path) -> None:
    """PostgreSQL alone refuses: the number in the file now belongs to another living process of its account."""
    server = EmbeddedServer(folder)
    await server.start()
    assert server.cluster is not None
    stranger = subprocess.Popen(["sleep", "600"], **cluster.run_as(server.cluster.account))  # noqa: ASYNC220, S607
    old = (server.cluster.data / "postmaster.pid").read_text().splitlines()
    kill(server)
    (server.cluster.data / "postmaster.pid").write_text("\n".join([str(stranger.pid), *old[1:], ""]))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await server.start()

    assert server.is_alive
    assert stranger.poll() is None
    await server.stop()
    stranger.kill()
    stranger.wait()


async def test_a_server_whose_supervisor_was_killed_is_taken_over(folder: Path) -> None:
    program = (
        "import asyncio, sys, time\n"
        "from pathlib import Path\n"
        "from sendigopro.foundation.embedded import EmbeddedServer\n"
        "asyncio.run(EmbeddedServer(Path(sys.argv[1])).start())\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    first = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, env=surroundings
    )
    assert first.stdout is not None
    assert first.stdout.readline() == b"ready\n"
    first.kill()
    first.wait()
    first.stdout.close()
    server = EmbeddedServer(folder)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await server.start()

    await fill(server)
    assert await count(server) == 50000
    await server.stop()


async def test_the_second_of_two_at_once_is_told_who_has_the_folder(running: EmbeddedServer) -> None:
    with pytest.raises(ServerError, match=f"in use by process {os.getpid()}"):
        await EmbeddedServer(running.folder).start()

    assert running.is_alive


async def test_a_stopped_server_starts_again_with_what_it_had(running: EmbeddedServer) -> None:
    await fill(running)
    await running.stop()
    await running.start()

    assert await count(running) == 50000


@pytest.mark.parametrize("place", ["/proc/nowhere", "/dev/null/below"])
async def test_a_folder_that_cannot_be_written_is_named_in_one_line(place: str) -> None:
    with pytest.raises(ServerError) as refused:
        await EmbeddedServer(Path(place)).start()

    assert str(refused.value).startswith(f"Cannot write to {place}")
    assert "--data-dir" in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_folders_above_ours_keep_their_modes(folder: Path) -> None:
    """As root the server's own account cannot pass a closed folder: that is said, never mended behind one's back."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedServer(closed / "data")
    is_root = os.geteuid() == 0
    with pytest.raises(ServerError, match=f"may not enter {closed}") if is_root else nullcontext():
        await server.start()
    await server.stop()

    assert [path.stat().st_mode & 0o777 for path in (folder, closed)] == [0o711, 0o700]


async def test_a_path_too_long_for_a_socket_still_works(folder: Path) -> None:
    server = EmbeddedServer(folder / ("long" * 30))
    await server.start()
    await fill(server)
    assert await count(server) == 50000
    assert server.cluster is not None
    place = server.cluster.socket_dir
    await server.stop()

    assert not await asyncio.to_thread(place.exists)


async def test_the_log_holds_no_value_of_any_statement(running: EmbeddedServer) -> None:
    conn = await connect(running)
    await conn.execute("CREATE TABLE people (number text PRIMARY KEY CHECK (number <> '+447700900555'))")
    await conn.execute("INSERT INTO people VALUES ('+447700900123')")
    for query in (
        "INSERT INTO people VALUES ('+447700900123')",
        "INSERT INTO people VALUES ('+447700900555')",
        "SELECT '+447700900999'::integer",
        "SELECT '+447700900888' FROM nowhere",
    ):
        with pytest.raises(asyncpg.PostgresError):
            await conn.execute(query)
    await conn.close()
    assert running.cluster is not None

    assert "4477009" not in running.cluster.log.read_text()


async def test_a_setting_that_postgresql_refuses_is_told_with_the_log(folder: Path) -> None:
    server = EmbeddedServer(folder)
    await server.start()
    await server.stop()
    (folder / "postgres" / "local.conf").write_text("no_such_setting = 1\n")

    with pytest.raises(ServerError, match=r"does not start \(.*postgres\.log\)"):
        await server.start()


async def test_a_half_made_cluster_is_made_again(folder: Path) -> None:
    unfinished = folder / "postgres.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    server = EmbeddedServer(folder)
    await server.start()

    assert server.is_alive
    await server.stop()


async def test_stopping_lets_nothing_behind(running: EmbeddedServer) -> None:
    assert running.process is not None
    pid = running.process.pid
    await running.stop()

    assert not running.is_alive
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
