"""Keeps PostgreSQL, webs and workers running on one machine, and says when all of them answer."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sendigopro.commands import instance, progress
from sendigopro.commands.parts import Part
from sendigopro.foundation import clock
from sendigopro.foundation.embedded import EmbeddedServer, ServerError, Tuning
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.settings import Settings

GRACE_SECONDS = 10.0  # for a part to finish what it holds
RECOVERY_PAUSE_SECONDS = 2.0
ENDING_SECONDS = 0.02  # how often we look whether a short-lived program has ended
BACKLOG = 2048  # connections that wait while a killed web starts again
PROGRAM = (sys.executable, "-m", "sendigopro")


@dataclass(frozen=True, slots=True)
class Programs:
    """How the supervised programs are started; tests start others."""

    prepare: Sequence[str] = (*PROGRAM, "prepare")
    web: Sequence[str] = (*PROGRAM, "web")
    worker: Sequence[str] = (*PROGRAM, "worker")


class Supervisor:
    """One instance: start with `run`, which returns when everything has been stopped."""

    def __init__(self, settings: Settings, *, ready_file: Path | None, programs: Programs | None = None) -> None:
        self.settings = settings
        self.ready_file = ready_file
        self.programs = programs or Programs()
        self.first: dict[str, object] = {}
        self.parts: list[Part] = []
        self.server: EmbeddedServer | None = None
        self.recovery: asyncio.Task[None] | None = None
        self.changed = asyncio.Event()
        self.stop_signals = 0
        self.is_announced = False
        self.is_welcomed = False

    async def run(self) -> None:
        """Start everything in order, keep it running, and stop it in order on SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self.changed.set)
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self.ask_to_stop)
        check_ready_file(self.ready_file)
        self.withdraw()
        with listen(self.settings.host, self.settings.port) as door:
            self.settings = replace(self.settings, port=door.getsockname()[1])
            try:
                await self.unless_stopped(self.start_databases())
                await self.unless_stopped(self.prepare())
                if not self.stop_signals:
                    self.start_parts(door)
                await self.watch()
            finally:
                self.withdraw()
                await self.stop()

    async def unless_stopped(self, work: Coroutine[None, None, None]) -> None:
        """Do a piece of starting; an operator who wants to stop need not wait for its end."""
        task = asyncio.create_task(work)
        task.add_done_callback(lambda _: self.changed.set())
        while not task.done():
            if self.stop_signals:
                task.cancel()
            await self.wait_for_change()
        if not task.cancelled():
            task.result()

    async def start_databases(self) -> None:
        """Our own PostgreSQL, unless the settings name real ones; in both cases the folder is ours alone."""
        if bool(self.settings.database_url) != bool(self.settings.vault_url):
            raise OperatorError("Set both DATABASE_URL and VAULT_URL, or none of them for an embedded PostgreSQL.")
        tuning = Tuning(self.settings.shared_buffers_mb, self.settings.database_connections)
        server = EmbeddedServer(self.settings.data_dir, tuning)
        if self.settings.database_url:
            server.claim()
        self.server = server
        if not self.settings.database_url:
            began = clock.monotonic()
            await server.start()
            progress.say(f"PostgreSQL is ready ({clock.monotonic() - began:.1f} s)")
            self.settings = replace(self.settings, database_url=server.url("main"), vault_url=server.url("vault"))
        self.first = instance.first_account(self.settings)
        instance.write_instance(self.settings, self.first)

    async def prepare(self) -> None:
        """Migrations and the first account, in a process of its own that may be large."""
        with tempfile.TemporaryFile() as answer:
            process = subprocess.Popen(self.programs.prepare, stdin=subprocess.DEVNULL, stdout=answer)  # noqa: ASYNC220
            try:
                while process.poll() is None:  # noqa: ASYNC110  # the loop could tell, with a thread or a child watcher
                    await asyncio.sleep(ENDING_SECONDS)
            finally:
                process.kill()
                process.wait()
            if process.returncode != 0:
                raise OperatorError("The databases could not be prepared; the reason stands above.")
            answer.seek(0)
            self.first |= json.loads(answer.read() or b"{}")
        instance.write_instance(self.settings, self.first)
        progress.say("Databases are up to date")

    def start_parts(self, door: socket.socket) -> None:
        number = str(door.fileno())
        for index in range(1, self.settings.webs + 1):
            command = [*self.programs.web, "--name", f"web-{index}", "--fd", number]
            self.parts.append(Part(f"web-{index}", command, descriptors=[door.fileno()], on_change=self.changed.set))
        for index in range(1, self.settings.workers + 1):
            command = [*self.programs.worker, "--name", f"worker-{index}"]
            self.parts.append(Part(f"worker-{index}", command, on_change=self.changed.set))
        for part in self.parts:
            part.start()

    async def watch(self) -> None:
        """Until we are asked to stop: start again what ended, announce when all are ready."""
        while not self.stop_signals:
            for part in self.parts:
                if part.has_ended():
                    self.start_again(part)
            if self.server_ended():
                self.withdraw()
                progress.warn("PostgreSQL ended; starting it again")
                self.recovery = asyncio.create_task(self.recover())
            if self.recovery is not None and self.recovery.done():
                self.recovery = None
            if self.recovery is None and all(part.is_ready for part in self.parts):
                self.announce()
            else:
                self.withdraw()
            await self.wait_for_change()

    def start_again(self, part: Part) -> None:
        self.withdraw()
        pause = part.pause_seconds()
        progress.warn(f"{part.name} ended ({part.how_it_ended()}); starting it again in {pause:g} s")
        part.process = None
        asyncio.get_running_loop().call_later(pause, self.start_unless_stopping, part)

    def start_unless_stopping(self, part: Part) -> None:
        if not self.stop_signals:
            part.start()

    def server_ended(self) -> bool:
        is_ours = self.server is not None and self.server.process is not None
        return is_ours and self.recovery is None and not (self.server and self.server.is_alive)

    async def recover(self) -> None:
        """Bring PostgreSQL back, then ask every part again: what they said before was about the old server.

        What keeps it from starting, a full disk most of all, may pass: we do not give up.
        """
        while self.server is not None and not self.server.is_alive:
            try:
                await self.server.start()
            except ServerError as error:
                progress.warn(str(error))
                await asyncio.sleep(RECOVERY_PAUSE_SECONDS)
        for part in self.parts:
            part.ask()
        self.changed.set()

    def announce(self) -> None:
        if self.is_announced:
            return
        self.is_announced = True
        pids = {part.name: part.process.pid for part in self.parts if part.process}
        if self.server and self.server.process:
            pids["postgres"] = self.server.process.pid
        words = instance.ready_words(self.settings, self.first, {"up": os.getpid(), **pids})
        if self.ready_file:
            instance.write_whole(self.ready_file, words)
        if self.is_welcomed:
            progress.say("Everything answers again")
        else:
            progress.welcome(words)
        self.is_welcomed = True

    def withdraw(self) -> None:
        """Nobody may read that we are ready while we are not."""
        self.is_announced = False
        if self.ready_file:
            self.ready_file.unlink(missing_ok=True)

    def ask_to_stop(self) -> None:
        self.stop_signals += 1
        self.changed.set()

    async def stop(self) -> None:
        """Webs first, so that nothing new comes; then workers; the database they write to last."""
        self.stop_signals = self.stop_signals or 1
        if self.recovery is not None:
            self.recovery.cancel()
            await asyncio.wait([self.recovery])
        progress.say("Stopping")
        for kind in ("web", "worker"):
            await self.stop_parts([part for part in self.parts if part.name.startswith(kind)])
        if self.server is not None:
            await self.server.stop()
        progress.say("Stopped")

    async def stop_parts(self, parts: Sequence[Part]) -> None:
        """Ask; after the grace, or when the operator asks a second time, do not ask any more."""
        for part in parts:
            part.send(signal.SIGTERM)
        deadline = clock.monotonic() + GRACE_SECONDS
        while any(part.is_running() for part in parts):
            if clock.monotonic() > deadline or self.stop_signals > 1:
                for part in parts:
                    part.send(signal.SIGKILL)
            await self.wait_for_change()
        for part in parts:
            part.unlink()

    async def wait_for_change(self) -> None:
        """A child ended, a part spoke, a signal came; or a second passed, lest a lost signal stops us for ever."""
        try:
            async with asyncio.timeout(1):
                await self.changed.wait()
        except TimeoutError:
            return
        self.changed.clear()


def check_ready_file(path: Path | None) -> None:
    if path is not None and not os.access(path.parent, os.W_OK):
        raise OperatorError(f"Cannot write to {path.parent}: make that folder, or choose another with --ready-file.")


def listen(host: str, port: int) -> socket.socket:
    """The socket all webs share: made here, so that it outlives each of them."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise OperatorError(
            f"Cannot listen on {host} port {port} ({error.strerror}): "
            "stop the program that has it, or choose another with --port."
        ) from error
