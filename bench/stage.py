"""What all parts of the bench stand on: simulator and sink, numbers never used before, one way to run a load."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.message_centre import KIT, Simulator, Sink

BENCH = Path(__file__).parent
STATE = BENCH / "state"
RESULTS = STATE / "results"
LOAD_SECONDS_MAX = 900
Found = dict[str, Any]  # what a load generator or a part says, as in its JSON
TEXT = "benchmark message, forty-five characters long"


class LoadFailed(Exception):
    """A run that measured nothing; the text is what the load generator said."""


@dataclass(frozen=True, slots=True)
class Target:
    """One system to measure: where and how to ask it, and whose CPU and memory to count."""

    name: str
    address: str
    path: str
    method: str = "GET"
    headers: tuple[str, ...] = ()
    body: str = ""
    pids: tuple[int, ...] = ()

    def options(self) -> list[str]:
        words = ["--target", self.address, "--path", self.path, "--method", self.method, "--label", self.name]
        for header in self.headers:
            words += ["--header", header]
        if self.body:
            words += ["--body", self.body]
        for pid in self.pids:
            words += ["--sut-pid", str(pid)]
        return words


@dataclass(slots=True)
class Numbers:
    """German mobile numbers, given once each: they pass strict checks. Only the simulator keeps them silent."""

    next_one: int = 4_915_100_000_000

    def take(self, count: int) -> int:
        first = self.next_one
        self.next_one += count
        return first


@dataclass(slots=True)
class Stage:
    """Simulator and sink are up while a part runs."""

    simulator: Simulator
    sink: Sink
    is_quick: bool
    say: Callable[[str], None] = print
    numbers: Numbers = field(default_factory=Numbers)

    def size(self, full: int, quick: int) -> int:
        return quick if self.is_quick else full

    def run(self, target: Target, *, count: int, connections: int, base: int | None = None, **more: float) -> Found:
        """Run load.py once; gives its result. `more` become options, e.g. `rate=200`."""
        words = [*target.options(), "-n", str(count), "-c", str(connections)]
        words += ["--base", str(base if base is not None else self.numbers.take(count))]
        words += ["--smsc", self.simulator.control_address, "--sink", self.sink.control_address]
        words += ["--dlr-url", self.sink.callback_url, "--text", TEXT]
        for name, value in more.items():
            words += [f"--{name.replace('_', '-')}", str(value)]
        return run_json(KIT / "load.py", words)

    def run_batches(self, address: str, key: str, *, count: int, size: int, connections: int, callbacks: bool) -> Found:
        """Run batch_load.py once; gives its result."""
        words = ["--target", address, "--key", key, "-n", str(count), "--size", str(size), "-c", str(connections)]
        words += ["--base", str(self.numbers.take(count)), "--text", TEXT]
        if callbacks:
            words += ["--callback-url", self.sink.callback_url]
        found = run_json(BENCH / "batch_load.py", words)
        if found["accepted"] < count:
            raise LoadFailed(f"{found['accepted']} of {count} accepted: {found['statuses']} {found['first_error']}")
        return found


def run_json(script: Path, words: Sequence[str]) -> Found:
    done = subprocess.run(
        [sys.executable, str(script), *words], capture_output=True, text=True, timeout=LOAD_SECONDS_MAX, check=False
    )
    if done.returncode or not done.stdout.strip():
        raise LoadFailed(f"{script.name}: {(done.stderr or done.stdout).strip()[-1500:]}")
    found: Found = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def keep(part: str, words: dict[str, Any]) -> None:
    """Write down what a part found; RESULTS.md is made of these."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{part}.json").write_text(json.dumps(words, indent=1))


def kept(part: str) -> dict[str, Any] | None:
    path = RESULTS / f"{part}.json"
    return json.loads(path.read_text()) if path.exists() else None
