"""Endpoints, their secrets, deliveries and events in the console: what the API does, by form, and masked."""

import asyncio
import json
import re
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from sendigopro.console.signature_samples import PYTHON
from sendigopro.foundation import clock, ids
from sendigopro.messages.model import Status
from sendigopro.webhooks.delivery_store import append_deliveries
from sendigopro.webhooks.endpoints import EVENT_TYPES
from sendigopro.webhooks.model import DeliveryRow
from sendigopro.webhooks.sign import key_of, new_secret, signatures
from tests.console.test_sign_in_pages import Browser, rows, text
from tests.console.test_team import Crew
from tests.console.test_team import crew as crew  # noqa: PLC0414  # the fixture, by its own name

WEBHOOKS = "/console/webhooks"
URL = "https://hooks.example.com/in?a=1&b=<b>"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{40,}")
NUMBER, TEXT = "+447400123456", "the plan is secret"


async def add(browser: Browser, *, url: str = "https://hooks.example.com/in", **fields: str) -> str:
    """An endpoint; its id."""
    once = ids.typed("we", ids.new())
    made = await browser.post(WEBHOOKS, **{"once": once, "url": url, **fields})
    assert made.status == 303, text(made)
    return made.headers["location"].rpartition("/")[2]


async def attempted(crew: Crew, endpoint: str, event_id: UUID, *codes: int) -> None:
    owner = await crew.site.databases.main("pipeline")
    row = DeliveryRow(
        crew.site.house.account_id, ids.new(), 0, ids.parse("we", endpoint), (event_id,) * len(codes), codes,
        (12,) * len(codes), tuple(range(1, len(codes) + 1)),
    )  # fmt: skip
    await append_deliveries(owner, rows=[row])


async def sent_message(crew: Crew) -> str:
    await crew.site.house.start_worker()
    answered = await crew.site.ask("POST", "/v1/messages", {"to": NUMBER, "body": TEXT})
    message_id: str = msgspec.json.decode(answered.body)["id"]
    await crew.site.house.until(message_id, Status.DELIVERED)
    return message_id


async def actions(crew: Crew, target: str) -> list[object]:
    found = await rows(crew.site, "SELECT action FROM main.audit_log WHERE target = $1 ORDER BY n", target)
    return [row[0] for row in found]


async def kept(crew: Crew, query: str) -> list[tuple[object, ...]]:
    """Rows of the account's endpoints, which the role `owner` does not see."""
    return [tuple(row) for row in await (await crew.site.databases.main("pipeline")).fetch(query)]


async def test_an_endpoint_is_added_changed_switched_and_deleted_and_each_is_recorded(crew: Crew) -> None:
    dev = await crew.add("dev", "developer")
    assert "No endpoint yet" in text(await dev.get(WEBHOOKS))
    endpoint = await add(dev, url="https://hooks.example.com/in?a=%3Cb%3E", description="<script>alert(1)</script>")
    here = f"{WEBHOOKS}/{endpoint}"
    page = text(await dev.get(here)) + text(await dev.get(WEBHOOKS))
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    changed = await dev.post(f"{here}/change", url="https://hooks.example.com/2", **{EVENT_TYPES[0]: "on"})
    off = await dev.post(f"{here}/switch", on="no")
    refused = await dev.post(f"{here}/test")
    on = await dev.post(f"{here}/switch", on="yes")
    assert [one.status for one in (changed, off, refused, on)] == [303, 303, 409, 303]
    assert "is disabled" in text(refused)
    stored = await kept(crew, "SELECT event_types, is_enabled FROM main.webhook_endpoints WHERE NOT is_callback")
    assert stored == [([EVENT_TYPES[0]], True)]
    assert (await dev.post(f"{here}/delete")).headers["location"] == WEBHOOKS
    assert (await dev.get(here)).status == 404
    assert await actions(crew, endpoint) == ["endpoint.created", *["endpoint.changed"] * 3, "endpoint.removed"]


async def test_the_same_form_adds_one_endpoint(crew: Crew) -> None:
    dev, once = await crew.add("dev", "developer"), ids.typed("we", ids.new())
    both = [await dev.post(WEBHOOKS, once=once, url="https://hooks.example.com/in") for _ in range(2)]
    assert [one.headers["location"] for one in both] == [f"{WEBHOOKS}/{once}"] * 2
    assert len(await kept(crew, "SELECT id FROM main.webhook_endpoints WHERE NOT is_callback")) == 1


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "http://example.com/", "https://127.0.0.1/", "https://localhost/x",
     "https://user:word@example.com/", "", "https://exa mple.com/", URL],
)  # fmt: skip
async def test_an_address_that_will_not_do_is_said_beside_the_field_and_kept(crew: Crew, url: str) -> None:
    dev = await crew.add("dev", "developer")
    refused = await dev.post(WEBHOOKS, once=ids.typed("we", ids.new()), url=url, description="Kept")
    assert refused.status == 400
    assert 'id="url-problem"' in text(refused)
    assert 'value="Kept"' in text(refused)
    assert 'href="javascript:' not in text(refused)
    assert await kept(crew, "SELECT id FROM main.webhook_endpoints WHERE NOT is_callback") == []


