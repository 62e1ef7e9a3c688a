"""Who is killed, where and when; and what the message centre does meanwhile."""

import asyncio
import os
import random
import re
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.chaos.callbacks import Callbacks
from tests.instance import ROOT, Instance, NotReady
from tests.message_centre import Simulator

REACH = re.compile(r'^\s+(?:await )?(?:killpoints\.)?reach\("([a-z_.]+)"\)', re.MULTILINE)
REACHED_SECONDS_MAX = 3.0
AT_START = frozenset({"vault.block_taken"})
"""Places passed by a web process that has just begun, and seldom by an old one: a block has keys for 4,096 people."""
ELSEWHERE = ("erase.", "holds.", "retention.")
"""Not on the way of messages: nobody is forgotten here. `tests/privacy` ends a process at those of erasure."""
READY_SECONDS_MAX = 90.0
POLL_SECONDS = 0.01

# One of these rules at the message centre until the next kill.
FAULTS: list[dict[str, float]] = [
    {},
    {"throttle_every": 25},
    {"drop_every": 60},
    {"mute_every": 40},
    {"garbage_every": 60},
    {"undeliv_every": 5},
    {"dlr_dup_every": 3},
    {"dlr_early_every": 3},
    {"dlr_jitter": 0.5},
    {"resp_delay": 0.05},
    {"down": 1.0},
    {"stall": 1.0},
]
CALM = {
    **dict.fromkeys(("throttle_every", "drop_every", "mute_every", "garbage_every"), 0),
    **dict.fromkeys(("undeliv_every", "dlr_dup_every", "dlr_early_every", "dlr_jitter", "resp_delay"), 0),
}


@dataclass(frozen=True, slots=True)
class Kill:
    """`victim` is a part's name or kind; with a `point` it dies there, and "whoever" is who comes by."""

    victim: str
    point: str = ""
    nth: int = 1

    @property
    def title(self) -> str:
        return f"{self.victim} at {self.point}" if self.point else self.victim


@dataclass(slots=True)
class Killed:
    """What became of it."""

    kill: Kill
    fault: str
    was_reached: bool
    recovery_seconds: float


def points() -> list[str]:
    """Every named place on the way of messages."""
    files = sorted((ROOT / "sendigopro").rglob("*.py"))
    found = {name for path in files for name in REACH.findall(path.read_text())}
    return sorted(name for name in found if not name.startswith(ELSEWHERE))


def plan(count: int, chance: random.Random) -> Iterator[Kill]:
    """Every named place in turn, PostgreSQL among the victims, and between them kills at no named time."""
    places = points()
    chance.shuffle(places)
    for number in range(count):
        place = places[number // 2 % len(places)]
        draw = chance.random()
        if number % 2 == 0:
            nth = chance.randint(1, 8)
            yield Kill("postgres" if draw < 0.15 else "whoever", place, 1 if place in AT_START else nth)
        elif draw < 0.4:
            yield Kill("web")
        elif draw < 0.8:
            yield Kill("worker")
        elif draw < 0.93:
            yield Kill("postgres")
        else:
            yield Kill("up")


class Conductor:
    """Strikes, then waits until everything answers again."""

    def __init__(
        self, instance: Instance, simulator: Simulator, callbacks: Callbacks, *, order_file: Path, chance: random.Random
    ) -> None:
        self.instance = instance
        self.simulator = simulator
        self.callbacks = callbacks
        self.order_file = order_file
        self.chance = chance
        self.last_deaf = 0.0

    async def strike(self, kill: Kill) -> Killed:
        fault = self.misbehave()
        await asyncio.sleep(self.chance.uniform(0.1, 0.5))
        before = await self.pids_when_ready()
        was_reached = True
        if kill.victim == "up":
            await asyncio.to_thread(self.instance.kill)
        elif kill.point:
            was_reached = await self.kill_at_point(kill, before)
        else:
            self.kill_one(kill.victim, before)
        began = time.monotonic()
        if kill.victim == "up":
            self.instance.launch()
        try:
            if was_reached:
                await self.until_changed(before, began)
            await self.until_ready(began)
            if kill.victim == "up":
                await self.until_gone(before, began)
        except NotReady as error:
            raise NotReady(
                f"{kill} was {was_reached}, before {before}, now {self.instance.ready()}. {error}"
            ) from error
        return Killed(kill, fault, was_reached, time.monotonic() - began)

    def misbehave(self) -> str:
        rule = self.chance.choice(FAULTS)
        self.simulator.set(**{**CALM, **{name: value for name, value in rule.items() if name in CALM}})
        if "down" in rule:
            self.simulator.go_down(rule["down"])
        if "stall" in rule:
            self.simulator.stall(rule["stall"])
        # Seldom enough that the retry after five seconds finds an open ear; the next one would come in five minutes.
        if time.monotonic() - self.last_deaf > 20 and self.chance.random() < 0.2:
            self.last_deaf = time.monotonic()
            self.callbacks.be_deaf(1.5)
        return " ".join(f"{name}={value:g}" for name, value in rule.items()) or "none"

    def calm_down(self) -> None:
        self.simulator.set(**CALM)
        self.callbacks.deaf_until = 0.0

    def kill_one(self, victim: str, pids: dict[str, int]) -> None:
        names = sorted(name for name in pids if name.split("-")[0] == victim)
        os.kill(pids[self.chance.choice(names)], signal.SIGKILL)

    async def kill_at_point(self, kill: Kill, pids: dict[str, int]) -> bool:
        """True when somebody came by; the order removes itself when it is carried out."""
        victim = pids.get(kill.victim, 0)
        draft = self.order_file.with_suffix(".draft")
        draft.write_text(f"{kill.point}:{kill.nth}:{victim or ''}")
        draft.replace(self.order_file)
        if kill.point in AT_START:
            self.kill_one("web", pids)
        deadline = time.monotonic() + REACHED_SECONDS_MAX
        while self.order_file.exists():
            if time.monotonic() > deadline:
                self.order_file.unlink(missing_ok=True)
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True

    async def until_changed(self, before: dict[str, int], began: float) -> None:
        """The supervisor may not have noticed yet: what it says counts only once somebody is new."""
        while (now := self.instance.pids()) == before or not now:
            self.check_patience(began)
            await asyncio.sleep(POLL_SECONDS)

    async def until_gone(self, pids: dict[str, int], began: float) -> None:
        """Orphans of a killed `up` finish what they hold; one of them might carry out the next order instead of us."""
        while any(psutil.pid_exists(pid) for pid in pids.values()):
            self.check_patience(began)
            await asyncio.sleep(POLL_SECONDS)

    async def pids_when_ready(self) -> dict[str, int]:
        """It may just be telling that something does not answer; whom to kill is known once all do."""
        began = time.monotonic()
        while not (pids := self.instance.pids()):
            self.check_patience(began)
            await asyncio.sleep(POLL_SECONDS)
        return pids

    async def until_ready(self, began: float) -> None:
        while self.instance.ready() is None:
            self.check_patience(began)
            await asyncio.sleep(POLL_SECONDS)

    def check_patience(self, began: float) -> None:
        if self.instance.process is None or self.instance.process.poll() is not None:
            raise NotReady(f"`up` ended by itself. {self.instance.last_words()}")
        if time.monotonic() - began > READY_SECONDS_MAX:
            raise NotReady(f"Not ready {READY_SECONDS_MAX:g} s after a kill. {self.instance.last_words()}")


def titles(kills: Sequence[Killed]) -> list[str]:
    return sorted({killed.kill.title for killed in kills})
