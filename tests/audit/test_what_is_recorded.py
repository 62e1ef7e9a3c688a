"""What is changed by any door leaves an entry of who did it, and nothing personal; what changes nothing leaves none."""

import json
from typing import Any

import pytest

from sendigopro.accounts import keys
from sendigopro.foundation import ids
from sendigopro.messages.model import Status
from sendigopro.privacy.holds import place as placing
from sendigopro.privacy.holds.model import Words
from sendigopro.privacy.package.model import Sources
from tests.privacy.conftest import ANNA, Office, decoded

URL = "https://example.com/secret-path"


async def recorded(office: Office, action: str = "") -> list[dict[str, Any]]:
    """Oldest first, without those of the keys that the test itself is made of."""
    found = decoded(await office.site.ask("GET", f"/v1/audit-log?limit=100{action and f'&action={action}'}"))["data"]
    return [one for one in reversed(found) if action or one["action"] != "key.created"]


async def last(office: Office) -> dict[str, Any]:
    return (await recorded(office))[-1]


async def say(office: Office, method: str, target: str, body: object = None, status: int = 200) -> dict[str, Any]:
    answered = await office.site.ask(method, target, body)
    assert answered.status == status, answered.body
    return decoded(answered) if answered.body else {}


async def test_keys_that_are_made_and_revoked_are_recorded(office: Office) -> None:
    owner = await office.site.databases.main("owner")
    account_id = office.house.account_id
    made = await keys.create_key(owner, account_id=account_id, mode=1, scopes=["messages.read"], purpose="otp")
    await keys.revoke_key(owner, account_id=account_id, key_id=made.id)
    created, revoked = (await recorded(office, "key.created"))[-1], await last(office)

    assert created["target"] == revoked["target"] == ids.typed("key", made.id)
    assert created["facts"] == {
        "mode": "live", "scopes": ["messages.read"], "purpose": "otp", "rate_per_second": None,
    }  # fmt: skip
    assert (revoked["action"], revoked["actor"]) == ("key.revoked", {"kind": "operator", "id": None})
    assert made.token not in json.dumps([created, revoked])


async def test_what_becomes_of_an_endpoint_is_recorded_with_its_address_beside(office: Office) -> None:
    made = await say(office, "POST", "/v1/webhook-endpoints", {"url": URL, "event_types": ["message.sent"]}, 201)
    place = f"/v1/webhook-endpoints/{made['id']}"
    await say(office, "PATCH", place, {"url": f"{URL}2", "is_enabled": False})
    rolled = await say(office, "POST", f"{place}/rotate")
    await say(office, "DELETE", place, status=204)
    found = await recorded(office)

    assert [one["action"] for one in found] == [
        "endpoint.created", "endpoint.changed", "secret.rolled", "endpoint.removed",
    ]  # fmt: skip
    assert {one["target"] for one in found} == {made["id"]}
    assert [one["personal"] for one in found] == [{"url": URL}, {"url": f"{URL}2"}, None, None]
    assert found[0]["facts"] == {"mode": "test", "event_types": ["message.sent"]}
    assert found[1]["facts"]["changed"] == ["url", "is_enabled"]
    assert all(one["actor"]["kind"] == "key" and one["request_id"].startswith("req_") for one in found)
    assert made["secret"] not in json.dumps(found)
    assert rolled["secret"] not in json.dumps(found)
    assert await office.rows("SELECT 1 FROM main.audit_log WHERE facts::text LIKE '%example%'") == []


async def test_a_sender_is_recorded_once_and_again_only_when_something_changes(office: Office) -> None:
    for _ in range(2):
        await say(office, "POST", "/v1/senders", {"value": "+447400123456"}, 201)
    await say(office, "POST", "/v1/senders", {"value": "+447400123456", "is_default": True}, 201)
    found = await recorded(office)

    assert [(one["action"], one["facts"]) for one in found] == [
        ("sender.added", {"kind": "number", "is_default": False}),
        ("sender.changed", {"kind": "number", "is_default": True}),
    ]
    assert found[0]["personal"] == {"value": "+447400123456"}


