"""Every page of the console in a real browser: for everybody (axe, WCAG 2.2 AA), from us alone, light, by keyboard."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sendigopro.accounts import staff_store
from tests.browser.look import BROWSER, look
from tests.console.test_sign_in_pages import PASSWORD
from tests.web.conftest import Site
from tests.web.strangers import LIVE_PAGES, Scene, page_routes, scene_of

if find_spec("playwright") is not None:
    from playwright.async_api import Error as PlaywrightError
if TYPE_CHECKING:
    from playwright.async_api import ConsoleMessage, Page, Response

pytestmark = BROWSER
TABLES = os.environ.get("SENDIGOPRO_TABLES", "")
"""A folder for the table of what was looked at."""
BUDGET_BYTES = 150_000
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


@pytest.fixture
async def scene(site: Site) -> Scene:
    """Its owner runs the installation too, so that there is no page they may not see."""
    scene = await scene_of(site)
    owner = await site.databases.main("owner")
    async with owner.transaction():
        await staff_store.put_staff(owner, person_id=scene.people["owner"], role="operator")
    return scene


async def enter(page: "Page", scene: Scene, who: str = "owner") -> str:
    """Sign in; gives the origin."""
    origin = f"http://127.0.0.1:{scene.site.port}"
    await page.goto(f"{origin}/console/sign-in")
    await page.fill("input[name=email]", f"{who}@example.com")
    await page.fill("input[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{origin}/console")
    return origin


def addresses(scene: Scene) -> list[str]:
    """One of each page of the console."""
    routes = [one for one in page_routes() if one.method == "GET" and one.path.startswith("/console")]
    return [one.address(scene.ids) for one in routes if not one.path.endswith(LIVE_PAGES)]


async def is_page(page: "Page", address: str) -> bool:
    """Go there; an address that hands out a file shows nothing to look at."""
    try:
        answered = await page.goto(address)
    except PlaywrightError as error:
        if "Download is starting" not in str(error):
            raise
        return False
    return answered is not None and "text/html" in answered.headers.get("content-type", "")


def is_complaint(said: "ConsoleMessage") -> bool:
    """Some pages answer 403 or 404 by right, as one for a link that is none; what they load is weighed by itself."""
    return said.type == "error" and not said.text.startswith("Failed to load resource")


async def test_no_page_breaks_a_rule_of_accessibility_or_asks_another_host(page: "Page", scene: Scene) -> None:
    origin = await enter(page, scene)
    elsewhere: list[str] = []
    sizes: dict[str, int] = {}

    async def weigh(response: "Response") -> None:
        is_missing = response.status >= 400 and response.request.resource_type != "document"
        if is_missing or not response.url.startswith(origin):
            elsewhere.append(response.url)
        sizes[response.url] = int(response.headers.get("content-length", "0"))

    without_cache = await page.context.new_cdp_session(page)
    await without_cache.send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.on("response", weigh)
    page.on("pageerror", lambda error: elsewhere.append(str(error)))
    page.on("console", lambda said: elsewhere.append(said.text) if is_complaint(said) else None)
    lines = ["| page | axe | bytes | first paint, ms |", "|---|---|---|---|"]
    for address in addresses(scene):
        sizes.clear()
        if not await is_page(page, f"{origin}{address}"):
            continue
        size, paint = sum(sizes.values()), await page.evaluate(PAINT)
        await look(page, address.strip("/").replace("/", "_").split("?")[0])
        assert size <= BUDGET_BYTES, address
        lines.append(f"| `{address}` | 0 | {size:,} | {paint:.0f} |")
    assert elsewhere == []
    assert len(lines) > 9
    if TABLES:
        Path(TABLES, "pages.md").write_text("\n".join([*lines, ""]), encoding="utf-8")  # noqa: ASYNC240  # at the end


async def test_everything_is_reached_by_keyboard(page: "Page", scene: Scene) -> None:
    origin = await enter(page, scene)
    await page.keyboard.press("g")
    await page.keyboard.press("t")
    await page.wait_for_url(f"{origin}/console/team")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("handset")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{origin}/console/handset")
    await page.keyboard.press("Control+k")
    await page.wait_for_selector("[role=option][aria-selected=true]")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Escape")
    assert await page.locator("dialog[open]").count() == 0
    await page.goto(f"{origin}/console")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to content"
    await page.keyboard.press("Enter")
    assert page.url.endswith("#main")
