"""What is measured, one function for each figure; each gives what `report.py` prints."""

import asyncio
import re
import statistics
import time
from contextlib import ExitStack
from typing import Any

from bench import forgetting, keys, stored
from bench.kannel import PATH, Kannel
from bench.ours import BODY, Ours, memory_mb, wait_until
from bench.stage import STATE, Stage, Target

WARM_UP = 500
OTP_BODY = BODY.replace('"body"', '"purpose":"otp","body"')


def compare(stage: Stage) -> dict[str, Any]:
    """Kannel MEMORY, Kannel SPOOL and us, interleaved: each round all three, new numbers, then the same again."""
    runs: list[dict[str, Any]] = []
    count, rounds = stage.size(20_000, 3_000), stage.size(3, 1)
    port = stage.simulator.port
    with Ours("compare", smsc_port=port) as ours:
        for round_number in range(1, rounds + 1):
            for connections in (32, 128):
                base = stage.numbers.take(count)
                for variant in ("MEMORY", "SPOOL"):
                    with Kannel(STATE / "kannel", variant=variant, smsc_port=port) as kannel:
                        target = Target(f"Kannel {variant}", kannel.address, PATH, pids=tuple(kannel.pids))
                        runs += new_then_known(
                            stage, target, count=count, connections=connections, base=base, round_number=round_number
                        )
                runs += new_then_known(
                    stage, ours.target(), count=count, connections=connections, base=base, round_number=round_number
                )
    return {"runs": runs, "count": count, "rounds": rounds}


def new_then_known(
    stage: Stage, target: Target, *, count: int, connections: int, base: int, round_number: int
) -> list[dict[str, Any]]:
    stage.run(target, count=WARM_UP, connections=connections)
    runs = []
    for numbers in ("new", "known"):
        stage.say(f"{target.name}, {connections} connections, {numbers} numbers, round {round_number}")
        result = stage.run(target, count=count, connections=connections, base=base)
        runs.append({**result, "numbers": numbers})
        stage.say(f"  {result['e2e_dlr_per_s']}/s end to end, {result['accepted_per_s']}/s accepted")
    return runs


def batch(stage: Stage) -> dict[str, Any]:
    """Accepted messages a second by the batch API, by one web process and by two."""
    return {f"{webs} web": batch_by(stage, webs=webs) for webs in (1, 2)}


def batch_by(stage: Stage, *, webs: int) -> dict[str, Any]:
    """The same: with the carrier at work, and while it is away."""
    count, rounds = stage.size(60_000, 20_000), stage.size(3, 1)
    found: dict[str, list[Any]] = {"sending": [], "queueing": []}
    with Ours("batch", smsc_port=stage.simulator.port, options=("--webs", str(webs))) as ours:
        address = ours.instance.address
        stage.run_batches(address, ours.key, count=2_000, size=100, connections=4, callbacks=True)
        for kind in ("sending", "queueing"):
            if kind == "queueing":
                stage.simulator.go_down(600)
                time.sleep(1)
            for _ in range(rounds):
                run = stage.run_batches(address, ours.key, count=count, size=100, connections=16, callbacks=True)
                found[kind].append(run)
                stage.say(f"{webs} web, {kind}: {run['accepted_per_s']}/s")
                drained(stage)
        stage.simulator.go_down(0)
    return found


def drained(stage: Stage) -> None:
    """Wait until simulator and sink stand still, so that one run does not pay for the one before."""
    last, since = None, time.monotonic()
    while time.monotonic() - since < 2:
        now = (stage.simulator.stats()["submits"], stage.sink.stats()["requests"])
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.2)


def accept(stage: Stage) -> dict[str, Any]:
    """Latency of the answer at half of the maximum rate."""
    seconds = stage.size(15, 5)
    with Ours("accept", smsc_port=stage.simulator.port) as ours:
        stage.run(ours.target(), count=WARM_UP, connections=64)
        flat_out = stage.run(ours.target(), count=stage.size(15_000, 3_000), connections=64)
        half = flat_out["accepted_per_s"] / 2
        stage.say(f"flat out {flat_out['accepted_per_s']}/s; now {half:.0f}/s for {seconds} s")
        runs = [
            stage.run(ours.target(), count=int(half * seconds), connections=128, rate=half)
            for _ in range(stage.size(3, 1))
        ]
    return {"flat_out": flat_out, "half": runs}