async def test_a_term_that_is_set_is_recorded_without_the_accounts_words(office: Office) -> None:
    await say(office, "PUT", "/v1/privacy/retention/otp/body", {"days": 9, "reason": "Anna Berg asked"})
    found = await last(office)

    assert (found["action"], found["target"]) == ("retention.set", "otp/body")
    assert found["facts"] == {"days": 9, "has_reason": True}
    assert "Anna" not in json.dumps(found)


@pytest.mark.parametrize(
    ("type_", "more", "status"),
    [
        ("erase", {}, "erasing"),
        ("restrict", {}, "completed"),
        ("restrict", {"lift": True}, "completed"),
        ("object", {}, "completed"),
        ("withdraw", {}, "completed"),
        ("rectify", {"corrected_identifier": "+4915187654321"}, "completed"),
        ("access", {}, "processing"),
        ("export", {}, "processing"),
    ],
)
async def test_what_a_person_asks_is_recorded_by_its_request_and_never_by_the_person(
    office: Office, type_: str, more: dict[str, Any], status: str
) -> None:
    await office.house.send(to=ANNA)
    made = await office.asked(type_, reason="Anna wrote us", **more)
    found = await last(office)

    assert (found["action"], found["target"]) == ("privacy.requested", made["id"])
    assert found["facts"] == {"type": type_, "mode": "test", "status": status}
    assert ANNA[1:] not in json.dumps(found)
    assert "Anna" not in json.dumps(found)


async def test_a_request_that_is_repeated_or_refused_is_not_recorded_again(office: Office) -> None:
    for _ in range(2):
        await office.asked("erase", Idempotency_Key="one")
    refused = await office.ask("erase", "no number")

    assert refused.status == 422
    assert [one["action"] for one in await recorded(office)] == ["privacy.requested"]


async def test_approving_and_canceling_are_recorded_with_the_key_that_did(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sendigopro.privacy.erase.HOURLY_MAX", 0)
    one, other = await office.asked("erase"), await office.asked("erase", "+4915187654321")
    second = await office.site.new_key()
    await office.site.ask("POST", f"/v1/privacy/requests/{one['id']}/approve", key=second)
    approved = await last(office)
    await say(office, "POST", f"/v1/privacy/requests/{other['id']}/cancel")
    canceled = await last(office)
    asked = (await recorded(office))[0]

    assert (approved["action"], approved["target"]) == ("privacy.approved", one["id"])
    assert approved["actor"]["id"] != asked["actor"]["id"]
    assert (canceled["action"], canceled["target"]) == ("privacy.canceled", other["id"])
    assert canceled["actor"] == asked["actor"]


async def test_a_hold_is_recorded_when_it_is_placed_reviewed_and_released(office: Office) -> None:
    await office.house.send(to=ANNA)
    house = office.house
    sources = Sources(house.runtime.main, house.runtime.vault, house.vault, house.directory)
    subject_id = await office.subject_of(ANNA)
    assert subject_id is not None
    words = Words("A dispute about Anna", "ZPO 142", "Ben Berg")
    hold = await placing.place(sources, words, account_id=house.account_id, subject_ids=[subject_id])
    async with house.runtime.main.acquire() as conn:
        await placing.review(conn, hold, days=30)
    await placing.release(sources, hold)
    await placing.release(sources, hold)
    found = await recorded(office)

    assert [one["action"] for one in found] == ["hold.placed", "hold.reviewed", "hold.released"]
    assert {one["target"] for one in found} == {ids.typed("hld", hold.id)}
    assert {one["actor"]["kind"] for one in found} == {"operator"}
    assert "Anna" not in json.dumps(found)
    assert "Berg" not in json.dumps(found)


async def test_the_way_of_a_message_writes_no_entry(office: Office) -> None:
    """The log costs what changes settings, never what sends: no lock, no row."""
    await office.house.start_worker()
    before = await office.rows("SELECT count(*) FROM main.audit_log")
    sent = await office.house.send(to=ANNA)
    await office.house.until(sent.id, Status.DELIVERED)

    assert await office.rows("SELECT count(*) FROM main.audit_log") == before


async def test_a_callers_own_request_id_is_not_kept(office: Office) -> None:
    """It could be anything about anybody, and nothing is taken out of the log again."""
    answered = await office.site.ask("POST", "/v1/senders", {"value": "Acme"}, request_id="4915112345678")

    assert (answered.status, answered.headers["request-id"]) == (201, "4915112345678")
    assert (await last(office))["request_id"] is None
