"""The pages about messages: masked for everybody, narrowed by the address, shown to who may and asks."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from sendigopro.foundation import ids
from sendigopro.messages.model import Status
from tests.console.test_sign_in_pages import Browser, rows, text
from tests.console.test_team import Crew
from tests.databases import Databases
from tests.messages.house import house_of
from tests.web.conftest import site_of
from tests.web.strangers import first_words, member

LIST, COMPOSE = "/console/messages", "/console/compose"
NUMBER, MASKED, TEXT = "+447400123456", "+44••••••••56", "the plan <b>is</b> secret"


@pytest.fixture
async def crew(databases: Databases, tmp_path: Path) -> AsyncIterator[Crew]:
    async with house_of(databases, tmp_path) as house, site_of(house, databases) as site:
        yield Crew(site)


def lines(page: str) -> list[str]:
    """The ids of a list, in its order."""
    return re.findall(r'<code title="(msg_[a-z0-9]+)">', page)


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return unescape(found[1])


async def sent(crew: Crew, **asked: Any) -> str:
    return (await crew.site.house.send(**{"to": NUMBER, "body": TEXT, **asked})).id


async def unmasked(crew: Crew) -> list[tuple[object, ...]]:
    return await rows(
        crew.site, "SELECT target, facts::text FROM main.audit_log WHERE action = 'subject.unmasked' ORDER BY n"
    )


async def test_the_list_is_newest_first_masked_and_of_one_mode_and_account(crew: Crew) -> None:
    owner = await crew.add("rosa", "owner")
    empty = text(await owner.get(LIST))
    assert "No test messages yet" in empty
    assert "curl " in empty
    first, second = await sent(crew), await sent(crew, tags=["<i>shop</i>"])
    live = (await crew.site.house.send(caller=crew.site.house.live, to=NUMBER, body=TEXT)).id
    page = text(await owner.get(LIST))

    assert lines(page) == [second, first]
    assert MASKED in page
    assert NUMBER not in page
    assert "&lt;i&gt;shop&lt;/i&gt;" in page
    await owner.post("/console/mode", mode="live")
    assert lines(text(await owner.get(LIST))) == [live]
    await member(crew.site, (await stranger_account(crew)), "owner", name="stranger")
    stranger = Browser(crew.site)
    await stranger.sign_in(mail="stranger@example.com")
    assert lines(text(await stranger.get(LIST))) == []
    for act in ("", "/cancel", "/redact", "/delete", "/resend"):
        assert (await stranger.post(f"{LIST}/{first}{act}", once="a" * 32)).status == 404, act
    assert (await stranger.get(f"{LIST}/{first}")).status == 404
    assert (await owner.get(f"{LIST}/{first}")).status == 404  # in live mode there is no such test message


async def stranger_account(crew: Crew) -> Any:
    await crew.site.strangers_key()
    found = await rows(
        crew.site, "SELECT id FROM main.accounts WHERE id <> $1 ORDER BY id DESC LIMIT 1", crew.site.house.account_id
    )
    return found[0][0]


async def test_filters_narrow_and_are_kept_in_the_form_and_pages_lead_back(crew: Crew) -> None:
    owner = await crew.add("rosa", "owner")
    other = await sent(crew, to="+447400123457", tags=["a b&c"])
    made = [await sent(crew) for _ in range(53)]
    scheduled = (await crew.site.ask("POST", "/v1/messages", {"to": NUMBER, "body": "x", "ttl_seconds": 60})).status
    assert scheduled == 202
    page = text(await owner.get(f"{LIST}?recipient=%2B447400123457&status=&tag="))
    assert lines(page) == [other]
    assert 'value="+447400123457"' in page
    assert lines(text(await owner.get(f"{LIST}?recipient=+447400123457"))) == [other]  # an unescaped plus
    assert lines(text(await owner.get(f"{LIST}?tag=a+b%26c"))) == [other]
    assert lines(text(await owner.get(f"{LIST}?direction=inbound"))) == []
    assert lines(text(await owner.get(f"{LIST}?from=2099-01-01"))) == []
    assert len(lines(text(await owner.get(f"{LIST}?until=2099-01-01&status=queued")))) == 50

    first = text(await owner.get(LIST))
    older = text(await owner.get(unescape(re.findall(r'rel="next" href="([^"]+)"', first)[0])))
    newer = text(await owner.get(unescape(re.findall(r'rel="prev" href="([^"]+)"', older)[0])))
    assert lines(newer) == lines(first)
    assert {*lines(first), *lines(older)} >= {other, *made}
    assert not set(lines(first)) & set(lines(older))


@pytest.mark.parametrize(
    ("query", "name", "told"),
    [
        ("status=nonsense", "status", "There is no such status"), ("recipient=12", "recipient", ""),
        ("from=31.12.2026", "from", "2026-12-31"), ("until=0001-01-01", "until", "2026-12-31"),
        ("direction=up", "direction", "outbound or inbound"), (f"tag={'x' * 65}", "tag", "64 characters"),
        ("after=msg_x", "", "alert"), ("status=%3Cscript%3E", "status", "no such status"),
    ],
)  # fmt: skip
async def test_a_wrong_filter_is_told_beside_its_field(crew: Crew, query: str, name: str, told: str) -> None:
    owner = await crew.add("rosa", "owner")
    answered = await owner.get(f"{LIST}?{query}")
    page = text(answered)
    assert answered.status == 400
    assert told in page
    assert "<script>" not in page
    if name:
        assert f'id="{name}-problem"' in page
        assert f'aria-describedby="{name}-problem"' in page


async def test_numbers_and_texts_are_shown_to_who_may_and_asks_and_each_time_is_on_the_audit_log(crew: Crew) -> None:
    owner, viewer = await crew.add("rosa", "owner"), await crew.add("otto", "viewer")
    one = await sent(crew, metadata={"note": "Ada"})
    for browser in (owner, viewer):
        for path in (LIST, f"{LIST}/{one}"):
            page = text(await browser.get(path))
            assert MASKED in page
            assert NUMBER[3:] not in page
            assert "the plan" not in page
            assert "Ada" not in page
    assert "Show number" not in text(await viewer.get(f"{LIST}/{one}"))
    for path in (LIST, f"{LIST}/{one}"):
        refused = await viewer.post(path)
        assert refused.status == 403
        assert NUMBER[3:] not in text(refused)
    assert await unmasked(crew) == []

    page = text(await owner.post(f"{LIST}?status=queued"))
    assert NUMBER in page
    page = text(await owner.post(f"{LIST}/{one}"))
    assert NUMBER in page
    assert "the plan &lt;b&gt;is&lt;/b&gt; secret" in page
    assert "<b>is</b>" not in page
    assert "Ada" in page
    found = await unmasked(crew)
    assert [one for one, _ in found] == [None, one]
    assert json.loads(str(found[0][1]))["what"] == ["subjects.read"]
    assert NUMBER not in str(found)


async def test_the_json_is_what_the_api_answers_to_a_key_that_sees_as_much(crew: Crew) -> None:
    owner = await crew.add("rosa", "owner")
    one = await sent(crew)
    key = await crew.site.new_key("messages.read")

    def shown(page: str) -> Any:
        return json.loads(unescape(re.findall(r'aria-label="JSON">(.*?)</pre>', page, re.DOTALL)[0]))

    answered = (await crew.site.ask("GET", f"/v1/messages/{one}", key=key)).body
    assert shown(text(await owner.get(f"{LIST}/{one}"))) == json.loads(answered)
    whole = (await crew.site.ask("GET", f"/v1/messages/{one}")).body
    assert shown(text(await owner.post(f"{LIST}/{one}"))) == json.loads(whole)


async def test_a_message_tells_what_happened_and_why_and_can_be_sent_again_once(crew: Crew) -> None:
    owner, developer = await crew.add("rosa", "owner"), await crew.add("dora", "developer")
    await crew.site.house.start_worker()
    one = await sent(crew, purpose="otp", tags=["shop"])
    await crew.site.house.until(one, Status.DELIVERED)
    page = text(await owner.get(f"{LIST}/{one}"))
    for words in ("Accepted and queued", "Handed to the carrier", "Delivered", "by sandbox", "The carrier says"):
        assert words in page, words
    once = hidden(text(await developer.get(f"{LIST}/{one}")), "once")
    answers = await asyncio.gather(*(developer.post(f"{LIST}/{one}/resend", once=once) for _ in range(3)))
    assert {one.status for one in answers} == {303}
    led = {one.headers["location"] for one in answers}
    assert len(led) == 1
    new = led.pop().rpartition("/")[2]
    assert new != one
    seen = await crew.site.house.see(new)
    assert (seen.to, seen.body, seen.purpose, seen.tags) == (NUMBER, TEXT, "otp", ["shop"])
    assert all(NUMBER[3:] not in text(one) for one in answers)
    assert await unmasked(crew) == []
    assert (await developer.post(f"{LIST}/{one}/resend", once="short")).status == 400

    assert (await developer.post(f"{LIST}/{one}/redact")).status == 303
    gone = await developer.post(f"{LIST}/{one}/resend", once="b" * 32)
    assert gone.status == 409
    assert "can no longer be read" in text(gone)
    assert "No longer readable" in text(await owner.post(f"{LIST}/{one}"))
    asked = text(await owner.get(f"{LIST}/{one}/delete"))
    assert "Stays:" in asked
    assert (await owner.post(f"{LIST}/{one}/delete")).status == 303
    assert (await owner.get(f"{LIST}/{one}")).status == 404


async def test_a_waiting_message_can_be_canceled_and_what_is_too_late_is_said(crew: Crew) -> None:
    owner, viewer = await crew.add("rosa", "owner"), await crew.add("otto", "viewer")
    one = await sent(crew)
    for act in ("cancel", "redact", "delete", "resend"):
        assert (await viewer.post(f"{LIST}/{one}/{act}", once="a" * 32)).status == 403
    waiting = await owner.post(f"{LIST}/{one}/redact")
    assert waiting.status == 409
    assert "Cancel it first" in text(waiting)
    assert (await owner.post(f"{LIST}/{one}/cancel")).status == 303
    assert (await owner.post(f"{LIST}/{one}/cancel")).status == 303
    assert "You canceled it" in text(await owner.get(f"{LIST}/{one}"))


async def test_the_stream_counts_what_is_new_and_names_nobody(crew: Crew) -> None:
    owner = await crew.add("rosa", "owner")
    await sent(crew)
    page = text(await owner.get(LIST))
    (address,) = re.findall(r'data-fresh="([^"]+)"', page)
    await sent(crew)
    await sent(crew)
    owner.site.more["until"] = b"data: 2"
    asked = asyncio.create_task(owner.get(unescape(address), Accept="text/event-stream"))
    done, _ = await asyncio.wait([asked], timeout=0.1)
    assert not done  # it goes on; what it says is read in the browser's test
    asked.cancel()
    assert (await first_words(Browser(crew.site), unescape(address))).status in (303, 401)


async def test_a_saved_view_opens_again_keeps_no_number_and_is_its_members_alone(crew: Crew) -> None:
    owner, viewer = await crew.add("rosa", "owner"), await crew.add("otto", "viewer")
    page = text(await owner.get(f"{LIST}?status=failed&recipient=%2B447400123456"))
    kept = hidden(page, "query")
    assert kept == "status=failed"
    saved = await owner.post(
        f"{LIST}/views", name="  <b>Failed</b>  today ", query="status=failed&recipient=%2B447400123456"
    )
    assert (saved.status, saved.headers["location"]) == (303, f"{LIST}?status=failed")
    page = text(await owner.get(f"{LIST}?status=failed"))
    assert "&lt;b&gt;Failed&lt;/b&gt; today" in page
    (view,) = set(re.findall(r"/views/(sv_[a-z0-9]+)/", page))
    assert "Failed" not in text(await viewer.get(LIST))
    for act in ("rename", "delete"):
        assert (await viewer.post(f"{LIST}/views/{view}/{act}", name="Mine")).status == 404
    assert (await owner.post(f"{LIST}/views/{view}/rename", name="Broken")).status == 303
    assert "Broken" in text(await owner.get(LIST))
    ((name,),) = await rows(crew.site, "SELECT encode(name, 'escape') FROM main.saved_views")
    assert "Broken" not in str(name)
    for name, query in (("", "status=failed"), ("x" * 61, "status=failed"), ("x", "status=nonsense")):
        assert (await owner.post(f"{LIST}/views", name=name, query=query)).status == 400
    assert (await owner.post(f"{LIST}/views/{view}/delete")).status == 303
    for n in range(50):
        assert (await owner.post(f"{LIST}/views", name=f"View {n}", query="")).status == 303
    assert (await owner.post(f"{LIST}/views", name="one more", query="")).status == 409
    await owner.post(crew.place("otto", "remove"))
    assert await rows(crew.site, "SELECT count(*) FROM main.saved_views") == [(50,)]
    await (await crew.site.databases.main("owner")).execute("DELETE FROM main.members")
    assert await rows(crew.site, "SELECT count(*) FROM main.saved_views") == [(0,)]


@pytest.mark.parametrize(
    ("kind", "leads"),
    [("msg", "/console/messages/{}"), ("evt", "/console/events/{}"), ("key", "/console/keys/{}"),
     ("acc", "/console/security"),
     ("we", "/console/webhooks/{}"), ("prq", "/console/privacy/requests/{}"),
     ("ses", "/console/security"), ("req", "/console/requests/{}")],
)  # fmt: skip
async def test_the_id_of_anything_leads_to_its_page(crew: Crew, kind: str, leads: str) -> None:
    owner = await crew.add("rosa", "owner")
    one = ids.typed(kind, ids.new())
    found = await owner.get(f"/console/find?q=+{one.upper() if kind == 'msg' else one}+")
    assert (found.status, found.headers["location"]) == (303, leads.format(one))


async def test_what_is_no_id_is_said_to_be_none(crew: Crew) -> None:
    owner = await crew.add("rosa", "owner")
    for word in (
        "msg_x",
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "xyz_01h455vb4pex5vsknk084sn02q",
        "%2B447400123456",
        "%FF",
        "",
    ):
        found = await owner.get(f"/console/find?q={word}")
        assert found.status == 404, word
        assert "<script>alert" not in text(found)
    assert (await owner.get("/console/find?q=team")).headers["location"] == "/console/team"
