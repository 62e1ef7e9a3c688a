"""With a live key, a message goes out through a message centre of strangers and comes back as a webhook they verify."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import smpp34
from standardwebhooks import Webhook

from tests.instance import Instance, free_port
from tests.peers import places
from tests.peers.conftest import Hook

pytestmark = pytest.mark.peers
PATIENCE_SECONDS = 30
TO = "+4915112345678"


async def send(ready: dict[str, Any], hook: Hook, body: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {ready['live_key']}"}
    wanted = {"to": TO, "body": body, "callback_url": hook.url, "metadata": {"order": "7"}}
    async with (
        aiohttp.ClientSession(ready["url"], headers=headers) as session,
        session.post("/v1/messages", json=wanted) as response,
    ):
        words: dict[str, Any] = await response.json()
        assert response.status == 202, words
    return words


async def callback_secret(ready: dict[str, Any]) -> str:
    headers = {"Authorization": f"Bearer {ready['live_key']}"}
    async with (
        aiohttp.ClientSession(ready["url"], headers=headers) as session,
        session.get("/v1/webhook-endpoints/callback") as response,
    ):
        words = await response.json()
    return str(words["secret"])


async def delivered_webhook(hook: Hook, message_id: str) -> tuple[dict[str, str], bytes]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            headers, body = await hook.received.get()
            if json.loads(body)["data"]["id"] == message_id:
                return headers, body


def check_webhook(secret: str, headers: dict[str, str], body: bytes) -> None:
    verified = Webhook(secret).verify(body, headers)  # raises when the signature is not right

    assert verified["type"] == "message.delivered"
    assert verified["data"]["to"] == TO
    assert verified["data"]["metadata"] == {"order": "7"}


@asynccontextmanager
async def npm_centre(here: Path) -> AsyncIterator[tuple[asyncio.StreamReader, int]]:
    process = await asyncio.create_subprocess_exec(
        str(places.node()), here / "smsc.js", str(places.node_package("smpp")), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        first = json.loads(await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS))
        yield process.stdout, first["port"]
    finally:
        process.kill()
        await process.communicate()


@pytest.mark.skipif(
    not os.environ.get("CI") and (places.node() is None or places.node_package("smpp") is None),
    reason="needs Node.js and `python tests/peers/install.py`",
)
async def test_it_goes_out_through_npm_smpp_and_its_webhook_is_verified(
    instance: Instance, ready: dict[str, Any], hook: Hook, here: Path
) -> None:
    async with npm_centre(here) as (said, port):
        await asyncio.to_thread(instance.add_smpp_carrier, "npm", port)
        message = await send(ready, hook, "Hello, strangers: 10 €")
        submitted = json.loads(await asyncio.wait_for(said.readline(), PATIENCE_SECONDS))
        headers, body = await delivered_webhook(hook, message["id"])

    assert submitted == {"to": TO.removeprefix("+"), "text": "Hello, strangers: 10 €"}
    check_webhook(await callback_secret(ready), headers, body)


async def serve_with_smpp34(server: smpp34.Server, submitted: "asyncio.Queue[smpp34.SubmitSmEvent]") -> None:
    """Take everything, and report it delivered to whoever is bound first."""
    receivers: list[smpp34.Esme] = []
    number = 0
    while True:
        event = await server.next()
        if isinstance(event, smpp34.Esme):
            receivers.append(event)
        elif isinstance(event, smpp34.SubmitSmEvent):
            number += 1
            event.accept(str(number))
            await submitted.put(event)
            text = (
                f"id:{number} sub:001 dlvrd:001 submit date:2611231830 done date:2611231830 stat:DELIVRD err:000 text:"
            )
            await receivers[0].deliver_sm(
                event.source_addr, text.encode(), source_addr=event.destination_addr, esm_class=4
            )


async def test_it_goes_out_through_smpp34_and_its_webhook_is_verified(
    instance: Instance, ready: dict[str, Any], hook: Hook
) -> None:
    port = free_port()
    server = smpp34.Server("127.0.0.1", port)
    await server.start()
    submitted: asyncio.Queue[smpp34.SubmitSmEvent] = asyncio.Queue()
    serving = asyncio.create_task(serve_with_smpp34(server, submitted))
    try:
        await asyncio.to_thread(instance.add_smpp_carrier, "smpp34", port)
        message = await send(ready, hook, "Hello again")
        event = await asyncio.wait_for(submitted.get(), PATIENCE_SECONDS)
        headers, body = await delivered_webhook(hook, message["id"])
    finally:
        serving.cancel()
        await server.stop()

    assert (event.destination_addr, event.short_message) == (TO.removeprefix("+"), b"Hello again")
    check_webhook(await callback_secret(ready), headers, body)
