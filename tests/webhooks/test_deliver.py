"""Events reach their receivers, signed, at least once, whoever else is slow or dead."""

import asyncio

import msgspec
import pytest

from sendigopro.channels.contract import Inbound
from sendigopro.events.bus import Bus
from sendigopro.foundation import ids
from sendigopro.foundation.personal import Body, Phone
from sendigopro.foundation.problems import Invalid
from sendigopro.messages.model import Channel, Mode, Status
from sendigopro.messages.receive import Receiver
from tests.webhooks.desk import Desk, verified
from tests.webhooks.receivers import OK, Request, receiver, status


async def test_a_delivered_message_is_told_signed_and_the_outbox_is_empty(desk: Desk) -> None:
    async with receiver() as peer:
        _, secret = await desk.tell(peer, "message.delivered")
        sent = await desk.house.send(metadata={"order": "7"}, tags=["a"])
        await desk.house.start_worker()

        (request,) = await peer.received(1)

        told = verified(request, secret)
        assert told["type"] == "message.delivered"
        assert told["account_id"] == ids.typed("acc", desk.account_id)
        assert told["sequence"] == 60
        assert told["data"]["id"] == sent.id
        assert told["data"]["status"] == "delivered"
        assert told["data"]["to"] == "+4915112345678"
        assert told["data"]["metadata"] == {"order": "7"}
        assert told["data"]["body"] is None
        assert request.headers["content-type"] == "application/json"
        assert request.headers["host"] == f"127.0.0.1:{peer.port}"
        await desk.outbox_is_empty()
        assert not await desk.fetch("SELECT 1 FROM main.webhook_retries")


async def test_an_endpoint_without_a_filter_hears_everything_and_the_sequence_grows(desk: Desk) -> None:
    async with receiver() as peer:
        _, secret = await desk.tell(peer)
        await desk.house.send()
        await desk.house.start_worker()

        told = [verified(request, secret) for request in await peer.received(2)]

        assert {one["type"] for one in told} == {"message.sent", "message.delivered"}
        assert {one["type"]: one["sequence"] for one in told} == {"message.sent": 10, "message.delivered": 60}


async def test_a_final_status_goes_to_the_messages_own_url_and_no_other_status_does(desk: Desk) -> None:
    async with receiver() as peer:
        await desk.house.send(callback_url=peer.url("/dlr/1?x=%20"))
        await desk.house.start_worker()

        (request,) = await peer.received(1)

        secret = await desk.endpoints.callback_secret(desk.account_id, 0)
        told = verified(request, secret)
        assert request.path == "/dlr/1?x=%20"
        assert told["type"] == "message.delivered"
        await desk.outbox_is_empty()
        assert len(peer.requests) == 1


@pytest.mark.parametrize(("number", "final"), [("+15005551100", Status.UNDELIVERED), ("+15005550001", Status.REJECTED)])
async def test_other_ends_are_final_too(desk: Desk, number: str, final: Status) -> None:
    async with receiver() as peer:
        await desk.house.send(to=number, callback_url=peer.url("/dlr"))
        await desk.house.start_worker()

        (request,) = await peer.received(1)

        told = msgspec.json.decode(request.body)
        assert told["type"] == f"message.{final}"
        assert told["data"]["reason"] is not None
        await desk.outbox_is_empty()


async def test_a_callback_url_that_may_not_be_posted_to_is_refused_with_the_message(desk: Desk) -> None:
    for url in ("https://user:password@127.0.0.1/", "ftp://127.0.0.1/", "nonsense"):
        with pytest.raises(Invalid) as refusal:
            await desk.house.send(callback_url=url)

        assert (refusal.value.code, refusal.value.param) == ("invalid_url", "callback_url")


async def test_a_callback_url_that_has_become_forbidden_is_left_out(desk: Desk) -> None:
    async with receiver() as peer:
        sent = await desk.house.send(callback_url=peer.url())
        built = await desk.house.start_worker()
        built.webhooks.book._allow_private = False  # noqa: SLF001  # the operator has thought better of it

        await desk.house.until(sent.id, Status.DELIVERED)

        await desk.outbox_is_empty()
        assert not peer.requests


