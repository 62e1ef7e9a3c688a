"""The customer's side: an address that takes webhooks, checks their signatures, and at times answers 503."""

import asyncio
import base64
import hmac
import json
import time
from typing import Self

from aiohttp import web

from sendigopro.foundation import ids
from sendigopro.messages.model import RANKS_OF, Status
from tests.chaos.history import History, Webhook


class Callbacks:
    """Everything it sees goes into the history."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.key = b""
        self.deaf_until = 0.0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def be_deaf(self, seconds: float) -> None:
        self.deaf_until = time.monotonic() + seconds

    async def start(self) -> Self:
        application = web.Application()
        application.router.add_post("/hook", self.take)
        self.runner = web.AppRunner(application, access_log=None)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.port = self.runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        await self.runner.cleanup()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        is_deaf = time.monotonic() < self.deaf_until
        words = json.loads(body)
        self.history.webhooks.append(
            Webhook(
                event_id=words["id"],
                type=words["type"],
                message_id=str(ids.parse("msg", words["data"]["id"])),
                sequence=int(words.get("sequence") or max(RANKS_OF[Status(words["data"]["status"])])),
                is_signed=self.is_signed(request, body) and request.headers["webhook-id"] == words["id"],
                was_taken=not is_deaf,
            )
        )
        await asyncio.sleep(0)
        return web.Response(status=503 if is_deaf else 200)

    def is_signed(self, request: web.Request, body: bytes) -> bool:
        """Standard Webhooks 1.0, by our own reading of it: `v1,` and the HMAC of `id.timestamp.body`."""
        event_id, timestamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "0")
        if abs(time.time() - int(timestamp)) > 300:
            return False
        expected = hmac.digest(self.key, f"{event_id}.{timestamp}.".encode() + body, "sha256")
        given = request.headers.get("webhook-signature", "").split()
        return f"v1,{base64.b64encode(expected).decode()}" in given
