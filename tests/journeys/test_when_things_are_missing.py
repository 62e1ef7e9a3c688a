"""A full disk and a dead database are told as they are, change nothing, and pass by themselves."""

import asyncio
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.instance import Instance

PATIENCE_SECONDS = 40.0
LOOK_SECONDS = 0.1
MEGABYTE = 1_000_000
DISK_MEGABYTES = 2600
LEFT_MEGABYTES = 900
IS_ROOT = os.geteuid() == 0


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the server's own user may enter, which pytest's are not for root."""
    folder = Path(tempfile.mkdtemp(prefix="sendigopro-journey-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def small_disk(place: Path) -> Iterator[Path]:
    """A file system of its own, small enough to fill. Mounting it needs root."""
    if not IS_ROOT:
        pytest.skip("mounting a small disk needs root; CI runs this as root")
    folder = place / "disk"
    folder.mkdir()
    size = f"size={DISK_MEGABYTES}m,mode=0755"
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(folder)], check=True)


def ask(
    instance: Instance, method: str, path: str, body: dict[str, Any] | None = None, *, key: str = ""
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(instance.address, timeout=10)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        connection.close()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await asyncio.to_thread(is_so):
            await asyncio.sleep(LOOK_SECONDS)


async def test_a_full_disk_is_told_and_passes_by_itself(small_disk: Path) -> None:
    instance = Instance(small_disk)
    ready = await asyncio.to_thread(instance.start)
    message = {"to": "+15005550006", "body": "hello"}

    def send() -> tuple[int, Any]:
        return ask(instance, "POST", "/v1/messages", message, key=ready["test_key"])

    try:
        assert send()[0] == 202
        filler = small_disk / "filler"
        room = os.statvfs(small_disk)
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - LEFT_MEGABYTES * MEGABYTE)
        await until(lambda: send()[0] == 503)
        status, problem = send()
        assert (status, problem["code"]) == (503, "storage_full")
        filler.unlink()
        await until(lambda: send()[0] == 202)
    finally:
        await asyncio.to_thread(instance.stop)


async def test_a_dead_database_is_told_and_passes_by_itself(place: Path) -> None:
    instance = Instance(place)
    ready = await asyncio.to_thread(instance.start)
    message = {"to": "+15005550006", "body": "hello"}

    def send() -> int:
        return ask(instance, "POST", "/v1/messages", message, key=ready["test_key"])[0]

    def is_ready() -> bool:
        return ask(instance, "GET", "/readyz")[0] == 200

    def takes_messages() -> bool:
        answers.append(send())
        return answers[-1] == 202

    answers: list[int] = []
    try:
        assert await asyncio.to_thread(send) == 202
        postmaster = ready["pids"]["postgres"]
        os.kill(postmaster, signal.SIGSTOP)
        os.kill(postmaster, signal.SIGKILL)
        answers.append(await asyncio.to_thread(send))
        await until(is_ready)
        await until(takes_messages)
        assert set(answers) <= {202, 503}
        assert await asyncio.to_thread(send) == 202
    finally:
        await asyncio.to_thread(instance.stop)


async def test_a_taken_port_is_told_in_one_line(place: Path) -> None:
    first = Instance(place / "first")
    await asyncio.to_thread(first.start)
    second = Instance(place / "second")
    second.port = first.port
    try:
        second.launch()
        assert second.process is not None
        assert await asyncio.to_thread(second.process.wait, 30) == 1
        (line,) = [text for text in second.log.read_text().splitlines() if text.startswith("sendigopro:")]
        assert str(first.port) in line
    finally:
        await asyncio.to_thread(first.stop)
