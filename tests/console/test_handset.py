"""The handset shows what was sent in test mode, as it happens, to who has its key and to nobody else."""

import asyncio
from datetime import timedelta
from urllib.parse import quote_plus
from uuid import UUID

import msgspec
import pytest

from sendigopro.console import handset_key
from sendigopro.foundation import clock, ids
from sendigopro.foundation.problems import Unauthenticated
from sendigopro.messages.model import Status
from tests.web.conftest import Site
from tests.web.conftest import site as site  # noqa: PLC0414  # the fixture, by its own name
from tests.web.serving import Reply

TO, OTHER = "+15005550006", "+447400123456"
HOME = "/console/handset"


async def phone_of(site: Site) -> str:
    (row,) = await site.house.fetch("SELECT DISTINCT subject_id FROM main.messages")
    return ids.typed("sub", row["subject_id"])


async def reply_as(site: Site, phone: str, text: str, **headers: str) -> Reply:
    return await site.ask(
        "POST",
        f"{HOME}/{phone}/reply",
        raw=f"body={quote_plus(text)}".encode(),
        key=None,
        Cookie=await site.handset_cookie(),
        Content_Type="application/x-www-form-urlencoded",
        **headers,
    )


async def test_without_a_key_it_asks_to_sign_in_and_with_a_wrong_one_says_how_to_come_in(site: Site) -> None:
    led = await site.ask("GET", HOME, key=None)
    assert (led.status, led.headers["location"]) == (303, "/console/sign-in?next=%2Fconsole%2Fhandset")
    for key in ("AAAA", "x" * 500):
        answered = await site.ask("GET", HOME, key=None, Cookie=f"sendigopro_handset={key}")
        assert answered.status == 401
        assert "sendigopro console" in answered.body.decode()
    assert (await site.ask("GET", f"{HOME}/stream", key=None, Accept="text/event-stream")).status == 401
    replied = await site.ask("POST", f"{HOME}/sub_01h455vb4pex5vsknk084sn02q/reply", key=None)
    assert (replied.status, replied.headers["location"]) == (303, "/console/sign-in?next=%2Fconsole")


async def test_the_key_in_the_address_becomes_a_cookie_and_leaves_the_address(site: Site) -> None:
    address = await handset_key.address(site.house.vault, site.house.account_id, url="")

    answered = await site.ask("GET", address, key=None)

    assert (answered.status, answered.headers["location"]) == (303, HOME)
    cookie = answered.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/console"))
    assert answered.headers["referrer-policy"] == "no-referrer"


async def test_a_key_ends_with_its_day_and_cannot_be_made_for_another_account(site: Site) -> None:
    vault, account_id = site.house.vault, site.house.account_id
    old = await handset_key.issue(vault, account_id, now=clock.now() - handset_key.LIFETIME - timedelta(seconds=1))
    good = await handset_key.issue(vault, account_id)
    forged = good[:-1] + ("A" if good[-1] != "A" else "B")
    other = await handset_key.issue(vault, UUID(int=7))

    assert await handset_key.account_of(vault, good) == account_id
    assert await handset_key.account_of(vault, other) == UUID(int=7)
    mixed = good[:20] + other[20:]
    for key in (old, forged, mixed, "", "%%%", "é", good[:30]):
        with pytest.raises(Unauthenticated):
            await handset_key.account_of(vault, key)


async def test_an_empty_handset_teaches_with_a_line_that_works(site: Site) -> None:
    answered = await site.ask("GET", HOME, key=None, Cookie=await site.handset_cookie())
    page = answered.body.decode()

    assert answered.status == 200
    assert "Send your first message" in page
    assert f"{site.house.runtime.settings.url}/v1/messages" in page
    assert "+15005551104" in page
    assert not [word for word in ("<style", " style=", "onclick=", "javascript:") if word in page]
    assert "script-src 'self'" in answered.headers["content-security-policy"]
    assert answered.headers["cache-control"] == "no-store"


async def test_a_thread_shows_text_and_status_and_escapes_both(site: Site) -> None:
    await site.house.start_worker()
    sent = await site.house.send(to=TO, body='<script>alert("x")</script> & more')
    await site.house.until(sent.id, Status.DELIVERED)

    page = (
        await site.ask("GET", f"{HOME}/{await phone_of(site)}", key=None, Cookie=await site.handset_cookie())
    ).body.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "Delivered" in page
    assert TO in page


async def test_live_messages_and_other_accounts_are_not_shown(site: Site) -> None:
    await site.house.send(site.house.live, to=OTHER, body="live")
    stranger = await site.strangers_key()
    await site.ask("POST", "/v1/senders", {"value": "Stranger", "is_default": True}, key=stranger)
    await site.ask("POST", "/v1/messages", {"to": OTHER, "body": "theirs"}, key=stranger)

    page = (await site.ask("GET", HOME, key=None, Cookie=await site.handset_cookie())).body.decode()
    phones = await site.house.fetch("SELECT subject_id FROM main.messages")
    threads = [
        await site.ask("GET", f"{HOME}/{ids.typed('sub', row[0])}", key=None, Cookie=await site.handset_cookie())
        for row in phones
    ]

    assert OTHER not in page
    assert len(threads) == 2
    assert {one.status for one in threads} == {302}


async def test_a_reply_comes_in_as_from_a_carrier(site: Site) -> None:
    await site.house.send(to=TO, body="1 or 2?")

    answered = await reply_as(site, await phone_of(site), "2\r\nplease")

    listed = msgspec.json.decode((await site.ask("GET", "/v1/messages?status=received")).body)["data"]
    assert answered.status == 303
    assert [(one["direction"], one["from"], one["to"], one["body"]) for one in listed] == [
        ("inbound", TO, "SendiGoPro", "2\nplease")
    ]


async def test_a_reply_from_another_site_is_refused(site: Site) -> None:
    await site.house.send(to=TO, body="hello")
    phone = await phone_of(site)

    refused = [
        await reply_as(site, phone, "x", Sec_Fetch_Site="cross-site"),
        await reply_as(site, phone, "x", Origin="https://example.org"),
    ]

    assert [one.status for one in refused] == [403, 403]


@pytest.mark.parametrize("text", ["", "   ", "x" * 1601, "a\0b"])
async def test_a_reply_that_is_none_is_400(text: str, site: Site) -> None:
    await site.house.send(to=TO, body="hello")

    assert (await reply_as(site, await phone_of(site), text)).status == 400


async def test_the_stream_tells_of_new_messages_and_of_their_end(site: Site) -> None:
    await site.house.send(to=TO, body="first")
    phone = await phone_of(site)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    cookie = await site.handset_cookie()
    writer.write(f"GET {HOME}/stream?phone={phone} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
    async with asyncio.timeout(15):
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"retry: 1000\n\n")
        second = await site.house.send(to=TO, body="second")
        seen = await reader.readuntil(second.id.encode())
        await site.house.start_worker()
        seen += await reader.readuntil(b"Delivered")
    writer.close()

    assert b"text/event-stream" in head
    assert b"event: bubble" in seen
