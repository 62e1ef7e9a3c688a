"""One person erased in an account of millions of messages: until when anybody inside can read them, and any backup."""

import asyncio
import json
import statistics
import time
import urllib.request
from typing import Any

from bench import stored
from bench.ours import Ours

PEOPLE = 20
WAIT_SECONDS = 120.0
POLL_SECONDS = 0.002


def measure(ours: Ours, *, count: int) -> dict[str, Any]:
    """Milliseconds from the request: to its answer, to nobody being able to read, to the end with its receipt."""
    numbers = [f"+49151{10_000_000 + n}" for n in range(PEOPLE)]
    messages = [call(ours, "/v1/messages", {"to": number, "body": "Hello"})["id"] for number in numbers]
    began = time.monotonic()
    asyncio.run(
        stored.fill(ours.database_url(), ours.vault_url(), count=count, main=[stored.MESSAGES], vault=[stored.SUBJECTS])
    )
    filled = time.monotonic() - began
    answered, unreadable, completed = [], [], []
    for number, message in zip(numbers, messages, strict=True):
        began = time.perf_counter()
        made = call(ours, "/v1/privacy/requests", {"type": "erase", "identifier": number})
        answered.append(since(began))
        until(lambda message=message: call(ours, f"/v1/messages/{message}")["to"] is None)
        unreadable.append(since(began))
        until(lambda made=made: call(ours, f"/v1/privacy/requests/{made['id']}")["status"] == "completed")
        completed.append(since(began))
    return {
        "messages": count,
        "people": PEOPLE,
        "fill_s": round(filled, 1),
        **named("answered_ms", answered),
        **named("unreadable_ms", unreadable),
        **named("completed_ms", completed),
    }


def call(ours: Ours, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Each on a connection of its own, so that both web processes are asked."""
    request = urllib.request.Request(f"http://{ours.instance.address}{path}")
    request.add_header("Authorization", f"Bearer {ours.key}")
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # loopback
        found: dict[str, Any] = json.load(answer)
    return found


def until(is_so: Any) -> None:  # noqa: ANN401  # a question
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("an erasure does not end")
        time.sleep(POLL_SECONDS)


def since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def named(what: str, taken: list[float]) -> dict[str, float]:
    return {f"{what}_p50": round(statistics.median(taken), 1), f"{what}_max": round(max(taken), 1)}
