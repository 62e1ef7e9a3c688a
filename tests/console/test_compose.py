"""Writing a message in the browser: counted as it is sent, sent once, and what is wrong said beside its field."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.console.test_messages import COMPOSE, LIST, NUMBER, hidden
from tests.console.test_sign_in_pages import rows, text
from tests.console.test_team import Crew
from tests.databases import Databases
from tests.messages.house import house_of
from tests.web.conftest import site_of


@pytest.fixture
async def crew(databases: Databases, tmp_path: Path) -> AsyncIterator[Crew]:
    async with house_of(databases, tmp_path, price_micros=65_000) as house, site_of(house, databases) as site:
        yield Crew(site)


async def count_of(crew: Crew) -> int:
    ((count,),) = await rows(crew.site, "SELECT count(*)::int FROM main.messages")
    assert isinstance(count, int)
    return count


async def test_a_message_is_sent_once_however_often_its_button_is_pressed(crew: Crew) -> None:
    dora = await crew.add("dora", "developer")
    once = hidden(text(await dora.get(COMPOSE)), "once")
    form = {
        "to": NUMBER,
        "body": "Hello\r\n<b>you</b>",
        "once": once,
        "mode": "test",
        "purpose": "otp",
        "ttl_minutes": "5",
    }
    answers = await asyncio.gather(*(dora.post(COMPOSE, **form) for _ in range(3)))
    assert [one.status for one in answers] == [303] * 3, [text(one) for one in answers]
    assert {(one.status, one.headers["location"]) for one in answers} == {(303, answers[0].headers["location"])}
    assert await count_of(crew) == 1
    seen = await crew.site.house.see(answers[0].headers["location"].rpartition("/")[2])
    assert (seen.body, seen.mode, seen.purpose, seen.price_micros) == ("Hello\n<b>you</b>", "test", "otp", 0)
    assert (seen.expires_at - seen.created_at).total_seconds() == pytest.approx(300, abs=1)
    ((key_id,),) = await rows(crew.site, "SELECT key_id FROM main.messages")
    assert key_id == crew.people["dora"]

    other = await dora.post(COMPOSE, **{**form, "body": "Something else"})  # the same form, changed after it was sent
    assert other.status == 422
    assert "Something else" in text(other)
    assert hidden(text(other), "once") != once
    assert await count_of(crew) == 1


@pytest.mark.parametrize(
    ("field", "typed", "told"),
    [
        ("to", "", "Write the whole number"), ("to", '12"><script>', ""), ("body", "", "Write a text"),
        ("body", "x" * 1601, "at most 1,600"), ("from", "Somebody", "not the account"),
        ("purpose", "<king>", "cannot be used"),
        ("send_at", "tomorrow", "2026-12-31T18:30"), ("send_at", "2020-01-01T10:00", "5 minutes"),
        ("ttl_minutes", "0", "whole minutes"), ("ttl_minutes", "1.5", "whole minutes"),
        ("ttl_minutes", "99999", "whole minutes"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(
    crew: Crew, field: str, typed: str, told: str
) -> None:
    dora = await crew.add("dora", "developer")
    form = {"to": NUMBER, "body": "a <i>word</i>", "once": "c" * 32, "mode": "test", "ttl_minutes": "7"}
    answered = await dora.post(COMPOSE, **{**form, field: typed})
    page = text(answered)
    assert answered.status == 400
    assert f'id="{field}-problem"' in page
    assert told in page
    assert "<script>" not in page
    if field != "body":
        assert "a &lt;i&gt;word&lt;/i&gt;</textarea>" in page
    if field != "ttl_minutes":
        assert 'name="ttl_minutes" value="7"' in page
    assert await count_of(crew) == 0


async def test_live_asks_once_more_and_another_tab_changes_nothing_unseen(crew: Crew) -> None:
    dora, otto = await crew.add("dora", "developer"), await crew.add("otto", "viewer")
    form = {"to": NUMBER, "body": "Hello ✓", "once": "d" * 32, "mode": "test"}
    await dora.post("/console/mode", mode="live")
    turned = await dora.post(COMPOSE, **form)  # written in a tab of test mode
    assert turned.status == 409
    assert "you are in live mode now" in text(turned)
    form["mode"] = "live"
    asked = await dora.post(COMPOSE, **form)
    assert asked.status == 200
    assert "This goes out for real" in text(asked)
    assert "0.0650 EUR" in text(asked)
    assert await count_of(crew) == 0
    done = await dora.post(COMPOSE, **form, sure="yes")
    assert done.status in (303, 402)  # 402 where the account has no credit
    assert (await otto.get(COMPOSE)).status == 403
    assert (await otto.post(COMPOSE, **form, sure="yes")).status == 403
    assert (await otto.post(f"{COMPOSE}/count", body="x")).status == 403
    assert (await otto.get(LIST)).status == 200


@pytest.mark.parametrize(
    ("typed", "alphabet", "parts", "outside"),
    [
        ("", "GSM-7", 0, ""), ("x" * 160, "GSM-7", 1, ""), ("x" * 161, "GSM-7", 2, ""), ("€" * 81, "GSM-7", 2, ""),
        ("✓" * 70, "UCS-2", 1, "✓ (U+2713)"), ("x" * 70 + "✓", "UCS-2", 2, "✓ (U+2713)"), ("a\r\nb", "GSM-7", 1, ""),
        ("😀", "UCS-2", 1, "😀 (U+1F600)"),
    ],
)  # fmt: skip
async def test_the_counter_counts_as_the_message_path_does(
    crew: Crew, typed: str, alphabet: str, parts: int, outside: str
) -> None:
    dora = await crew.add("dora", "developer")
    answered = await dora.post(f"{COMPOSE}/count", body=typed)
    counted = json.loads(answered.body)
    assert (counted["alphabet"], counted["segments"], counted["outside"]) == (alphabet, parts, outside)
    if typed:
        sent = await crew.site.house.send(body=typed.replace("\r\n", "\n"))
        assert sent.segments == parts