async def test_a_secret_is_shown_to_who_proves_themselves_and_recorded_and_the_old_one_signs_on(crew: Crew) -> None:
    dev = await crew.add("dev", "developer")
    endpoint = await add(dev)
    here = f"{WEBHOOKS}/{endpoint}"
    assert not SECRET.search(text(await dev.get(here)))
    shown = text(await dev.post(f"{here}/secret"))
    rotated = text(await dev.post(f"{here}/rotate"))
    first, second = SECRET.search(shown), SECRET.search(rotated)
    assert first is not None
    assert second is not None
    assert first[0] != second[0]
    secrets = await kept(
        crew,
        "SELECT s.expires_at IS NULL FROM main.webhook_secrets s JOIN main.webhook_endpoints e"
        " ON e.id = s.endpoint_id AND NOT e.is_callback ORDER BY s.id",
    )
    assert secrets == [(False,), (True,)]
    assert await actions(crew, endpoint) == ["endpoint.created", "secret.shown", "secret.rolled"]
    owner = await crew.site.databases.main("owner")
    await owner.execute("UPDATE main.sessions SET proved_at = now() - interval '1 hour'")
    for act in ("secret", "rotate", "delete"):
        stale = await dev.post(f"{here}/{act}")
        assert stale.status == 403
        assert "/console/security" in text(stale)
        assert not SECRET.search(text(stale))


async def test_health_deliveries_and_events_are_told_and_may_be_told_again(crew: Crew) -> None:
    dev = await crew.add("dev", "developer")
    endpoint = await add(dev)
    tested = await dev.post(f"{WEBHOOKS}/{endpoint}/test")
    event = tested.headers["location"].rpartition("=")[2]
    assert "Not yet" in text(await dev.get(tested.headers["location"]))
    await attempted(crew, endpoint, ids.parse("evt", event), 500, 1, 204)

    listed = text(await dev.get(WEBHOOKS))
    assert ">2</td>" in listed
    assert "none in 24 h" not in listed
    page = text(await dev.get(f"{WEBHOOKS}/deliveries?event={event}"))
    assert [one for one in ("500", "timed_out", "204") if f">{one}<" in page] == ["500", "timed_out", "204"]
    failed = text(await dev.get(f"{WEBHOOKS}/deliveries?status=failed&endpoint={endpoint}"))
    assert ">204<" not in failed
    told = text(await dev.get(f"/console/events/{event}"))
    assert "webhook.test" in told
    assert ">204<" in told
    again = await dev.post(f"{WEBHOOKS}/{endpoint}/replay", event=event)
    since = await dev.post(f"{WEBHOOKS}/{endpoint}/replay", since=f"{clock.now() - timedelta(hours=1):%Y-%m-%dT%H:%M}")
    assert [again.status, since.status] == [303, 303]
    assert len(await kept(crew, "SELECT event_id FROM main.webhook_retries")) == 1
    assert len(await kept(crew, "SELECT id FROM main.webhook_replays")) == 1
    for typed, status in ((("since", "yesterday"), 400), (("since", "2999-01-01T00:00"), 400), (("event", "x"), 400),
                          (("event", ids.typed("evt", ids.new())), 404)):  # fmt: skip
        assert (await dev.post(f"{WEBHOOKS}/{endpoint}/replay", **dict([typed]))).status == status, typed
    for query in ("status=<b>", "endpoint=<b>", "event=<b>", "after=<b>"):
        wrong = await dev.get(f"{WEBHOOKS}/deliveries?{query}")
        assert wrong.status == 400, query
        assert 'class="field-problem"' in text(wrong), query


