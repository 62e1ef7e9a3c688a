"""Named places where a test may kill this process; outside tests they cost one comparison with None.

Every `reach("feature.moment")` stands where a crash would hurt most: right before or right after a commit, between a
commit and an answer, between the wire and the record of it. Two ways to arm one:

- `SENDIGOPRO_KILL_AT=name[:nth]` in the environment: the process dies the nth time it comes by.
- `SENDIGOPRO_KILL_FILE=path` in the environment: while the process runs, a test writes `name[:nth[:pid]]` into that
  file (by renaming, so that it is never read half). Who comes by the nth time since then removes the file and dies, or
  kills `pid` instead. Removing is what makes it happen once: of several processes only one succeeds.
"""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Trap(Protocol):
    def step(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Order:
    name: str
    nth: int
    pid: int  # 0 = whoever comes by

    def carry_out(self) -> None:
        os.kill(self.pid or os.getpid(), signal.SIGKILL)


def parse_order(text: str) -> Order:
    name, nth, pid, *_ = [*text.strip().split(":"), "", ""]
    return Order(name, int(nth or 1), int(pid or 0))


class FixedTrap:
    """Armed for the whole life of this process."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.seen = 0

    def step(self, name: str) -> None:
        if name != self.order.name:
            return
        self.seen += 1
        if self.seen == self.order.nth:
            self.order.carry_out()


class FileTrap:
    """Armed and disarmed by a file, at any time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = ""
        self.seen = 0

    def step(self, name: str) -> None:
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            self.text = ""
            return
        if text != self.text:
            self.text, self.seen = text, 0
        order = parse_order(text)
        if name != order.name:
            return
        self.seen += 1
        if self.seen >= order.nth and self.claim():
            order.carry_out()

    def claim(self) -> bool:
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        return True


def trap_of(environment: Mapping[str, str]) -> Trap | None:
    if path := environment.get("SENDIGOPRO_KILL_FILE"):
        return FileTrap(Path(path))
    if text := environment.get("SENDIGOPRO_KILL_AT"):
        return FixedTrap(parse_order(text))
    return None


TRAP = trap_of(os.environ)


def reach(name: str) -> None:
    """Say that this place is reached; a test may have decided that the process dies here."""
    if TRAP is not None:
        TRAP.step(name)
