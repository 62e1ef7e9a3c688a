"""The first message, seen and answered in a real browser."""

from typing import TYPE_CHECKING

from sendigopro.console import handset_key
from tests.browser.look import BROWSER
from tests.web.conftest import Site

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = BROWSER
TO = "+15005550006"


async def test_a_message_arrives_is_delivered_and_is_answered_before_our_eyes(site: Site, page: "Page") -> None:
    await site.house.start_worker()
    origin = f"http://127.0.0.1:{site.port}"
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.extend([request.url] if not request.url.startswith(origin) else []))

    await page.goto(await handset_key.address(site.house.vault, site.house.account_id, url=origin))
    await page.wait_for_selector("text=Send your first message")
    assert "key=" not in page.url
    await page.wait_for_selector("[data-live][data-state=on]")
    await site.house.send(to=TO, body="Your code is 492 113.")
    await page.click(".phones a")
    await page.wait_for_selector(".bubble .status.good")
    await page.fill("textarea", "thank you")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".bubble.ours >> text=thank you")

    assert complaints == []


async def test_on_a_telephone_the_list_and_the_thread_take_turns(site: Site, page: "Page") -> None:
    await site.house.send(to=TO, body="hello")
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(
        await handset_key.address(site.house.vault, site.house.account_id, url=f"http://127.0.0.1:{site.port}")
    )
    await page.click(".phones a")
    await page.wait_for_selector(".bubble")

    assert not await page.is_visible(".phones")
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
