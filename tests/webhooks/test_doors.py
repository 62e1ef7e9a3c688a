"""The doors of webhooks over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from sendigopro.events import store as events
from sendigopro.events.model import Batch, Event
from sendigopro.foundation import clock, ids
from sendigopro.messages.model import Status
from tests.databases import Databases
from tests.web.conftest import Site, site_of
from tests.web.serving import Reply
from tests.webhooks.desk import Desk, desk_of, verified
from tests.webhooks.receivers import receiver, status

ENDPOINTS = "/v1/webhook-endpoints"
URL = "http://127.0.0.1:9/hook"


@pytest.fixture
async def desk(databases: Databases, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_of(databases, tmp_path) as built:
        yield built


@pytest.fixture
async def site(desk: Desk, databases: Databases) -> AsyncIterator[Site]:
    async with site_of(desk.house, databases) as built:
        yield built


def told(answered: Reply) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(answered.body)
    return document


async def make(site: Site, **asked: object) -> dict[str, Any]:
    answered = await site.ask("POST", ENDPOINTS, {"url": URL, **asked})
    assert answered.status == 201, answered.body
    return told(answered)


async def test_an_endpoint_is_made_read_changed_and_deleted(site: Site) -> None:
    made = await make(site, event_types=["message.sent"], description="orders")
    path = f"{ENDPOINTS}/{made['id']}"

    read = told(await site.ask("GET", path))

    assert made["secret"].startswith("whsec_")
    assert read == {name: value for name, value in made.items() if name != "secret"}
    assert told(await site.ask("GET", f"{path}/secret"))["secret"] == made["secret"]
    changed = told(await site.ask("PATCH", path, {"is_enabled": False}))
    assert (changed["is_enabled"], changed["disabled_reason"], changed["url"]) == (False, "by_account", URL)
    assert [one["id"] for one in told(await site.ask("GET", ENDPOINTS))["data"]] == [made["id"]]
    assert (await site.ask("DELETE", path)).status == 204
    assert (await site.ask("GET", path)).status == 404
    assert (await site.ask("DELETE", path)).status == 404


WRONG_ENDPOINTS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "missing_field", "url"),
    ({"url": 7}, "invalid_value", "url"),
    ({"url": ""}, "invalid_value", "url"),
    ({"url": "nonsense"}, "invalid_url", "url"),
    ({"url": "http://u:p@127.0.0.1/"}, "invalid_url", "url"),
    ({"url": "http://0x7f.1/"}, "invalid_url", "url"),
    ({"url": URL + "x" * 2048}, "invalid_value", "url"),
    ({"url": URL, "secret": "mine"}, "unknown_field", "secret"),
    ({"url": URL, "event_types": ["message.opened"]}, "unknown_event_type", "event_types"),
    ({"url": URL, "event_types": "message.sent"}, "invalid_value", "event_types"),
    ({"url": URL, "description": "x" * 201}, "invalid_value", "description"),
    ({"url": URL, "description": "\0"}, "invalid_value", "description"),
]


async def test_a_wrong_endpoint_is_refused_and_nothing_is_made(site: Site) -> None:
    for asked, code, param in WRONG_ENDPOINTS:
        answered = await site.ask("POST", ENDPOINTS, asked)

        assert answered.status == 400
        assert (told(answered)["code"], told(answered)["param"]) == (code, param)
    assert told(await site.ask("GET", ENDPOINTS))["data"] == []


DOORS_OF_ONE: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "", None),
    ("PATCH", "", {"description": "x"}),
    ("DELETE", "", None),
    ("GET", "/secret", None),
    ("POST", "/rotate", {}),
    ("POST", "/test", {}),
    ("POST", "/replay", {"since": "2026-01-01T00:00:00Z"}),
]


async def test_strangers_and_the_other_mode_find_nothing(site: Site) -> None:
    made = await make(site)
    stranger = await site.strangers_key()
    for method, rest, body in DOORS_OF_ONE:
        for key in (site.live_key, stranger):
            assert (await site.ask(method, f"{ENDPOINTS}/{made['id']}{rest}", body, key=key)).status == 404
        for wrong in (
            made["id"][:-1],
            made["id"].upper(),
            made["id"].replace("we_", "msg_"),
            ids.typed("we", ids.new()),
        ):
            assert (await site.ask(method, f"{ENDPOINTS}/{wrong}{rest}", body)).status == 404

    assert told(await site.ask("GET", f"{ENDPOINTS}/{made['id']}"))["description"] == ""


async def test_a_key_without_the_scope_is_refused(site: Site) -> None:
    key = await site.new_key("messages.read")
    for method, path, body in (
        ("GET", ENDPOINTS, None),
        ("POST", ENDPOINTS, {"url": URL}),
        ("GET", "/v1/events", None),
        ("GET", "/v1/webhook-deliveries", None),
        ("GET", f"{ENDPOINTS}/callback", None),
    ):
        assert (await site.ask(method, path, body, key=key)).status == 403
    reader = await site.new_key("webhooks.read")
    assert (await site.ask("GET", f"{ENDPOINTS}/callback", key=reader)).status == 403
    assert (await site.ask("GET", ENDPOINTS, key=reader)).status == 200


async def test_rotation_test_and_replay_reach_the_receiver(site: Site, desk: Desk) -> None:
    async with receiver() as peer:
        made = await make(site, url=peer.url())
        path = f"{ENDPOINTS}/{made['id']}"
        new = told(await site.ask("POST", f"{path}/rotate"))["secret"]
        await desk.house.start_worker()

        answered = await site.ask("POST", f"{path}/test")
        (request,) = await peer.received(1)
        replayed = await site.ask("POST", f"{path}/replay", {"event_id": told(answered)["event_id"]})
        _, again = await peer.received(2)

        assert (answered.status, replayed.status) == (202, 202)
        assert verified(request, made["secret"]) == verified(again, new)
        assert again.headers["webhook-id"] == told(answered)["event_id"]
        since = await site.ask("POST", f"{path}/replay", {"since": "0001-01-01T00:00:00Z"})
        assert since.status == 202
        await peer.received(3)


WRONG_REPLAYS = [
    {},
    {"event_id": "evt_01h455vb4pex5vsknk084sn02q", "since": "2026-01-01T00:00:00Z"},
    {"since": "2026-01-01"},
    {"since": "9999-01-01T00:00:00Z"},
    {"event_id": "evt_1"},
]


async def test_a_wrong_replay_is_refused(site: Site) -> None:
    made = await make(site)

    for asked in WRONG_REPLAYS:
        assert (await site.ask("POST", f"{ENDPOINTS}/{made['id']}/replay", asked)).status == 400


async def test_the_callback_secret_signs_callbacks(site: Site, desk: Desk) -> None:
    secret = told(await site.ask("GET", f"{ENDPOINTS}/callback"))["secret"]
    async with receiver() as peer:
        await site.ask("POST", "/v1/messages", {"to": "+447400123456", "body": "x", "callback_url": peer.url()})
        await desk.house.start_worker()
        (request,) = await peer.received(1)
        rotated = told(await site.ask("POST", f"{ENDPOINTS}/callback/rotate"))["secret"]

        assert verified(request, secret)["type"] == "message.delivered"
        assert rotated != secret


async def test_deliveries_are_listed_newest_first_with_filters(site: Site, desk: Desk) -> None:
    async with receiver() as good, receiver(status(500)) as bad:
        works = await make(site, url=good.url())
        fails = await make(site, url=bad.url())
        made = await desk.happen(*["message.delivered"] * 5)
        await desk.house.start_worker()
        await desk.outbox_is_empty()
        tried = len(bad.requests)

        async def listed(query: str = "limit=100") -> list[dict[str, Any]]:
            answered = await site.ask("GET", f"/v1/webhook-deliveries?{query}")
            assert answered.status == 200, answered.body
            data: list[dict[str, Any]] = told(answered)["data"]
            return data

        everything = await listed()
        assert len(everything) == 5 + tried
        assert [one["id"] for one in everything] == sorted(
            (one["id"] for one in everything), key=lambda one: (one[:30], int(one[31:])), reverse=True
        )
        assert {one["endpoint_id"] for one in await listed(f"endpoint_id={works['id']}")} == {works["id"]}
        failed = await listed("status=failed")
        assert {(one["endpoint_id"], one["response_status"], one["error"]) for one in failed} == {
            (fails["id"], 500, None)
        }
        assert len(await listed("status=succeeded&limit=100")) == 5
        event_id = ids.typed("evt", made[3].id)
        assert {one["event_id"] for one in await listed(f"event_id={event_id}")} == {event_id}
        walked, after = [], ""
        while True:
            page = told(await site.ask("GET", f"/v1/webhook-deliveries?limit=2{after}"))
            walked += page["data"]
            if not page["has_more"]:
                break
            after = f"&after={page['next_cursor']}"
        assert walked == everything
        assert await listed("since=2099-01-01T00:00:00Z") == []
        assert await listed("until=0001-01-01T00:00:00Z") == []
        stranger = await site.strangers_key()
        assert told(await site.ask("GET", "/v1/webhook-deliveries", key=stranger))["data"] == []
        assert told(await site.ask("GET", "/v1/webhook-deliveries", key=site.live_key))["data"] == []


WRONG_QUERIES = (
    "limit=0", "limit=101", "after=x", "after=whd_1-1", "endpoint_id=x", "event_id=evt_x", "status=ok", "since=now",
    "what=1", "limit=1&limit=2",
)  # fmt: skip


async def test_wrong_questions_about_deliveries_are_refused(site: Site) -> None:
    for query in WRONG_QUERIES:
        assert (await site.ask("GET", f"/v1/webhook-deliveries?{query}")).status == 400


async def test_events_are_read_by_cursor_from_the_oldest_on(site: Site, desk: Desk) -> None:
    made = [event for count in (3, 1, 7, 2) for event in await desk.happen(*["message.delivered"] * count)]

    await desk.events_are_shown()
    walked, after = [], ""
    for _ in range(4):
        page = told(await site.ask("GET", f"/v1/events?limit=4{after}"))
        walked += page["data"]
        after = f"&after={page['next_cursor']}"
    (late,) = await desk.happen("message.sent")
    await desk.events_are_shown()
    last = told(await site.ask("GET", f"/v1/events?limit=4{after}"))
    nothing = told(await site.ask("GET", f"/v1/events?after={last['next_cursor']}"))

    assert [one["id"] for one in walked] == [ids.typed("evt", event.id) for event in made]
    assert [one["id"] for one in last["data"]] == [ids.typed("evt", late.id)]
    assert (nothing["data"], nothing["has_more"]) == ([], False)
    assert nothing["next_cursor"]
    assert told(await site.ask("GET", "/v1/events", key=site.live_key))["data"] == []


async def test_an_event_read_says_what_the_webhook_said(site: Site, desk: Desk) -> None:
    async with receiver() as peer:
        made = await make(site, url=peer.url(), event_types=["message.delivered"])
        sent = await desk.house.send(metadata={"order": "7"})
        await desk.house.start_worker()
        await desk.house.until(sent.id, Status.DELIVERED)
        (request,) = await peer.received(1)

        await desk.events_are_shown()
        page = told(await site.ask("GET", "/v1/events?limit=100"))

        assert verified(request, made["secret"]) in page["data"]


async def test_a_reader_by_cursor_misses_nothing_that_commits_late(site: Site, desk: Desk) -> None:
    pool = desk.house.runtime.main

    def batch() -> Batch:
        facts: dict[str, str | int | None] = {"rank": 10}
        return Batch(
            desk.account_id, 0, events=[Event(ids.new_bytes(), "message.sent", ids.new_bytes(), clock.now_us(), facts)]
        )

    slow, quick = batch(), batch()
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await events.publish(conn, [slow], owner="", lease_seconds=0)
        async with pool.acquire() as other, other.transaction():
            await events.publish(other, [quick], owner="", lease_seconds=0)
        before = told(await site.ask("GET", "/v1/events"))
        await transaction.commit()
    await desk.events_are_shown()
    after = told(await site.ask("GET", "/v1/events"))

    assert before["data"] == []
    assert [one["id"] for one in after["data"]] == [ids.typed("evt", one.events[0].id) for one in (slow, quick)]


async def test_events_begin_where_asked(site: Site, desk: Desk) -> None:
    await desk.happen("message.sent")
    await asyncio.sleep(0.01)
    since = quote(clock.now().isoformat())
    await asyncio.sleep(0.01)
    (wanted,) = await desk.happen("message.sent")
    await desk.events_are_shown()

    page = told(await site.ask("GET", f"/v1/events?since={since}"))

    assert [one["id"] for one in page["data"]] == [ids.typed("evt", wanted.id)]
    assert len(told(await site.ask("GET", "/v1/events?since=0001-01-01T00:00:00Z"))["data"]) == 2
    assert told(await site.ask("GET", "/v1/events?since=9999-12-31T23:59:59Z"))["data"] == []


WRONG_CURSORS = (
    "x", "evc_", "evc_AAAAAAAAAAAAAAAA", "evc_" + "A" * 100, "evc_lQABAcQQAAAAAAAAAAAAAAAAAAAAAP8",
    "evt_01h455vb4pex5vsknk084sn02q",
)  # fmt: skip


async def test_a_cursor_that_we_did_not_give_is_refused(site: Site) -> None:
    for after in WRONG_CURSORS:
        answered = await site.ask("GET", f"/v1/events?after={after}")

        assert answered.status == 400
        assert told(answered)["param"] == "after"
