"""The /v1 doors over a real socket: what is asked is answered, and nothing else happens."""

import asyncio

import msgspec

from sendigopro.messages.model import Status
from tests.web.conftest import Site
from tests.web.serving import Reply

HELLO = {"to": "+447400123456", "body": "hello"}


def told(answered: Reply) -> dict[str, object]:
    document: dict[str, object] = msgspec.json.decode(answered.body)
    return document


async def send(site: Site, **asked: object) -> str:
    answered = await site.ask("POST", "/v1/messages", {**HELLO, **asked})
    assert answered.status == 202, answered.body
    return str(told(answered)["id"])


async def test_a_message_sent_is_found_again(site: Site) -> None:
    message_id = await send(site)

    one = await site.ask("GET", f"/v1/messages/{message_id}")

    assert one.status == 200
    assert {name: told(one)[name] for name in ("id", "to", "body", "status", "mode")} == {
        "id": message_id,
        "to": "+447400123456",
        "body": "hello",
        "status": "queued",
        "mode": "test",
    }
    assert one.headers["ratelimit"].startswith('"default";r=')


async def test_a_list_is_newest_first_and_walks_both_ways(site: Site) -> None:
    sent = [await send(site, body=f"n{n}") for n in range(5)][::-1]

    first = told(await site.ask("GET", "/v1/messages?limit=2"))
    second = told(await site.ask("GET", f"/v1/messages?limit=2&after={first['next_cursor']}"))
    last = told(await site.ask("GET", f"/v1/messages?limit=2&after={second['next_cursor']}"))
    back = told(await site.ask("GET", f"/v1/messages?limit=2&before={sent[3]}"))

    pages = [[one["id"] for one in page["data"]] for page in (first, second, last, back)]  # type: ignore[attr-defined]
    assert pages == [sent[:2], sent[2:4], sent[4:], sent[1:3]]
    assert [page["has_more"] for page in (first, second, last, back)] == [True, True, False, True]


async def test_a_list_is_narrowed_by_recipient_tag_status_and_time(site: Site) -> None:
    plain = await send(site)
    tagged = await send(site, to="+447400123457", tags=["spring"])

    async def ids(query: str) -> list[str]:
        answered = await site.ask("GET", f"/v1/messages?{query}")
        assert answered.status == 200, answered.body
        return [one["id"] for one in told(answered)["data"]]  # type: ignore[attr-defined]

    assert await ids("recipient=%2B447400123457") == [tagged]
    assert await ids("recipient=+447400123456") == [plain]
    assert await ids("recipient=%2B447400123458") == []
    assert await ids("tag=spring") == [tagged]
    assert await ids("tag=autumn") == []
    assert await ids("status=queued") == [tagged, plain]
    assert await ids("status=delivered") == []
    assert await ids("status=queued&tag=spring") == [tagged]
    assert await ids("created_after=2020-01-01T00:00:00Z&created_before=9999-01-01T00:00:00Z") == [tagged, plain]
    assert await ids("created_before=0001-01-01T00:00:00Z") == []


async def test_a_status_that_has_come_to_an_end_is_found_by_it(site: Site) -> None:
    await site.house.start_worker()
    message_id = await send(site)
    await site.house.until(message_id, Status.DELIVERED)

    found = told(await site.ask("GET", "/v1/messages?status=delivered"))

    assert [one["id"] for one in found["data"]] == [message_id]  # type: ignore[attr-defined]


async def test_the_timeline_tells_what_happened_in_order(site: Site) -> None:
    await site.house.start_worker()
    message_id = await send(site)
    await site.house.until(message_id, Status.DELIVERED)

    events = told(await site.ask("GET", f"/v1/messages/{message_id}/events"))["data"]

    types = [one["type"] for one in events]  # type: ignore[attr-defined]
    assert types == ["message.queued", "message.sent", "message.delivered"]
    assert events[1]["carrier"] == "sandbox"  # type: ignore[index]


async def test_an_explanation_says_why_a_text_is_dear(site: Site) -> None:
    message_id = await send(site, body="Тест 🎁")

    explained = told(await site.ask("GET", f"/v1/messages/{message_id}/explain"))

    assert explained["route"] == ["sandbox"]
    assert "U+1F381" in explained["encoding"]["because"]  # type: ignore[index]


async def test_cancel_stops_a_queued_message_and_may_be_repeated(site: Site) -> None:
    message_id = await send(site)

    answers = [await site.ask("POST", f"/v1/messages/{message_id}/cancel") for _ in range(2)]

    assert [(one.status, told(one)["status"]) for one in answers] == [(200, "canceled")] * 2


async def test_cancel_after_the_end_is_409(site: Site) -> None:
    await site.house.start_worker()
    message_id = await send(site)
    await site.house.until(message_id, Status.DELIVERED)

    answered = await site.ask("POST", f"/v1/messages/{message_id}/cancel")

    assert (answered.status, told(answered)["code"]) == (409, "too_late")


async def test_a_body_is_forgotten_and_the_rest_stays(site: Site) -> None:
    await site.house.start_worker()
    message_id = await send(site, metadata={"order": "17"})
    await site.house.until(message_id, Status.DELIVERED)

    gone = await site.ask("DELETE", f"/v1/messages/{message_id}/body")
    left = told(await site.ask("GET", f"/v1/messages/{message_id}"))

    assert (gone.status, gone.body) == (204, b"")
    assert (left["body"], left["metadata"], left["status"]) == (None, {"order": "17"}, "delivered")


async def test_a_deleted_message_is_404_for_ever(site: Site) -> None:
    await site.house.start_worker()
    message_id = await send(site)
    await site.house.until(message_id, Status.DELIVERED)

    gone = await site.ask("DELETE", f"/v1/messages/{message_id}")
    after = [await site.ask(method, f"/v1/messages/{message_id}") for method in ("GET", "DELETE")]

    assert (gone.status, [one.status for one in after]) == (204, [404, 404])


