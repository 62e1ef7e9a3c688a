"""A whole instance, as an operator starts it: `sendigopro up` on free ports and in a folder of its own."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PROGRAM = (sys.executable, "-m", "sendigopro")
START_SECONDS_MAX = 90.0
STOP_SECONDS_MAX = 30.0
POLL_SECONDS = 0.02


class NotReady(Exception):
    """The instance does not answer; the text ends with what it said last."""


class Instance:
    """Start, ask, kill and stop it. The folder survives, so that `start` after a kill shows what was kept."""

    def __init__(
        self, folder: Path, *, environment: Mapping[str, str] | None = None, options: tuple[str, ...] = ()
    ) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.ready_file = folder / "ready.json"
        self.log = folder / "up.log"
        self.port = free_port()
        self.smpp_port = free_port()
        self.options = options
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SENDIGOPRO_DATA_DIR": str(self.data_dir),
            **(environment or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> dict[str, Any]:
        """Start `up` and wait until everything answers."""
        self.launch()
        return self.wait_ready()

    def launch(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [*PROGRAM, "up", "--data-dir", str(self.data_dir), "--port", str(self.port)]
        command += ["--smpp-port", str(self.smpp_port), "--ready-file", str(self.ready_file), *self.options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ready(self) -> dict[str, Any] | None:
        """What the ready file says; None while something does not answer."""
        try:
            words: dict[str, Any] = json.loads(self.ready_file.read_text())
        except FileNotFoundError:
            return None
        return words

    def wait_ready(self, seconds: float = START_SECONDS_MAX) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while (words := self.ready()) is None:
            if self.process is None or self.process.poll() is not None:
                raise NotReady(f"`up` ended by itself. {self.last_words()}")
            if time.monotonic() > deadline:
                raise NotReady(f"Not ready after {seconds:g} s. {self.last_words()}")
            time.sleep(POLL_SECONDS)
        return words

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(["It said last:", *lines[-15:]])

    def pids(self) -> dict[str, int]:
        """Name of each part and its process, from the last time everything answered."""
        words = self.ready() or {}
        return dict(words.get("pids", {}))

    def command(self, *words: str) -> str:
        """Run one of our commands against this instance; gives what it printed."""
        done = subprocess.run(
            [*PROGRAM, *words], cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            said = f"{done.stdout}\n{done.stderr}".strip()
            raise RuntimeError(f"`sendigopro {' '.join(words[:2])}` ended with {done.returncode}: {said[-2000:]}")
        return done.stdout

    def add_smpp_carrier(self, name: str, port: int, *, binds: int = 2, window: int = 500) -> None:
        """Point live keys at a message centre on this machine."""
        where = ["--host", "127.0.0.1", "--port", str(port), "--system-id", name, "--password", "secret"]
        self.command("carriers", "add", "smpp", "--name", name, *where, "--binds", str(binds), "--window", str(window))
        self.command("routes", "set", "sms", name)

    def kill(self) -> None:
        """Kill -9 `up` itself; its children see that and end."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.ready_file.unlink(missing_ok=True)

    def stop(self) -> None:
        """Ask it to end; after a while, do not ask any more."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None


@contextlib.contextmanager
def passing_folder() -> Iterator[Path]:
    """A folder for an instance; as root its server is another user, who must be able to come through."""
    folder = Path(tempfile.mkdtemp(prefix="sendigopro-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
