"""Whatever is wrong with a request to send: a clear refusal, and nothing has changed."""

import asyncio
from datetime import timedelta

import msgspec

from sendigopro.foundation import clock
from tests.web.conftest import Site

TO = "+15005550006"


def whole(**more: object) -> bytes:
    return msgspec.json.encode({"to": TO, "body": "hello", **more})


def text(middle: str) -> bytes:
    return f'{{"to":"{TO}","body":"hello",{middle}}}'.encode()


REFUSED = [
    (b"", 400, "invalid_json", None),
    (b"hello", 400, "invalid_json", None),
    (b"[]", 400, "invalid_value", None),
    (b"null", 400, "invalid_value", None),
    (b"\xff\xfe{}", 400, "invalid_json", None),
    (whole()[:-1], 400, "invalid_json", None),
    (whole() + b"x", 400, "invalid_json", None),
    (b'{"to":"' + TO.encode() + b'","body":"\xc3\x28"}', 400, "invalid_json", None),
    (b'{"to":"' + TO.encode() + b'","body":"a\x00b"}', 400, "invalid_json", None),
    (text('"tags":["\\u0000"]'), 400, "invalid_value", "tags"),
    (text('"body":"again"'), 400, "duplicate_field", "body"),
    (text('"bod\\u0079":"again"'), 400, "duplicate_field", "body"),
    (text('"metadata":{"a":"1","a":"2"}'), 400, "duplicate_field", "a"),
    (text('"ttl_seconds":NaN'), 400, "invalid_json", None),
    (text('"ttl_seconds":9223372036854775808'), 400, "invalid_value", "ttl_seconds"),
    (text('"ttl_seconds":' + "9" * 5000), 400, None, None),
    (text('"ttl_seconds":0'), 400, "invalid_value", "ttl_seconds"),
    (text('"ttl_seconds":"60"'), 400, "invalid_value", "ttl_seconds"),
    (text('"ttl_seconds":1.5'), 400, "invalid_value", "ttl_seconds"),
    (text('"metadata":' + '{"a":' * 10_000 + "1" + "}" * 10_000), 400, "invalid_value", "metadata"),
    (text('"x":' + "[" * 20_000), 400, "unknown_field", "x"),
    (text('"form":"Acme"'), 400, "unknown_field", "form"),
    (b'{"body":"hello"}', 400, "missing_field", "to"),
    (b'{"to":"' + TO.encode() + b'"}', 400, "missing_field", "body"),
    (whole(to=5), 400, "invalid_value", "to"),
    (whole(to=""), 400, "invalid_value", "to"),
    (whole(to="hello"), 400, "invalid_number", "to"),
    (whole(to="15005550006x"), 400, "invalid_number", "to"),
    (whole(to="07400123456"), 400, "invalid_number", "to"),
    (whole(to="+44740012345"), 400, "invalid_number", "to"),
    (whole(to="+4474001234567"), 400, "invalid_number", "to"),
    (whole(to="+999123456789"), 400, "invalid_number", "to"),
    (whole(to="+1500555000\u0666"), 400, "invalid_number", "to"),
    (whole(body=""), 400, "invalid_value", "body"),
    (whole(body="x" * 1601), 400, "invalid_value", "body"),
    (whole(**{"from": "Nobody"}), 400, "sender_not_owned", "from"),
    (whole(**{"from": "SENDIGOPRO"}), 400, "sender_not_owned", "from"),
    (whole(channel="fax"), 400, "invalid_value", "channel"),
    (whole(purpose="spam"), 400, "invalid_value", "purpose"),
    (whole(send_at="yesterday"), 400, "invalid_value", "send_at"),
    (whole(send_at="2020-01-01T00:00:00Z"), 400, "send_at_out_of_range", "send_at"),
    (whole(send_at="2999-01-01T00:00:00Z"), 400, "send_at_out_of_range", "send_at"),
    (whole(send_at="2026-12-24T18:00:00"), 400, "invalid_value", "send_at"),
    (whole(tags=["a"] * 11), 400, "invalid_value", "tags"),
    (whole(tags=[""]), 400, "invalid_value", "tags[0]"),
    (whole(metadata={"k": "v" * 501}), 400, "invalid_value", "metadata"),
    (whole(metadata={str(n): "v" for n in range(51)}), 400, "invalid_value", "metadata"),
    (b" " * 64_001, 413, "body_too_large", None),
]


async def test_each_wrong_request_is_refused_by_name_and_nothing_is_kept(site: Site) -> None:
    """One server for all cases: starting one for each would take a minute."""
    wrong: list[object] = []
    for raw, status, code, param in REFUSED:
        answered = await site.ask("POST", "/v1/messages", raw=raw, Content_Type="application/json")
        document = msgspec.json.decode(answered.body)
        found = (answered.status, document["code"], document.get("param"))
        if found != (status, code or found[1], param if code else found[2]):
            wrong.append([raw[:80], found, status, code, param])
        if answered.headers["content-type"] != "application/problem+json" or not document["detail"]:
            wrong.append([raw[:80], answered.headers, document])

    assert not wrong, wrong
    assert await site.house.fetch("SELECT id FROM main.messages") == []
    assert await site.house.runtime.vault.fetch("SELECT id FROM vault.subjects") == []


async def test_a_send_at_too_near_is_refused(site: Site) -> None:
    soon = (clock.now() + timedelta(seconds=200)).isoformat()

    answered = await site.ask("POST", "/v1/messages", raw=whole(send_at=soon))

    assert (answered.status, msgspec.json.decode(answered.body)["code"]) == (400, "send_at_out_of_range")


