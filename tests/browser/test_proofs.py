"""The page of proofs in a real browser: every promise a square, no script, nothing from elsewhere, on any screen."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from sendigopro.privacy import notice_store, versions
from tests.browser.look import BROWSER
from tests.web.conftest import Site
from tests.web.conftest import site as bare_site  # noqa: F401  # what `site` is made of

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = BROWSER
COLOUR = "getComputedStyle(document.querySelector('.tiles .tile.passed')).backgroundColor"


@pytest.fixture
async def site(bare_site: Site) -> Site:  # noqa: F811  # the fixture above
    owner = await bare_site.databases.main("owner")
    await versions.enter_missing(owner)
    at = datetime(2026, 11, 26, 12, tzinfo=UTC)
    results = [("0.3", True, "292 of 292 columns"), ("8.1b", True, "4 of 4 tests"), ("13.1", False, "1 of 2 tests")]
    await notice_store.insert_runs(owner, at=at, version="0.1.0", results=results)
    return bare_site


@pytest.mark.parametrize("width", [390, 1280])
async def test_every_promise_is_a_square_that_leads_to_its_proof(width: int, site: Site, page: "Page") -> None:
    origin = f"http://127.0.0.1:{site.port}"
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: complaints.extend([request.url] if not request.url.startswith(origin) else []))
    await page.set_viewport_size({"width": width, "height": 844})

    await page.goto(f"{origin}/privacy/proof")

    tiles = page.locator(".tiles .tile")
    assert await tiles.count() == await page.locator("details").count() == 75
    assert await page.locator(".tiles .tile.passed").count() == 2
    assert await page.locator(".tiles .tile.failed").count() == 1
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.locator(".tiles .tile.passed").first.click()
    assert page.url.endswith("#c0.3")
    await page.locator("[id='c0.3'] summary").click()
    assert await page.locator("[id='c0.3'] .inside").is_visible()
    assert await page.locator("[id='c0.3'] .figure").inner_text() == "292 of 292 columns"
    assert complaints == []


async def test_it_is_light_by_day_and_dark_by_night(site: Site, page: "Page") -> None:
    await page.goto(f"http://127.0.0.1:{site.port}/privacy/proof")
    seen = []
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        seen.append(
            (await page.evaluate("getComputedStyle(document.body).backgroundColor"), await page.evaluate(COLOUR))
        )

    assert seen == [("rgb(245, 246, 248)", "rgb(10, 122, 74)"), ("rgb(12, 14, 19)", "rgb(79, 214, 156)")]


async def test_all_privacy_pages_fit_a_telephone_and_complain_of_nothing(site: Site, page: "Page") -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    await page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/privacy", "/privacy/plain", "/privacy/v/1", "/privacy/v/1/difference"):
        await page.goto(f"http://127.0.0.1:{site.port}{path}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert await page.locator("h1").count() == 1

    assert complaints == []
