"""The ways people go, whole: to a first message and its answer, into a team as one who sees masks, and out again."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.browser.look import BROWSER
from tests.browser.test_coming_in import FRAME, OTTO, put_owner, sign_in, with_authenticator
from tests.browser.test_sign_in import MAIL, NAME
from tests.console.coming import Town, town_of
from tests.databases import Databases
from tests.web.serving import free_port
from tests.webhooks.receivers import receiver

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = BROWSER
NUMBER, TEXT, ANSWER = "+447400123456", "Your parcel is at the door", "Leave it with Ada"


@pytest.fixture
async def town(databases: Databases, tmp_path: Path) -> AsyncIterator[Town]:
    """Where webhooks may go to this machine, which only tests and those who run a laptop allow."""
    port = free_port()
    url = f"http://localhost:{port}"
    async with town_of(databases, tmp_path, url=url, port=port, allow_private_webhooks=True) as town:
        await town.site.house.start_worker()
        yield town


async def test_from_signing_up_with_a_passkey_to_a_first_message_its_answer_and_the_webhook(
    town: Town, page: "Page"
) -> None:
    await with_authenticator(page)
    await page.goto(f"{town.url}/console/sign-up")
    await page.fill("input[name=name]", NAME)
    await page.fill("input[name=email]", MAIL)
    await page.fill("input[name=company]", "Lind Ltd")
    await page.check("input[name=of_age]")
    await page.click("text=Send me a link")
    await page.goto(f"{town.url}{await town.link(to=MAIL)}")
    await page.click("text=Go on with a passkey")
    await page.wait_for_selector(FRAME)

    async with receiver() as peer:
        await page.goto(f"{town.url}/console/webhooks/new")
        await page.fill("input[name=url]", peer.url())
        await page.click("main button.main")
        await page.wait_for_selector("text=whsec_")
        await page.goto(f"{town.url}/console/start")
        await page.click("text=Make a test key")
        key = (await page.inner_text("pre[aria-label='Test key']")).strip()
        sent = await town.site.ask("POST", "/v1/messages", {"to": NUMBER, "body": TEXT}, key=key)
        assert sent.status == 202, sent.body
        await page.wait_for_selector("text=It arrived")
        await page.click("text=See it on the handset")
        await page.click(f"text={NUMBER}")
        await page.wait_for_selector(f".bubble:has-text('{TEXT}')")
        await page.wait_for_selector(".bubble:has-text('Delivered')")
        await page.fill("textarea[name=body]", ANSWER)
        await page.keyboard.press("Enter")
        await page.wait_for_selector(f".bubble.ours:has-text('{ANSWER}')")
        told = [msgspec.json.decode(one.body) for one in await peer.received(3)]
    bodies = {one["type"]: one["data"] for one in told}
    assert set(bodies) == {"message.sent", "message.delivered", "message.received"}
    assert (bodies["message.received"]["from"], bodies["message.received"]["body"]) == (NUMBER, ANSWER)


async def test_who_is_invited_without_personal_data_sees_that_it_went_and_neither_whom_nor_what(
    town: Town, page: "Page"
) -> None:
    await with_authenticator(page)
    await put_owner(town)
    sent = await town.site.ask("POST", "/v1/messages", {"to": NUMBER, "body": TEXT})
    message = msgspec.json.decode(sent.body)["id"]
    await sign_in(page, town, "/console/team")
    await page.fill("input[name=email]", OTTO)
    await page.select_option("select[name=role] >> nth=-1", "viewer")
    await page.click("button:has-text('Invite')")
    await page.wait_for_selector("text=The invitation is on its way")
    await page.goto(f"{town.url}/console/messages/{message}")
    await page.click("button:has-text('Show number and text')")
    await page.wait_for_selector(f"text={TEXT}")
    assert NUMBER in await page.content()
    await page.context.clear_cookies()

    await page.goto(f"{town.url}{await town.link(to=OTTO)}")
    await page.fill("input[name=name]", "Otto Wels")
    await page.click("text=Go on with a passkey")
    await page.wait_for_selector(FRAME)
    for path in ("/console", "/console/messages", f"/console/messages/{message}", "/console/events"):
        await page.goto(f"{town.url}{path}")
        seen = await page.content()
        assert not [word for word in (NUMBER, NUMBER[4:], TEXT) if word in seen], path
        assert await page.locator("button:has-text('Show number')").count() == 0
    await page.goto(f"{town.url}/console/messages")
    assert await page.locator("text=+44••••••••56").count() == 1
    owner = await town.site.databases.main("owner")
    shown = await owner.fetch("SELECT target, facts FROM main.audit_log WHERE action = 'subject.unmasked'")
    assert [one["target"] for one in shown] == [message]


async def test_signing_out_everywhere_ends_every_other_browser_with_its_next_click(town: Town, page: "Page") -> None:
    await put_owner(town)
    await sign_in(page, town, "/console/security")
    assert page.context.browser is not None
    elsewhere = await (await page.context.browser.new_context()).new_page()
    await sign_in(elsewhere, town, "/console/team")
    await page.reload()
    await page.click("button:text-is('Sign out everywhere else')")
    await page.wait_for_selector("text=Signed out there.")
    await elsewhere.click("nav >> text=Messages >> nth=-1")
    await elsewhere.wait_for_selector("h1:has-text('Sign in')")
    await page.goto(f"{town.url}/console/messages")
    await page.wait_for_selector("h1:has-text('Messages')")
