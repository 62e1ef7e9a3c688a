"""Our supervisor of an embedded PostgreSQL: a direct child, ready when it says so, stopped in order."""

import asyncio
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from sendigopro.foundation import cluster
from sendigopro.foundation.cluster import Cluster, ServerError, Tuning

__all__ = ["EmbeddedServer", "ServerError", "Tuning"]

PID_LINE, STATUS_LINE = 0, 7  # of postmaster.pid
POLL_SECONDS = 0.005  # neither a pid file nor the end of somebody else's child can be awaited
LEFTOVER_PATIENCE_SECONDS = 2.0  # backends of a killed server leave by themselves, unless they are computing
PR_SET_PDEATHSIG = 1


class EmbeddedServer:
    """One cluster in `folder`; `start` may be called again after the server died."""

    def __init__(self, folder: Path, tuning: Tuning | None = None) -> None:
        self.folder = folder.absolute()
        self.tuning = tuning or Tuning()
        self.process: subprocess.Popen[bytes] | None = None
        self.cluster: Cluster | None = None
        self.lock: int | None = None

    async def start(self) -> None:
        """Come back when the server takes connections, however long its recovery lasts."""
        if self.is_alive:
            return
        self.claim()
        try:
            self.cluster = cluster.prepare(self.folder, self.tuning)  # no thread: see end_with_parent
            await clear_remains(self.cluster)
            while not await self.launch(self.cluster):  # noqa: ASYNC110  # nothing tells when they are gone
                await asyncio.sleep(POLL_SECONDS)
        except BaseException:
            await self.stop()
            raise

    def claim(self) -> None:
        """Make the folder and take it for this process; a server elsewhere needs no more."""
        cluster.make_folder(self.folder)
        self.lock = self.lock or take_lock(self.folder)

    async def launch(self, ready: Cluster) -> bool:
        """Start the server once; False when backends of the one before still hold its memory."""
        log_start = ready.log.stat().st_size if ready.log.exists() else 0
        with ready.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220  # only forks; nothing is waited for
                [ready.postgres, "-D", ready.data],
                **cluster.run_as(ready.account),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C for us is not for the server: it goes last
                preexec_fn=end_with_parent(),  # noqa: PLW1509  # see there
            )
        while not is_ready(ready.data, self.process.pid):
            if self.process.poll() is not None:
                tail = read_tail(ready.log, log_start)
                if "pre-existing shared memory block" in tail:
                    return False
                raise ServerError(f"PostgreSQL does not start ({ready.log}): {reason_in(tail)}")
            await asyncio.sleep(POLL_SECONDS)
        return True

    async def stop(self, sign: signal.Signals = signal.SIGINT) -> None:
        """Fast shutdown: sessions are ended, everything is written; SIGQUIT leaves without writing."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(sign)
            while self.process.poll() is None:  # noqa: ASYNC110  # a wait would block, a thread forbids end_with_parent
                await asyncio.sleep(POLL_SECONDS)
            self.process = None
        if self.cluster is not None and self.cluster.socket_dir.parent != self.folder:
            shutil.rmtree(self.cluster.socket_dir, ignore_errors=True)
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def url(self, database: str, *, user: str | None = None) -> str:
        """Where a database is; without `user`, whoever connects says as which role."""
        if self.cluster is None:
            raise ServerError("The server has not been started.")
        name = f"{user}@" if user else ""
        return f"postgresql://{name}/{database}?host={quote(str(self.cluster.socket_dir))}"


def take_lock(folder: Path) -> int:
    """One supervisor per folder; the system drops the lock with our process, so it is never stale."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.read(descriptor, 20).decode().strip() or "unknown"
        os.close(descriptor)
        raise ServerError(
            f"{folder} is in use by process {owner}: stop that one first, or choose another folder with --data-dir."
        ) from error
    os.truncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def is_ready(data: Path, pid: int) -> bool:
    """Both lines must agree: a stale file may say `ready` too, but never with our child's number."""
    lines = read_pid_file(data)
    return len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready" and lines[PID_LINE] == str(pid)


def read_pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


async def clear_remains(ready: Cluster) -> None:
    """End a server whose supervisor was killed; forget pid files that name a process which is none of its own.

    PostgreSQL itself believes any living process of its account with the number in the file. After a reboot, and
    always in containers, that is somebody else, and the server would refuse to start for ever.
    """
    lines = read_pid_file(ready.data)
    if not lines:
        return
    postmaster = int(lines[PID_LINE]) if lines[PID_LINE].isdecimal() else 0
    if postmaster in processes_of(ready.data):
        os.kill(postmaster, signal.SIGINT)
        while postmaster in processes_of(ready.data):  # noqa: ASYNC110  # not our child
            await asyncio.sleep(POLL_SECONDS)
    await end_leftovers(ready)
    (ready.data / "postmaster.pid").unlink(missing_ok=True)
    (ready.socket_dir / f"{cluster.SOCKET_NAME}.lock").unlink(missing_ok=True)


async def end_leftovers(ready: Cluster) -> None:
    """Wait for backends that outlived a killed server; those that compute and do not notice are told to quit."""
    waited = 0.0
    while processes := processes_of(ready.data):
        if waited > LEFTOVER_PATIENCE_SECONDS:
            for pid in processes:
                os.kill(pid, signal.SIGQUIT)
            waited = 0.0
        await asyncio.sleep(POLL_SECONDS)
        waited += POLL_SECONDS


def processes_of(data: Path) -> set[int]:
    """Every living process of this cluster: they all work in the data folder, and nobody else does."""
    if sys.platform != "linux":
        return processes_by_command(data)
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if (entry / "cwd").readlink() == data:
                    found.add(int(entry.name))
            except OSError:  # ended meanwhile, a zombie, or not ours to look at
                continue
    return found


def processes_by_command(data: Path) -> set[int]:
    """The same where there is no /proc; it finds the postmaster, whose command line names the folder."""
    listing = subprocess.run(["ps", "-axo", "pid=,command="], capture_output=True, text=True, check=False)  # noqa: S607
    rows = (line.split(None, 1) for line in listing.stdout.splitlines())
    return {int(row[0]) for row in rows if len(row) == 2 and row[1].rstrip().endswith(f"postgres -D {data}")}  # noqa: PLR2004


def read_tail(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(start)
        return file.read(65536).decode(errors="replace")


def reason_in(tail: str) -> str:
    """The line that says why, without time and process number."""
    lines = [line for line in tail.splitlines() if line.strip()]
    grave = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
    line = (grave or lines or ["it left no word"])[-1]
    return line.partition("FATAL:")[2].strip() or line.partition("PANIC:")[2].strip() or line


def end_with_parent() -> Callable[[], None] | None:
    """On Linux the server shuts down by itself when we are killed.

    Only from the main thread of a process with one thread: the signal belongs to the thread that forked, and code
    between fork and exec is safe only while there is no other.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGINT)
