"""A real browser, and a look at a page with the eyes of everybody who may come to it."""

import os
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.peers import places

if TYPE_CHECKING:
    from playwright.async_api import Page

BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not os.environ.get("CI") and (places.chromium() is None or find_spec("playwright") is None),
        reason="needs Chromium and playwright: tests/peers/install.py brings them",
    ),
]
PATIENCE_MS = 15_000
SCREENS = os.environ.get("SENDIGOPRO_SCREENS", "")
"""A folder for pictures of every page, in light, dark and on a phone: for looking at, not for comparing."""
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture
async def page() -> "AsyncIterator[Page]":
    from playwright.async_api import async_playwright  # noqa: PLC0415  # only where there is one

    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=places.chromium(), args=["--no-sandbox"], env={**places.environment()}
        )
        page = await browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        yield page
        await browser.close()


async def look(page: "Page", name: str) -> None:
    """No rule of accessibility is broken here, in light, in dark and on a phone; nothing is wider than the screen."""
    script = (places.NODE_MODULES / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await page.set_viewport_size({"width": width, "height": 800})
        if SCREENS:
            await page.screenshot(path=f"{SCREENS}/{name}-{scheme}-{width}.png", full_page=True)
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} at {width}"
        found = await page.evaluate(f"{script}; axe.run({{runOnly: {AXE_TAGS}}})")
        told = [
            f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes']]}"
            for one in found["violations"]
        ]
        assert told == [], f"{name}, {scheme}, {width}: {told}"
        assert len(found["passes"]) > 5
    await page.set_viewport_size({"width": 1280, "height": 800})
