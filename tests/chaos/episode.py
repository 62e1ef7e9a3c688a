"""One run of chaos: an instance, its customers, a faulty message centre, kills; then rest, then the verdict."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sendigopro.webhooks.sign import key_of
from tests.chaos import snapshot
from tests.chaos.callbacks import Callbacks
from tests.chaos.checker import Violation, check
from tests.chaos.history import Facts, History
from tests.chaos.kills import Conductor, Killed, plan
from tests.chaos.load import Load
from tests.instance import Instance
from tests.message_centre import Simulator

CUSTOMERS = 5
LIMIT_MICROS = 10**12
QUIET_SECONDS_MAX = 150.0
SAMPLE = 300  # messages looked at through the API at the end


@dataclass(slots=True)
class Episode:
    """What happened and what is wrong with it."""

    history: History = field(default_factory=History)
    facts: Facts = field(default_factory=Facts)
    kills: list[Killed] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    left: str = ""


async def run_episode(
    folder: Path, *, kills: int, seed: int, options: tuple[str, ...] = (), say: Callable[[Killed], object] = id
) -> Episode:
    """Everything fresh in `folder`; `say` hears of every kill."""
    episode = Episode()
    chance = random.Random(seed)  # noqa: S311  # a seed repeats the plan
    order_file = folder / "kill"
    environment = {"SENDIGOPRO_KILL_FILE": str(order_file), "SENDIGOPRO_PRICE_MICROS": "7000"}
    instance = Instance(folder, environment=environment, options=options)
    callbacks = await Callbacks(episode.history).start()
    with Simulator("--seed", str(seed)) as simulator:
        try:
            ready = await asyncio.to_thread(instance.start)
            await asyncio.to_thread(instance.add_smpp_carrier, "sim", simulator.port)
            await snapshot.give_limits(instance, limit_micros=LIMIT_MICROS, rate_per_second=100_000)
            load = Load(
                episode.history, address=instance.address, key=ready["live_key"], callback_url=callbacks.url, seed=seed
            )
            callbacks.key = key_of(await load.callback_secret())
            conductor = Conductor(instance, simulator, callbacks, order_file=order_file, chance=chance)
            await strike_all(episode, conductor, load, kills=kills, say=say)
            await come_to_rest(episode, conductor)
            await load.look_at_all([asked.message_id for asked in episode.history.accepted()[-SAMPLE:]])
            episode.facts = await snapshot.read_facts(instance, simulator)
        finally:
            await asyncio.to_thread(instance.stop)
            await callbacks.stop()
    episode.errors = load.errors
    episode.violations = check(episode.history, episode.facts)
    return episode


async def strike_all(
    episode: Episode, conductor: Conductor, load: Load, *, kills: int, say: Callable[[Killed], object]
) -> None:
    """Kill after kill, while customers go on as if nothing were."""
    customers = asyncio.create_task(load.run(CUSTOMERS))
    try:
        for kill in plan(kills, conductor.chance):
            if customers.done():
                break
            killed = await conductor.strike(kill)
            episode.kills.append(killed)
            episode.history.recovery_seconds.append(killed.recovery_seconds)
            say(killed)
    finally:
        load.is_stopping = True
        await customers


async def come_to_rest(episode: Episode, conductor: Conductor) -> None:
    """Nothing queued, nothing due, every receipt in, every event told; how long that took is a finding of its own."""
    conductor.calm_down()
    await snapshot.hold_back_scheduled(conductor.instance)
    began = time.monotonic()
    while True:
        left = await snapshot.count_left(conductor.instance) + conductor.simulator.stats()["dlr_backlog"]
        seconds = time.monotonic() - began
        if left == 0:
            episode.history.quiescence_seconds = seconds
            return
        if seconds > QUIET_SECONDS_MAX:
            episode.history.quiescence_seconds = None
            episode.left = await snapshot.explain_left(conductor.instance)
            return
        await asyncio.sleep(0.25)