async def test_a_batch_refuses_only_what_is_wrong_in_it(site: Site) -> None:
    messages = [
        {"to": TO, "body": "a"},
        {"to": "nobody", "body": "b"},
        {"to": TO, "text": "c"},
        {"to": TO, "body": "d"},
    ]

    answered = await site.ask("POST", "/v1/messages/batch", {"messages": messages})

    data = msgspec.json.decode(answered.body)["data"]
    assert [(one["index"], one["status"]) for one in data] == [(0, 202), (1, 400), (2, 400), (3, 202)]
    assert len(await site.house.fetch("SELECT id FROM main.messages")) == 2


BATCHES = [
    (b'{"messages":[]}', 400, "invalid_value"),
    (b'{"messages":[' + b",".join([b"{}"] * 1001) + b"]}", 400, "invalid_value"),
    (b'{"messages":[{}],"messages":[{}]}', 400, "duplicate_field"),
    (b'{"messages":{}}', 400, "invalid_value"),
    (b'{"messages":[{"to":"a","to":"b"}]}', 400, "duplicate_field"),
    (b"[" * 100_000, 400, "invalid_value"),
    (b" " * 4_000_001, 413, "body_too_large"),
]


async def test_a_batch_that_is_wrong_as_a_whole_is_refused_as_a_whole(site: Site) -> None:
    answers = [await site.ask("POST", "/v1/messages/batch", raw=raw) for raw, _, _ in BATCHES]

    assert [(one.status, msgspec.json.decode(one.body)["code"]) for one in answers] == [
        (status, code) for _, status, code in BATCHES
    ]
    assert await site.house.fetch("SELECT id FROM main.messages") == []


KEYS = ["", "x" * 256, "a\x7fb", "ä"]


async def test_idempotency_keys_that_are_none(site: Site) -> None:
    answers = [await site.ask("POST", "/v1/messages", raw=whole(), Idempotency_Key=key) for key in KEYS]

    assert {one.status for one in answers} == {400}
    assert await site.house.fetch("SELECT id FROM main.messages") == []


async def test_a_key_used_again_with_another_body_is_422_and_with_the_same_is_replayed(site: Site) -> None:
    first = await site.ask("POST", "/v1/messages", raw=whole(), Idempotency_Key="k1")
    same = await site.ask("POST", "/v1/messages", raw=whole(), Idempotency_Key="k1")
    other = await site.ask("POST", "/v1/messages", raw=whole(body="other"), Idempotency_Key="k1")

    assert (first.status, same.status, other.status) == (202, 202, 422)
    assert same.headers["idempotent-replayed"] == "true"
    assert msgspec.json.decode(same.body)["id"] == msgspec.json.decode(first.body)["id"]


async def test_a_hundred_requests_with_one_key_make_one_message(site: Site) -> None:
    answers = await asyncio.gather(
        *(site.ask("POST", "/v1/messages", raw=whole(), Idempotency_Key="one") for _ in range(100))
    )

    assert {one.status for one in answers} <= {202, 409}
    assert len({msgspec.json.decode(one.body)["id"] for one in answers if one.status == 202}) == 1
    assert len(await site.house.fetch("SELECT id FROM main.messages")) == 1


QUERIES = [
    ("limit=0", "invalid_parameter", "limit"),
    ("limit=101", "invalid_parameter", "limit"),
    ("limit=1e9", "invalid_parameter", "limit"),
    ("colour=red", "unknown_parameter", "colour"),
    ("limit=1&limit=2", "duplicate_parameter", "limit"),
    ("status=gone", "invalid_parameter", "status"),
    ("status=null", "invalid_parameter", "status"),
    ("created_after=null", "invalid_parameter", "created_after"),
    ("recipient=hello", "invalid_number", "recipient"),
    ("after=msg_x", "invalid_id", "after"),
    ("before=evt_01h455vb4pex5vsknk084sn02q", "invalid_id", "before"),
    ("created_after=2026-01-01", "invalid_parameter", "created_after"),
    ("created_after=2026-01-01T00:00:00", "invalid_parameter", "created_after"),
    ("tag=", "invalid_parameter", "tag"),
    ("tag=%ff", "invalid_parameter", None),
    ("tag=%00", "invalid_parameter", "tag"),
]


async def test_a_list_asked_wrongly_is_refused_by_name(site: Site) -> None:
    answers = [await site.ask("GET", f"/v1/messages?{query}") for query, _, _ in QUERIES]

    found = [(one.status, *(msgspec.json.decode(one.body).get(name) for name in ("code", "param"))) for one in answers]
    assert found == [(400, code, param) for _, code, param in QUERIES]


IDS = ["msg_1", "msg_01h455vb4pex5vsknk084sn02q", "MSG_01h455vb4pex5vsknk084sn02q", "evt_01h455vb4pex5vsknk084sn02q",
       "msg_81h455vb4pex5vsknk084sn02q", "%00", "%ff", "..", "' OR 1=1", "x" * 3000]  # fmt: skip


async def test_ids_of_nothing_are_404(site: Site) -> None:
    answers = [await site.ask("GET", f"/v1/messages/{one.replace(' ', '%20')}") for one in IDS]

    assert {one.status for one in answers} == {404}


SENDERS = ["", "a" * 12, "1", "123456789", "+44", "Ac\u0000me", "Ünïcode", "-----", " Acme", "Acme ", "x" * 22]


async def test_senders_that_are_none(site: Site) -> None:
    answers = [await site.ask("POST", "/v1/senders", {"value": one}) for one in SENDERS]

    assert {(one.status, msgspec.json.decode(one.body)["param"]) for one in answers} == {(400, "value")}