async def test_attempts_are_written_down_in_columns(desk: Desk) -> None:
    async with receiver() as peer:
        endpoint, _ = await desk.tell(peer, "message.delivered")
        for number in range(20):
            await desk.house.send(to=f"+49151123456{number:02}")
        await desk.house.start_worker()
        await peer.received(20)
        await desk.outbox_is_empty()

        rows = await desk.fetch("SELECT * FROM main.webhook_deliveries")

        assert {row["endpoint_id"] for row in rows} == {endpoint.id}
        assert len({event_id for row in rows for event_id in row["event_ids"]}) == 20
        assert {code for row in rows for code in row["codes"]} == {200}
        assert {attempt for row in rows for attempt in row["attempts"]} == {1}
        assert len(rows) < 20


async def test_a_failure_is_tried_again_with_the_same_id_and_a_fresh_signature(desk: Desk) -> None:
    async with receiver(status(500)) as peer:
        _, secret = await desk.tell(peer, "message.delivered")
        sent = await desk.house.send()
        await desk.house.start_worker()
        await peer.received(1)
        retry = await desk.until(
            "SELECT *, due_at BETWEEN now() - '1 s'::interval AND now() + '6 s'::interval AS soon"
            " FROM main.webhook_retries"
        )
        await desk.outbox_is_empty()

        peer.answer = lambda *_: OK
        await desk.hurry()
        first, second = await peer.received(2)

        assert retry["attempts"] == 1
        assert retry["soon"]
        assert verified(second, secret) == verified(first, secret)
        assert verified(second, secret)["data"]["id"] == sent.id
        await desk.gone("SELECT 1 FROM main.webhook_retries")
        codes = await desk.until("SELECT 1 FROM main.webhook_deliveries WHERE codes = '{200}' AND attempts = '{2}'")
        assert codes


async def test_every_row_of_the_schedule_is_followed_to_its_end(desk: Desk) -> None:
    pauses = [5, 300, 1800, 7200, 18000, 36000, 36000]
    async with receiver(status(400)) as peer:
        await desk.tell(peer, "message.delivered")
        await desk.happen("message.delivered")
        await desk.house.start_worker()
        seen = []
        for attempt in range(1, 8):
            await peer.received(attempt)
            row = await desk.until(
                "SELECT extract(epoch FROM due_at - now()) AS pause FROM main.webhook_retries WHERE attempts = $1",
                attempt,
            )
            seen.append(float(row["pause"]))
            await desk.hurry()
        await peer.received(8)
        await desk.gone("SELECT 1 FROM main.webhook_retries")

        assert all(pause * 0.9 < it <= pause * 1.1 for it, pause in zip(seen, pauses, strict=True))
        assert len(peer.requests) == 8
        assert len({request.headers["webhook-id"] for request in peer.requests}) == 1


async def test_retry_after_is_honoured_and_lets_the_whole_endpoint_rest(desk: Desk) -> None:
    async with receiver(status(429, "Retry-After: 3600")) as peer:
        await desk.tell(peer, "message.delivered")
        await desk.happen("message.delivered")
        await desk.house.start_worker()
        await peer.received(1)
        row = await desk.until("SELECT extract(epoch FROM due_at - now()) AS pause FROM main.webhook_retries")

        await desk.happen("message.delivered")
        later = await desk.until(
            "SELECT extract(epoch FROM due_at - now()) AS pause FROM main.webhook_retries WHERE attempts = 0"
        )

        assert 3500 < row["pause"] <= 3600
        assert 3500 < later["pause"] <= 3600
        assert len(peer.requests) == 1


async def test_redirects_are_failures_and_nobody_follows_them(desk: Desk) -> None:
    def redirect(request: Request, _: asyncio.Transport) -> bytes:
        return status(int(request.path[1:]), f"Location: {elsewhere.url()}")

    async with receiver() as elsewhere, receiver(redirect) as peer:
        for code in (301, 302, 303, 307, 308):
            await desk.tell(peer, "message.delivered", path=f"/{code}")
        await desk.happen("message.delivered")
        await desk.house.start_worker()

        await desk.until("SELECT 1 FROM main.webhook_retries WHERE attempts = 1 HAVING count(*) = 5")

        assert not elsewhere.requests


