"""The first message, seen and answered in a real browser."""

import os
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from sendigopro.console import handset_key
from tests.peers import places
from tests.web.conftest import Site
from tests.web.conftest import site as site  # noqa: PLC0414  # the fixture, by its own name

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not os.environ.get("CI") and (places.chromium() is None or find_spec("playwright") is None),
        reason="needs Chromium and playwright: tests/peers/install.py brings them",
    ),
]
TO = "+15005550006"
PATIENCE_MS = 15_000


@pytest.fixture
async def page() -> "AsyncIterator[Page]":
    from playwright.async_api import async_playwright  # noqa: PLC0415  # only where there is one

    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=places.chromium(),
            args=["--no-sandbox"],
            env={**places.environment()},
        )
        page = await browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        yield page
        await browser.close()


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