def otp(stage: Stage) -> dict[str, Any]:
    """A one-time code's way to the wire while another account's campaign is queued, by a quick and a slow carrier."""
    campaign, codes, rate = stage.size(100_000, 20_000), stage.size(600, 100), 60.0
    found: dict[str, Any] = {}
    with Ours("otp", smsc_port=stage.simulator.port) as ours:
        key = second_account_key(ours, purpose="marketing")
        stage.run(ours.target(body=OTP_BODY), count=WARM_UP, connections=8)
        for carrier, delay in (("quick", 0.0), ("slow", 0.2)):
            stage.simulator.go_down(3600)
            queued = stage.run_batches(
                ours.instance.address, key, count=campaign, size=500, connections=4, callbacks=False
            )
            stage.say(f"{queued['accepted']} queued; the carrier comes back and is {carrier}")
            stage.simulator.reset()
            stage.simulator.set(resp_delay=delay)
            stage.simulator.go_down(0)
            wait_until(lambda: stage.simulator.stats()["unique"] > 500, seconds=60, what="the carrier is used again")
            sent_before = stage.simulator.stats()["unique"]
            result = stage.run(ours.target(body=OTP_BODY), count=codes, connections=8, rate=rate)
            left = queued["accepted"] - sent_before - (stage.simulator.stats()["unique"] - codes)
            found[carrier] = {"queued": queued["accepted"], "left": left, "codes": result}
            stage.say(f"accept to wire: {result['smsc_ms']} ms, {left} of the campaign still queued afterwards")
            stage.simulator.set(resp_delay=0)
            drained(stage)
    return found


def second_account_key(ours: Ours, *, purpose: str) -> str:
    """A live key of an account of its own."""
    account = found(r"acc_\w+", ours.instance.command("accounts", "create", "Campaigner"))
    ours.instance.command("senders", "add", "Campaign", "--account", account, "--default")
    words = ["--account", account, "--mode", "live", "--purpose", purpose]
    return found(r"sk_live_\w+", ours.instance.command("keys", "create", *words))


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"No {pattern} in what the command said: {text[:500]}")
    return match.group()


def memory(stage: Stage) -> dict[str, Any]:
    """Our processes without PostgreSQL, idle and with a million queued."""
    count = stage.size(1_000_000, 50_000)
    with Ours("memory", smsc_port=stage.simulator.port) as ours:
        time.sleep(5)
        idle = memory_mb(ours.own_pids())
        stage.say(f"idle: {idle}")
        stage.simulator.go_down(3600)
        queued = stage.run_batches(
            ours.instance.address, ours.key, count=count, size=1000, connections=4, callbacks=False
        )
        time.sleep(2)
        full = memory_mb(ours.own_pids())
        stage.say(f"with {queued['accepted']} queued: {full}")
    return {"idle": idle, "queued": queued["accepted"], "full": full, "accepted_per_s": queued["accepted_per_s"]}


def rows(stage: Stage) -> dict[str, Any]:
    """End-to-end rate with millions of stored messages beside an empty instance, runs alternating."""
    stored_rows, count = stage.size(5_000_000, 200_000), stage.size(20_000, 3_000)
    found: dict[str, list[Any]] = {"empty": [], "full": []}
    with ExitStack() as stack:
        empty = stack.enter_context(Ours("rows-empty", smsc_port=stage.simulator.port))
        full = stack.enter_context(Ours("rows-full", smsc_port=stage.simulator.port))
        began = time.monotonic()
        stage.say(f"storing {stored_rows:,} messages")
        asyncio.run(stored.fill(full.database_url(), full.vault_url(), count=stored_rows))
        fill_seconds = time.monotonic() - began
        for _ in range(stage.size(4, 1)):
            for name, ours in (("empty", empty), ("full", full)):
                stage.run(ours.target(), count=WARM_UP, connections=32)
                found[name].append(stage.run(ours.target(), count=count, connections=32))
                stage.say(f"{name}: {found[name][-1]['e2e_dlr_per_s']}/s")
    rates = {name: statistics.median(run["e2e_dlr_per_s"] for run in runs) for name, runs in found.items()}
    return {**found, "stored": stored_rows, "fill_s": round(fill_seconds, 1), "rates": rates}


def key_tree(stage: Stage) -> dict[str, Any]:
    """Ten million keys: read, made, erased; and new subjects a second by one process."""
    found: dict[str, Any] = keys.measure(STATE / "keys", keys=stage.size(10_000_000, 200_000))
    stage.say(f"read p99 {found['read_ms_p99']:.3f} ms, erase p99 {found['erase_ms_p99']:.2f} ms")
    rate = asyncio.run(keys.enrol(STATE / "enrol", count=stage.size(100_000, 10_000)))
    stage.say(f"{rate:.0f} new subjects a second")
    return {**found, "subjects_per_s": rate}


def erase(stage: Stage) -> dict[str, Any]:
    """One person after the other, in an account of ten million messages, with two web processes."""
    with Ours("erase", smsc_port=stage.simulator.port, options=("--webs", "2")) as ours:
        count = stage.size(10_000_000, 100_000)
        stage.say(f"storing {count:,} messages, half of them of the account that is asked")
        found = forgetting.measure(ours, count=2 * count)
    stage.say(f"unreadable after {found['unreadable_ms_p50']} ms, at most {found['unreadable_ms_max']}")
    return found


PARTS = {
    "compare": compare,
    "batch": batch,
    "accept": accept,
    "otp": otp,
    "memory": memory,
    "rows": rows,
    "keys": key_tree,
    "erase": erase,
}
