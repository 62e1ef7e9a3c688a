"""Customers of all kinds at once: single, batch, long, scheduled, canceled and repeated messages, all on record."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp

from sendigopro.foundation import ids
from tests.chaos.history import Asked, Cancel, History, KeyUse, Observation, Verdict

FIRST_NUMBER = 4_915_700_000_000
SHORT = "Your table is ready."
LONG = "This text is longer than one part of a message may be, so it goes over the wire in two pieces. " * 2
SCHEDULED_SECONDS = 305  # the shortest allowed is five minutes
TIMEOUT = aiohttp.ClientTimeout(total=10)
ANSWERED = range(200, 500)
RETRIES_MAX = 40

Answer = tuple[int, dict[str, Any]]


class Load:
    """Runs until told to stop; never asks twice without a key, whatever happens."""

    def __init__(self, history: History, *, address: str, key: str, callback_url: str, seed: int) -> None:
        self.history = history
        self.url = f"http://{address}"
        self.key = key
        self.callback_url = callback_url
        self.random = random.Random(seed)  # noqa: S311  # a seed repeats a run
        self.next_number = FIRST_NUMBER + seed % 1000 * 100_000
        self.is_stopping = False
        self.errors: list[str] = []

    async def run(self, customers: int) -> None:
        headers = {"Authorization": f"Bearer {self.key}"}
        session = aiohttp.ClientSession(self.url, headers=headers, timeout=TIMEOUT)
        async with session as self.session, asyncio.TaskGroup() as group:
            for _ in range(customers):
                group.create_task(self.be_customer())

    async def callback_secret(self) -> str:
        """What every callback of this account is signed with."""
        headers = {"Authorization": f"Bearer {self.key}"}
        async with (
            aiohttp.ClientSession(self.url, headers=headers, timeout=TIMEOUT) as session,
            session.get("/v1/webhook-endpoints/callback") as response,
        ):
            words = await response.json()
        return str(words["secret"])

    async def be_customer(self) -> None:
        ways = [self.single, self.single, self.long, self.batch, self.scheduled, self.canceled, self.repeated]
        while not self.is_stopping:
            await self.random.choice(ways)()
            await asyncio.sleep(self.random.uniform(0.01, 0.06))

    def new(self, *, parts: int = 1, is_scheduled: bool = False) -> Asked:
        asked = Asked(str(self.next_number), parts=parts, is_scheduled=is_scheduled)
        self.next_number += 1
        self.history.asked[asked.number] = asked
        return asked

    def body_of(self, asked: Asked, **more: str) -> dict[str, str]:
        text = LONG if asked.parts > 1 else SHORT
        return {"to": f"+{asked.number}", "body": text, "callback_url": self.callback_url, **more}

    async def post(self, path: str, body: object, headers: dict[str, str] | None = None) -> Answer | None:
        """The answer; None when there was none."""
        try:
            async with self.session.post(path, json=body, headers=headers) as response:
                return response.status, await read(response)
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            return None

    def note(self, asked: Asked, answer: Answer | None) -> None:
        if answer is None:
            return
        status, words = answer
        if status not in ANSWERED:
            self.errors.append(f"{status} {words.get('code')}")
            return
        if status < 300:
            asked.verdict, asked.message_id = Verdict.ACCEPTED, bare(words["id"])
        else:
            asked.verdict = Verdict.REFUSED
            self.errors.append(f"{status} {words.get('code')}")

    async def single(self) -> None:
        asked = self.new()
        self.note(asked, await self.post("/v1/messages", self.body_of(asked)))
        if asked.message_id and self.random.random() < 0.3:
            await self.watch(asked)

    async def long(self) -> None:
        asked = self.new(parts=2)
        self.note(asked, await self.post("/v1/messages", self.body_of(asked)))

    async def batch(self) -> None:
        group = [self.new() for _ in range(self.random.randint(2, 40))]
        answer = await self.post("/v1/messages/batch", {"messages": [self.body_of(asked) for asked in group]})
        if answer is None or answer[0] != 202:
            for asked in group:
                self.note(asked, answer)
            return
        for result in answer[1]["data"]:
            self.note(group[result["index"]], (result["status"], result.get("message") or result.get("error")))

    async def scheduled(self) -> None:
        asked = self.new(is_scheduled=True)
        when = datetime.now(UTC) + timedelta(seconds=SCHEDULED_SECONDS)
        self.note(asked, await self.post("/v1/messages", self.body_of(asked, send_at=when.isoformat())))
        if asked.message_id and self.random.random() < 0.5:
            await self.cancel(asked)

    async def canceled(self) -> None:
        asked = self.new()
        self.note(asked, await self.post("/v1/messages", self.body_of(asked)))
        if asked.message_id:
            await self.cancel(asked)

    async def cancel(self, asked: Asked) -> None:
        answer = await self.post(f"/v1/messages/{typed(asked.message_id)}/cancel", {})
        if answer is None or answer[0] not in ANSWERED:
            asked.cancel = Cancel.UNCLEAR
        elif answer[0] == 200:
            asked.cancel = Cancel.DONE
        elif answer[0] == 409:
            asked.cancel = Cancel.TOO_LATE
        else:
            asked.cancel = Cancel.UNCLEAR
            self.errors.append(f"cancel {answer[0]} {answer[1].get('code')}")

    async def repeated(self) -> None:
        """One key asked several times at once, then again until it is answered, then with another body."""
        asked = self.new()
        use = KeyUse(f"key-{asked.number}", [asked.number])
        self.history.keys.append(use)
        body = self.body_of(asked)
        await asyncio.gather(*(self.ask_with_key(asked, use, body, is_same=True) for _ in range(4)))
        for _ in range(RETRIES_MAX):
            if asked.verdict is not Verdict.UNCLEAR:
                break
            await asyncio.sleep(0.25)
            await self.ask_with_key(asked, use, body, is_same=True)
        if asked.verdict is Verdict.ACCEPTED:
            await self.ask_with_key(asked, use, {**body, "body": "Another text."}, is_same=False)

    async def ask_with_key(self, asked: Asked, use: KeyUse, body: dict[str, str], *, is_same: bool) -> None:
        try:
            async with self.session.post("/v1/messages", json=body, headers={"Idempotency-Key": use.key}) as response:
                words = await read(response)
                is_replay = response.headers.get("Idempotent-Replayed") == "true"
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            return
        ids = (bare(words["id"]),) if response.status < 300 else ()
        if response.status in ANSWERED:
            use.answers.append((is_same, response.status, ids, is_replay))
        if is_same and response.status < 300:
            self.note(asked, (response.status, words))

    async def watch(self, asked: Asked) -> None:
        """Look at it a few times on its way."""
        for _ in range(4):
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, ConnectionError):
                async with self.session.get(f"/v1/messages/{typed(asked.message_id)}") as response:
                    words = await read(response)
                    if response.status == 200:
                        seen = Observation(asked.message_id, time.monotonic(), words["status"])
                        self.history.observations.append(seen)
            await asyncio.sleep(0.05)

    async def look_at_all(self, message_ids: Sequence[str]) -> None:
        """At the end: what the API says must be what the tables say."""
        headers = {"Authorization": f"Bearer {self.key}"}
        async with aiohttp.ClientSession(self.url, headers=headers, timeout=TIMEOUT) as session:
            for message_id in message_ids:
                async with session.get(f"/v1/messages/{typed(message_id)}") as response:
                    words = await response.json()
                seen = Observation(message_id, time.monotonic(), words["status"])
                self.history.observations.append(seen)


async def read(response: aiohttp.ClientResponse) -> dict[str, Any]:
    words: dict[str, Any] = json.loads(await response.read() or b"{}")
    return words


def bare(message_id: str) -> str:
    """The id as the database writes it."""
    return str(ids.parse("msg", message_id))


def typed(message_id: str) -> str:
    return ids.typed("msg", UUID(message_id))
