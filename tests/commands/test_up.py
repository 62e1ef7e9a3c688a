"""`up` starts everything, brings back what dies, stops in order, and says in one line why it cannot start."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.databases import Databases

PATIENCE_SECONDS = 90
SMALL_PARTS = str(Path(__file__).with_name("up_with_small_parts.py"))
MEMORY_BYTES_MAX = 35_000_000


class Up:
    """A running `up`, whose lines are read as they come."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.ready_file = folder / "ready.json"

    async def line(self, *wanted: str) -> str:
        """Read on until a line holds one of the words."""
        assert self.process.stdout is not None
        seen = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for raw in self.process.stdout:
                line = raw.decode().rstrip()
                seen.append(line)
                if any(word in line for word in wanted):
                    return line
        pytest.fail(f"ended without {wanted}: {seen}")

    def ready(self) -> dict[str, Any]:
        words: dict[str, Any] = json.loads(self.ready_file.read_text())
        return words

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.process.wait()


Starter = Callable[..., Any]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's account may pass, other than pytest's own."""
    place = Path(tempfile.mkdtemp(prefix="sendigopro-up-"))
    place.chmod(0o711)
    yield place
    shutil.rmtree(place)


def environment(**more: str) -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "VAULT_URL"}}
    return {**known, "PYTHONPATH": os.pathsep.join(["", *sys.path]), **more}


@asynccontextmanager
async def running(folder: Path, *, webs: int = 1, **more: str) -> AsyncIterator[Up]:
    arguments = [str(folder / "data"), str(folder / "ready.json"), "0", str(webs)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, SMALL_PARTS, *arguments),
        env=environment(**more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    up = Up(process, folder)
    try:
        yield up
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


async def say(*arguments: str, **more: str) -> tuple[int | None, str]:
    """Run `sendigopro …` to its end; its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sendigopro", *arguments),
        env=environment(**more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        output, _ = await process.communicate()
    return process.returncode, output.decode()


async def fetch(url: str) -> bytes:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def gone(pid: int) -> None:
    """Wait until a process has ended; it may be a zombie where nobody reaps orphans."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.02)


async def test_it_starts_answers_and_stops_everything_in_order(folder: Path) -> None:
    async with running(folder, webs=2) as up:
        await up.line("answers at")
        ready = up.ready()

        assert set(ready["pids"]) == {"up", "web-1", "web-2", "worker-1", "postgres"}
        assert (await fetch(ready["url"])).startswith(b"HTTP/1.1 200")
        assert psutil.Process(ready["pids"]["up"]).memory_info().rss < MEMORY_BYTES_MAX
        for file in (up.ready_file, folder / "data" / "instance.json"):
            assert file.stat().st_mode & 0o777 == 0o600
        up.process.send_signal(signal.SIGTERM)
        assert await up.ended() == 0
        for pid in ready["pids"].values():
            await gone(pid)
        assert not up.ready_file.exists()


async def test_what_is_killed_comes_back_under_its_name_and_the_ready_file_with_it(folder: Path) -> None:
    async with running(folder) as up:
        await up.line("answers at")
        for name in ("web-1", "worker-1", "postgres", "postgres", "web-1"):
            before = up.ready()["pids"]
            os.kill(before[name], signal.SIGKILL)
            await up.line(f"{name} ended (SIGKILL)", "PostgreSQL ended")
            await up.line("Everything answers again")
            after = up.ready()["pids"]

            assert after[name] != before[name]
            assert set(after) == set(before)
            assert (await fetch(up.ready()["url"])).startswith(b"HTTP/1.1 200")


async def test_connections_wait_while_the_only_web_starts_again(folder: Path) -> None:
    async with running(folder) as up:
        await up.line("answers at")
        ready = up.ready()
        os.kill(ready["pids"]["web-1"], signal.SIGKILL)

        assert (await fetch(ready["url"])).startswith(b"HTTP/1.1 200")


async def test_parts_end_with_a_killed_supervisor_and_the_next_one_finds_everything(folder: Path) -> None:
    async with running(folder) as up:
        await up.line("answers at")
        pids = up.ready()["pids"]
        up.process.kill()
        await up.ended()
        for name in ("web-1", "worker-1", "postgres"):
            await gone(pids[name])
    async with running(folder) as again:
        await again.line("answers at")

        assert not set(pids.values()) & set(again.ready()["pids"].values())


async def test_it_runs_on_servers_that_are_already_there(folder: Path, databases: Databases) -> None:
    urls = [url.replace("///", "//postgres@/") for url in (databases.main_url, databases.vault_url)]
    async with running(folder, DATABASE_URL=urls[0], VAULT_URL=urls[1]) as up:
        await up.line("answers at")

        assert set(up.ready()["pids"]) == {"up", "web-1", "worker-1"}


async def test_a_taken_port_is_named_in_one_line(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, output = await say("up", "--data-dir", str(folder / "data"), "--port", str(port))

    assert code == 1
    assert output.startswith(f"sendigopro: Cannot listen on 127.0.0.1 port {port}")
    assert "--port" in output
    assert output.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "more", "words"),
    [
        (["--data-dir", "/proc/nowhere"], {}, "Cannot write to /proc/nowhere"),
        (["--ready-file", "/nowhere/ready"], {}, "Cannot write to /nowhere"),
        ([], {"DATABASE_URL": "postgresql://somebody@localhost/main"}, "Set both DATABASE_URL and VAULT_URL"),
        ([], {"SENDIGOPRO_WEBS": "many"}, "SENDIGOPRO_WEBS is 'many' but must be a number"),
    ],
)
async def test_what_the_operator_must_mend_is_said_in_one_line(
    folder: Path, arguments: list[str], more: dict[str, str], words: str
) -> None:
    places = {"SENDIGOPRO_DATA_DIR": str(folder / "data"), "SENDIGOPRO_PORT": "0", **more}
    code, output = await say("up", *arguments, **places)

    assert code == 1
    assert words in output
    assert "Traceback" not in output


async def test_a_second_up_on_the_same_folder_is_told_who_has_it(folder: Path) -> None:
    async with running(folder) as up:
        await up.line("answers at")
        code, output = await say("up", "--data-dir", str(folder / "data"), "--port", "0")

        assert code == 1
        assert f"in use by process {up.process.pid}" in output
        assert up.ready_file.exists()


async def test_migrate_without_an_instance_says_what_to_do(folder: Path) -> None:
    code, output = await say("migrate", SENDIGOPRO_DATA_DIR=str(folder / "none"))

    assert code == 1
    assert "start `sendigopro up`, or set DATABASE_URL and VAULT_URL" in output
