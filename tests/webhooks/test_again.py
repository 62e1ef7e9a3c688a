"""Whoever dies, restarts or has too much to do: what it owed is told by another, at least once."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from sendigopro.foundation import clock, ids
from sendigopro.messages.model import Status
from tests.databases import Databases
from tests.webhooks.desk import Desk, verified
from tests.webhooks.receivers import OK, Receiver, receiver, status


def told_ids(peer: Receiver) -> set[str]:
    return {request.headers["webhook-id"] for request in peer.requests}


@asynccontextmanager
async def worker(
    databases: Databases, folder: Path, name: str, **environment: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A real worker process, which a test may kill."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sendigopro", "worker", "--name", name,
        env={
            **os.environ,
            "SENDIGOPRO_DATA_DIR": str(folder),
            "SENDIGOPRO_ALLOW_PRIVATE_WEBHOOKS": "1",
            "DATABASE_URL": databases.main_url,
            "VAULT_URL": databases.vault_url,
            **environment,
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                await process.wait()


async def test_batches_of_a_dead_owner_are_told_once_their_lease_ends(desk: Desk) -> None:
    async with receiver() as peer:
        await desk.tell(peer)
        made = await desk.happen(*["message.delivered"] * 30, owner="worker-9")
        await desk.house.start_worker("worker-1")
        (fresh,) = await desk.happen("message.delivered")
        await peer.received(1)
        assert told_ids(peer) == {ids.typed("evt", fresh.id)}

        await desk.fetch("UPDATE main.outbox SET lease_until = now()")
        await peer.received(31)

        await desk.outbox_is_empty()
        assert told_ids(peer) >= {ids.typed("evt", event.id) for event in made}


async def test_a_restarted_worker_takes_back_what_its_former_life_held(desk: Desk) -> None:
    async with receiver() as peer:
        await desk.tell(peer)
        await desk.happen(*["message.delivered"] * 30, owner="worker-1")

        await desk.house.start_worker("worker-1")
        await peer.received(30)

        await desk.outbox_is_empty()


async def test_retries_of_a_dead_owner_are_made_by_another(desk: Desk) -> None:
    async with receiver(status(500)) as peer:
        await desk.tell(peer)
        await desk.happen("message.delivered")
        await desk.house.start_worker("worker-1")
        await desk.until("SELECT 1 FROM main.webhook_retries")
        peer.answer = lambda *_: OK

        await desk.fetch(
            "UPDATE main.webhook_retries SET due_at = now(), lease_owner = 'worker-9', lease_until = now() + '1 h'"
        )
        await desk.happen("message.delivered")
        await peer.received(2)
        assert await desk.fetch("SELECT 1 FROM main.webhook_retries")
        await desk.fetch("UPDATE main.webhook_retries SET lease_until = now()")

        await desk.gone("SELECT 1 FROM main.webhook_retries")
        assert len(peer.requests) == 3


@pytest.mark.parametrize("place", ["webhooks.before_commit", "webhooks.committed"])
async def test_nothing_is_lost_when_the_worker_is_killed(
    desk: Desk, databases: Databases, tmp_path: Path, place: str
) -> None:
    async with receiver() as peer:
        await desk.tell(peer)
        made = {
            ids.typed("evt", event.id) for _ in range(8) for event in await desk.happen(*["message.delivered"] * 40)
        }
        async with worker(databases, tmp_path, "worker-1", SENDIGOPRO_KILL_AT=place) as doomed:
            async with asyncio.timeout(30):
                assert await doomed.wait() == -signal.SIGKILL

        async with worker(databases, tmp_path, "worker-1"):
            await desk.outbox_is_empty()

        assert told_ids(peer) == made
        assert not await desk.fetch("SELECT 1 FROM main.webhook_retries")


async def test_a_worker_that_is_told_to_stop_gives_everything_back(
    desk: Desk, databases: Databases, tmp_path: Path
) -> None:
    async with receiver(lambda *_: None) as peer:
        await desk.tell(peer)
        await desk.happen(*["message.delivered"] * 10)
        async with worker(databases, tmp_path, "worker-1"):
            await peer.received(1)

        rows = await desk.fetch("SELECT lease_until <= now() AS is_free FROM main.outbox")

        assert [row["is_free"] for row in rows] == [True]


async def test_a_message_from_the_tables_is_told_as_from_memory(desk: Desk) -> None:
    async with receiver(status(500)) as peer:
        _, secret = await desk.tell(peer, "message.delivered")
        sent = await desk.house.send(metadata={"a": "b"}, tags=["x"], callback_url="http://127.0.0.1:1/")
        await desk.house.start_worker()
        await desk.house.until(sent.id, Status.DELIVERED)
        await desk.until("SELECT 1 FROM main.webhook_retries WHERE lane_id = endpoint_id")
        peer.answer = lambda *_: OK

        await desk.hurry()
        first, second = await peer.received(2)

        assert verified(first, secret) == verified(second, secret)


async def test_a_callback_is_tried_again_at_the_url_of_its_message(desk: Desk) -> None:
    async with receiver(status(500)) as peer:
        await desk.house.send(callback_url=peer.url("/dlr/1"))
        await desk.house.send(callback_url=peer.url("/dlr/2"))
        await desk.house.start_worker()
        await desk.until("SELECT 1 FROM main.webhook_retries HAVING count(*) = 2")
        peer.answer = lambda *_: OK

        await desk.hurry()
        await peer.received(4)

        assert sorted(request.path for request in peer.requests) == ["/dlr/1", "/dlr/1", "/dlr/2", "/dlr/2"]
        await desk.gone("SELECT 1 FROM main.webhook_retries")


async def test_retries_of_a_deleted_endpoint_are_dropped(desk: Desk) -> None:
    async with receiver(status(500)) as peer:
        endpoint, _ = await desk.tell(peer)
        await desk.happen("message.delivered")
        await desk.house.start_worker()
        await desk.until("SELECT 1 FROM main.webhook_retries")

        await desk.endpoints.delete(desk.account_id, 0, endpoint.id)
        await desk.hurry()

        await desk.gone("SELECT 1 FROM main.webhook_retries")
        assert len(peer.requests) <= 2


async def test_one_event_is_told_again_with_the_same_id(desk: Desk) -> None:
    async with receiver() as peer:
        endpoint, secret = await desk.tell(peer)
        made = await desk.happen(*["message.delivered"] * 3)
        await desk.house.start_worker()
        await peer.received(3)
        chosen = made[1]

        await desk.endpoints.replay_event(
            desk.account_id, 0, endpoint.id, event_id=ids.parse("evt", ids.typed("evt", chosen.id))
        )
        requests = await peer.received(4)

        assert verified(requests[3], secret)["id"] == ids.typed("evt", chosen.id)
        await desk.gone("SELECT 1 FROM main.webhook_retries")


async def test_everything_since_a_moment_is_told_again_through_the_filter(desk: Desk) -> None:
    async with receiver() as peer:
        endpoint, _ = await desk.tell(peer, "message.delivered")
        await desk.happen("message.delivered")
        await asyncio.sleep(0.05)
        since = clock.now()
        wanted = [
            event
            for _ in range(45)
            for event in await desk.happen("message.delivered", "message.sent")
            if event.type == "message.delivered"
        ]
        await desk.house.start_worker()
        await peer.received(46)
        await desk.outbox_is_empty()
        peer.requests.clear()

        replay = await desk.endpoints.replay_since(desk.account_id, 0, endpoint.id, since=since)
        await peer.received(45)

        await desk.until("SELECT 1 FROM main.webhook_replays WHERE id = $1 AND finished_at IS NOT NULL", replay.id)
        await desk.gone("SELECT 1 FROM main.webhook_retries")
        assert sorted(request.headers["webhook-id"] for request in peer.requests) == sorted(
            ids.typed("evt", event.id) for event in wanted
        )


async def test_a_replay_begins_at_the_moment_not_before(desk: Desk) -> None:
    async with receiver() as peer:
        endpoint, _ = await desk.tell(peer)
        await desk.happen("message.delivered")
        await desk.house.start_worker()
        await peer.received(1)

        replay = await desk.endpoints.replay_since(
            desk.account_id, 0, endpoint.id, since=clock.now() - timedelta(microseconds=1)
        )
        await desk.until("SELECT 1 FROM main.webhook_replays WHERE id = $1 AND finished_at IS NOT NULL", replay.id)

        assert len(peer.requests) == 1


async def test_a_replay_asked_for_while_an_attempt_is_under_way_is_made_after_it(desk: Desk) -> None:
    async with receiver(lambda *_: None) as peer:
        endpoint, _ = await desk.tell(peer)
        (event,) = await desk.happen("message.delivered")
        event_id = UUID(bytes=event.id)
        await desk.endpoints.replay_event(desk.account_id, 0, endpoint.id, event_id=event_id)
        await desk.fetch("DELETE FROM main.outbox")
        await desk.house.start_worker()
        await peer.received(1)

        await desk.endpoints.replay_event(desk.account_id, 0, endpoint.id, event_id=event_id)
        for transport in peer.transports:
            transport.write(OK)
        peer.answer = lambda *_: OK
        await peer.received(2)

        await desk.gone("SELECT 1 FROM main.webhook_retries")