async def test_events_are_masked_until_somebody_asks_who_may_and_that_is_recorded(crew: Crew) -> None:
    dev, owner = await crew.add("dev", "developer"), await crew.add("rosa", "owner")
    message_id = await sent_message(crew)
    while "message.delivered" not in (page := text(await owner.get("/console/events"))).partition("<tbody>")[2]:
        pass  # what is newer than the oldest transaction under way is not shown yet
    assert message_id in page
    assert NUMBER[4:-2] not in page
    only = text(await dev.get("/console/events?type=message.delivered&from=24h")).partition("<tbody>")[2]
    assert "message.delivered" in only
    assert "message.sent" not in only
    event = re.findall(r"evt_[0-9a-z]{26}", page)[0]
    shown = text(await owner.post("/console/events", type="message.delivered"))
    assert NUMBER in shown
    assert NUMBER in text(await owner.post(f"/console/events/{event}/show"))
    assert NUMBER not in text(await owner.get(f"/console/events/{event}"))
    hidden = await dev.post("/console/events")
    assert hidden.status == 403
    assert NUMBER not in text(hidden)
    recorded = await rows(crew.site, "SELECT target FROM main.audit_log WHERE action = 'subject.unmasked' ORDER BY n")
    assert recorded == [(None,), (event,)]
    for query in ("type=<b>", "from=x", "after=evc_x"):
        wrong = await dev.get(f"/console/events?{query}")
        assert wrong.status == 400
        assert 'class="field-problem"' in text(wrong), query


async def test_the_tail_tells_requests_and_events_as_they_come_and_no_number(crew: Crew) -> None:
    site, dev = crew.site, await crew.add("dev", "developer")
    viewer = await crew.add("otto", "viewer")
    readers = [asyncio.create_task(first_lines(*one)) for one in ((dev, b"POST /v1/messages"), (viewer, b""))]
    await site.house.start_worker()
    sent = await site.ask("POST", "/v1/messages", {"to": NUMBER, "body": TEXT})
    request = sent.headers["request-id"]
    by_dev, by_viewer = [await one for one in readers]
    assert f"/console/requests/{request}" in by_dev
    assert "POST /v1/messages" in by_dev
    assert request not in by_viewer  # its role reads no keys
    for said in (by_dev, by_viewer):
        assert "message.delivered" in said
        assert NUMBER[4:-2] not in said
        assert TEXT not in said


async def first_lines(browser: Browser, word: bytes) -> str:
    """What the stream says until a message has been delivered, and this word."""
    reader, writer = await asyncio.open_connection("127.0.0.1", browser.site.port)
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    writer.write(f"GET /console/live/stream HTTP/1.1\r\nHost: x\r\nCookie: {cookies}\r\n\r\n".encode())
    said = b""
    async with asyncio.timeout(20):
        while b"message.delivered" not in said or word not in said:
            part = await reader.read(65536)
            assert part, said
            said += part
    writer.close()
    return said.decode()


async def test_other_accounts_see_nothing_and_roles_are_held_to(crew: Crew) -> None:
    dev, viewer, biller = [
        await crew.add(name, role) for name, role in (("d", "developer"), ("v", "viewer"), ("b", "billing"))
    ]
    site, key = crew.site, await crew.site.strangers_key()
    made = await site.ask("POST", "/v1/webhook-endpoints", {"url": "https://theirs.example.com/"}, key=key)
    theirs = msgspec.json.decode(made.body)["id"]
    tested = await site.ask("POST", f"/v1/webhook-endpoints/{theirs}/test", key=key)
    event = msgspec.json.decode(tested.body)["event_id"]
    for path in (f"{WEBHOOKS}/{theirs}", f"/console/events/{event}"):
        assert (await dev.get(path)).status == 404, path
    for act in ("change", "switch", "test", "secret", "rotate", "delete", "replay"):
        refused = await dev.post(f"{WEBHOOKS}/{theirs}/{act}", url="https://mine.example.com/", event=event)
        assert refused.status == 404, act
    own = await add(dev)
    assert (await viewer.get(f"{WEBHOOKS}/{own}")).status == 200
    for act in ("change", "switch", "test", "secret", "rotate", "delete", "replay"):
        assert (await viewer.post(f"{WEBHOOKS}/{own}/{act}")).status == 403, act
    for path in (WEBHOOKS, f"{WEBHOOKS}/deliveries", "/console/events", "/console/live", "/console/live/stream"):
        assert (await biller.get(path)).status == 403, path


def test_the_python_sample_takes_what_we_sign_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    secret, body, now = new_secret(), json.dumps({"a": "ü"}).encode(), int(clock.now().timestamp())
    monkeypatch.setenv("WEBHOOK_SECRET", secret)
    sample: dict[str, object] = {}
    exec(PYTHON, sample)  # noqa: S102  # the sample that the page shows
    is_ours = sample["is_ours"]
    assert callable(is_ours)

    def headers(stamp: int, key: str) -> dict[str, str]:
        signed = signatures([key_of(new_secret()), key_of(key)], b"evt_1", str(stamp).encode(), body).decode()
        return {"webhook-id": "evt_1", "webhook-timestamp": str(stamp), "webhook-signature": signed}

    assert is_ours(headers(now, secret), body)
    assert not is_ours(headers(now, secret), body + b" ")
    assert not is_ours(headers(now, new_secret()), body)
    assert not is_ours(headers(now - 600, secret), body)