async def test_a_message_that_may_still_leave_keeps_its_text(site: Site) -> None:
    message_id = await send(site)

    answers = [await site.ask("DELETE", f"/v1/messages/{message_id}{part}") for part in ("", "/body")]

    assert [(one.status, told(one)["code"]) for one in answers] == [(409, "not_sent_yet")] * 2


async def test_another_account_and_the_other_mode_see_nothing(site: Site) -> None:
    message_id = await send(site)
    stranger = await site.strangers_key()
    doors = [
        ("GET", ""),
        ("GET", "/events"),
        ("GET", "/explain"),
        ("POST", "/cancel"),
        ("DELETE", "/body"),
        ("DELETE", ""),
    ]

    answers = [
        await site.ask(method, f"/v1/messages/{message_id}{part}", key=key)
        for key in (stranger, site.live_key)
        for method, part in doors
    ]
    lists = [told(await site.ask("GET", "/v1/messages", key=key))["data"] for key in (stranger, site.live_key)]

    assert [one.status for one in answers] == [404] * 12
    assert lists == [[], []]
    assert told(await site.ask("GET", f"/v1/messages/{message_id}"))["status"] == "queued"


async def test_a_key_does_only_what_its_scopes_say(site: Site) -> None:
    reader = await site.new_key("messages.read")
    writer = await site.new_key("messages.write")

    refused = [
        await site.ask("POST", "/v1/messages", HELLO, key=reader),
        await site.ask("GET", "/v1/messages", key=writer),
        await site.ask("GET", "/v1/balance", key=reader),
        await site.ask("POST", "/v1/senders", {"value": "Acme"}, key=reader),
    ]

    assert [(one.status, told(one)["code"]) for one in refused] == [(403, "missing_scope")] * 4


async def test_a_sender_is_added_once_and_used(site: Site) -> None:
    first = await site.ask("POST", "/v1/senders", {"value": "Acme", "is_default": True})
    again = await site.ask("POST", "/v1/senders", {"value": "Acme"})
    listed = told(await site.ask("GET", "/v1/senders"))
    message_id = await send(site)
    used = told(await site.ask("GET", f"/v1/messages/{message_id}"))["from"]

    assert (first.status, again.status) == (201, 201)
    assert told(first)["id"] == told(again)["id"]
    assert [(one["value"], one["is_default"]) for one in listed["data"]] == [("SendiGoPro", False), ("Acme", True)]  # type: ignore[attr-defined]
    assert used == "Acme"


async def test_a_number_belongs_to_one_account(site: Site) -> None:
    stranger = await site.strangers_key()

    mine = await site.ask("POST", "/v1/senders", {"value": "+447400123499"})
    theirs = await site.ask("POST", "/v1/senders", {"value": "+447400123499"}, key=stranger)

    assert (mine.status, theirs.status, told(theirs)["code"]) == (201, 409, "sender_taken")


async def test_the_balance_is_told(site: Site) -> None:
    balance = told(await site.ask("GET", "/v1/balance"))

    assert (balance["currency"], balance["balance_micros"], balance["limit_micros"]) == ("EUR", 0, None)


async def test_keys_in_any_wrong_form_get_the_same_401(site: Site) -> None:
    key = site.test_key
    wrong = [key[:-1], key + "a", key.upper(), key.swapcase(), key.replace("test", "live"), "sk_test_", "x" * 5000, "é"]

    answers = [await site.ask("GET", "/v1/messages", key=one) for one in wrong]
    missing = await site.ask("GET", "/v1/messages", key=None)
    basic = await site.ask("GET", "/v1/messages", key=None, Authorization="Basic Zm9v")

    assert {(one.status, told(one)["code"]) for one in answers} == {(401, "invalid_key")}
    assert len({told(one)["detail"] for one in answers}) == 1
    assert [(one.status, told(one)["code"]) for one in (missing, basic)] == [(401, "missing_key")] * 2
    assert missing.headers["www-authenticate"].startswith("Bearer")


async def test_paths_and_methods_that_are_not_there(site: Site) -> None:
    cases = [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/messages/msg_1/more", 404),
        ("PUT", "/v1/messages", 405),
        ("GET", "/v1/messages/batch", 405),
        ("PATCH", "/v1/senders", 405),
        ("GET", "/nothing", 404),
        ("POST", "/healthz", 405),
        ("POST", "/static/look.css", 405),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
    ]

    answers = [await site.ask(method, target) for method, target, _ in cases]

    assert [one.status for one in answers] == [status for _, _, status in cases]
    assert answers[2].headers["allow"] == "GET, POST"
    assert all(one.headers["content-type"] == "application/problem+json" for one in answers)
    assert all(one.headers["request-id"] == told(one)["request_id"] for one in answers)


async def test_head_is_get_without_a_body(site: Site) -> None:
    for target in ("/healthz", "/v1/messages", "/static/look.css", "/docs/api"):
        answered = await site.ask("HEAD", target)
        assert (answered.status, answered.body) == (200, b"")


async def test_a_rate_is_held_to(site: Site) -> None:
    owner = await site.databases.main("owner")
    await owner.execute("UPDATE main.accounts SET rate_per_second = 1, burst = 2")
    key = await site.new_key()

    answers = await asyncio.gather(*(site.ask("GET", "/v1/balance", key=key) for _ in range(6)))

    refused = [one for one in answers if one.status == 429]
    assert len(refused) == 4
    assert {(told(one)["code"], one.headers["retry-after"]) for one in refused} == {("rate_limited", "1")}
    assert all(one.headers["ratelimit-policy"] == '"default";q=2;w=2' for one in answers)