async def test_a_receiver_may_ask_not_to_be_told_again(desk: Desk) -> None:
    async with receiver(status(500, "webhook-delivery: abort-message")) as peer:
        await desk.tell(peer, "message.delivered")
        await desk.happen("message.delivered")
        await desk.house.start_worker()
        await peer.received(1)

        await desk.outbox_is_empty()

        assert not await desk.fetch("SELECT 1 FROM main.webhook_retries")


async def test_410_disables_the_endpoint_and_says_so(desk: Desk) -> None:
    async with receiver(status(410)) as peer, receiver() as watcher:
        gone, _ = await desk.tell(peer, "message.delivered")
        _, secret = await desk.tell(watcher, "webhook.disabled")
        await desk.happen("message.delivered")
        await desk.house.start_worker()

        (request,) = await watcher.received(1)

        told = verified(request, secret)
        assert told["data"] == {
            "id": ids.typed("we", gone.id),
            "object": "webhook_endpoint",
            "mode": "test",
            "status": "disabled",
            "reason": "gone",
        }
        now = await desk.endpoints.get(desk.account_id, 0, gone.id)
        assert (now.is_enabled, now.disabled_reason) == (False, "gone")
        await desk.outbox_is_empty()
        assert not await desk.fetch("SELECT 1 FROM main.webhook_retries")
        await desk.happen("message.delivered")
        await desk.outbox_is_empty()
        assert len(peer.requests) == 1


async def test_410_from_a_callback_url_ends_only_that_callback(desk: Desk) -> None:
    async with receiver(status(410)) as peer:
        await desk.house.send(callback_url=peer.url("/1"))
        await desk.house.start_worker()
        await peer.received(1)
        await desk.outbox_is_empty()

        await desk.house.send(callback_url=peer.url("/2"))
        await peer.received(2)

        await desk.outbox_is_empty()
        assert not await desk.fetch("SELECT 1 FROM main.webhook_retries")


@pytest.mark.parametrize(
    ("failing_since", "last_failed_at", "is_enabled"),
    [
        ("5 days 1 hour", "10 hours", False),
        ("4 days 23 hours", "10 hours", True),
        ("6 days", "25 hours", True),  # a day of silence: the five days begin anew
        ("30 days", "23 hours", False),
    ],
)
async def test_five_days_of_failures_without_a_day_of_silence_disable_an_endpoint(
    desk: Desk,
    failing_since: str,
    last_failed_at: str,
    is_enabled: bool,  # noqa: FBT001  # a column of the table
) -> None:
    async with receiver(status(500)) as peer, receiver() as watcher:
        failing, _ = await desk.tell(peer, "message.delivered")
        await desk.tell(watcher, "webhook.disabled")
        await desk.fetch(
            "UPDATE main.webhook_endpoints SET failing_since = now() - $2::text::interval,"
            " last_failed_at = now() - $3::text::interval WHERE id = $1",
            failing.id, failing_since, last_failed_at,
        )  # fmt: skip
        await desk.happen("message.delivered")
        await desk.house.start_worker()
        await desk.until("SELECT 1 FROM main.webhook_deliveries")

        now = await desk.endpoints.get(desk.account_id, 0, failing.id)

        assert now.is_enabled is is_enabled
        if not is_enabled:
            assert now.disabled_reason == "failing"
            await watcher.received(1)


async def test_a_success_ends_the_days_of_failing(desk: Desk) -> None:
    async with receiver() as peer:
        endpoint, _ = await desk.tell(peer, "message.delivered")
        await desk.fetch(
            "UPDATE main.webhook_endpoints SET failing_since = now() - '9 days'::interval, last_failed_at = now()"
        )
        await desk.happen("message.delivered")
        await desk.house.start_worker()
        await desk.outbox_is_empty()

        assert (await desk.endpoints.get(desk.account_id, 0, endpoint.id)).failing_since is None


