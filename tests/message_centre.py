"""The bench kit's SMPP message centre and callback sink as processes on free ports, with their control ports."""

import http.client
import json
import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

KIT = Path(__file__).parents[1] / "bench" / "kit"


class KitProgram:
    """A program of the kit that says in its first line where it listens."""

    script = ""
    ports = ""

    def __init__(self, *options: str) -> None:
        self.options = options
        self.process: subprocess.Popen[str] | None = None
        self.found: tuple[int, ...] = ()

    def start(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, str(KIT / self.script), "--port", "0", *self.options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        match = re.search(self.ports, line)
        if match is None:
            raise RuntimeError(f"{self.script} did not start: {line!r}")
        self.found = tuple(int(port) for port in match.groups())
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.communicate(timeout=10)
            self.process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def control_address(self) -> str:
        return f"127.0.0.1:{self.found[-1]}"

    def ask(self, method: str, path: str) -> str:
        connection = http.client.HTTPConnection(self.control_address, timeout=30)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{self.script} {path}: {answer.status} {text}")
        return text

    def stats(self) -> dict[str, Any]:
        words: dict[str, Any] = json.loads(self.ask("GET", "/stats"))
        return words

    def dump(self) -> dict[str, tuple[int, float, float]]:
        """Number without plus → how often, first and last time (monotonic seconds)."""
        rows = (line.split() for line in self.ask("GET", "/dump").splitlines())
        return {number.lstrip("+"): (int(n), float(first), float(last)) for number, n, first, last in rows}

    def reset(self) -> None:
        self.ask("POST", "/reset")


class Simulator(KitProgram):
    """The message centre."""

    script = "smsc_sim.py"
    ports = r"smpp \S+:(\d+) http (\d+)"

    def __init__(self, *options: str) -> None:
        super().__init__("--http-port", "0", *options)

    @property
    def port(self) -> int:
        return self.found[0]

    def set(self, **settings: float) -> None:
        """Change faults while it runs, e.g. `throttle_every=10, dlr_jitter=0.2`."""
        self.ask("POST", f"/set?{urlencode(settings)}")

    def go_down(self, seconds: float) -> None:
        self.ask("POST", f"/down?seconds={seconds}")

    def stall(self, seconds: float) -> None:
        self.ask("POST", f"/stall?seconds={seconds}")


class Sink(KitProgram):
    """Counts callbacks for each number; it checks no signature."""

    script = "http_sink.py"
    ports = r":(\d+) pid"

    @property
    def callback_url(self) -> str:
        return f"http://127.0.0.1:{self.found[0]}/dlr/{{to}}"