async def test_a_dead_endpoint_does_not_delay_a_healthy_one(desk: Desk) -> None:
    async with receiver(lambda *_: None) as dead, receiver() as healthy:
        await desk.tell(dead)
        await desk.tell(healthy)
        await desk.happen(*["message.delivered"] * 400)
        await desk.house.start_worker()

        await healthy.received(400)

        # The dead one holds its first few connections and nothing else; nothing of it has been answered yet.
        assert len(dead.requests) == 4
        assert len({request.headers["webhook-id"] for request in healthy.requests}) == 400


async def test_a_failing_endpoint_is_left_alone_and_its_events_wait(desk: Desk) -> None:
    async with receiver(status(503)) as peer:
        await desk.tell(peer)
        await desk.happen(*["message.delivered"] * 300)
        await desk.house.start_worker()
        await desk.outbox_is_empty()
        before = len(peer.requests)
        await desk.happen(*["message.delivered"] * 100)
        await desk.outbox_is_empty()

        (row,) = await desk.fetch(
            "SELECT count(*) AS n, count(*) FILTER (WHERE attempts = 0) AS untried FROM main.webhook_retries"
        )

        assert row["n"] == 400
        assert before == len(peer.requests) == 400 - row["untried"]
        assert before < 20


async def test_a_receiver_that_comes_back_gets_everything_once(desk: Desk) -> None:
    async with receiver(status(503)) as peer:
        await desk.tell(peer)
        made = await desk.happen(*["message.delivered"] * 250)
        await desk.house.start_worker()
        await desk.outbox_is_empty()
        peer.requests.clear()
        peer.answer = lambda *_: OK

        for lane in desk.deliveries.book.lanes():
            lane.rests_until = 0.0
        await desk.hurry()
        await peer.received(250)

        await desk.gone("SELECT 1 FROM main.webhook_retries")
        assert sorted(request.headers["webhook-id"] for request in peer.requests) == sorted(
            ids.typed("evt", event.id) for event in made
        )


async def test_more_than_memory_holds_is_left_to_the_outbox_and_still_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sendigopro.webhooks.deliver.HELD_MAX", 400)
    monkeypatch.setattr("sendigopro.webhooks.again.HELD_MAX", 400)
    async with receiver() as peer:
        await desk.tell(peer)
        for _ in range(20):
            await desk.happen(*["message.delivered"] * 60)
        await desk.house.start_worker()

        await peer.received(1200)

        await desk.outbox_is_empty()
        assert len({request.headers["webhook-id"] for request in peer.requests}) == 1200


async def test_events_of_other_accounts_and_modes_are_not_told(desk: Desk) -> None:
    async with receiver() as live, receiver() as test:
        await desk.endpoints.create(desk.account_id, 1, url=live.url(), event_types=(), description="")
        await desk.tell(test)
        await desk.happen("message.delivered")
        await desk.house.start_worker()
        await test.received(1)

        await desk.outbox_is_empty()

        assert not live.requests


async def test_an_inbound_message_is_told_with_its_body(desk: Desk) -> None:
    house = desk.house
    inbox = Receiver(pool=house.runtime.main, vault=house.vault, directory=house.directory, bus=Bus(), owner="web-1")
    sender = house.directory.sender(desk.account_id, Channel.SMS, None)
    assert sender is not None
    async with receiver() as peer:
        _, secret = await desk.tell(peer, "message.received")
        message_id = await inbox.receive(
            sender, mode=Mode.TEST, inbound=Inbound(Phone("+4915112345678"), sender.value, Body("Grüße 👋"), ())
        )
        await house.start_worker()

        (request,) = await peer.received(1)

        told = verified(request, secret)
        assert told["data"]["id"] == ids.typed("msg", message_id)
        assert told["data"]["direction"] == "inbound"
        assert told["data"]["from"] == "+4915112345678"
        assert told["data"]["body"] == "Grüße 👋"
