"""What others try against the console: scripts in fields, forms on other sites, frames, links that lead away."""

import re
from urllib.parse import urlsplit

import pytest

from sendigopro.console.visitor import safe_next
from tests.console.crawl import Form, Page, crawl, read_page
from tests.console.test_sign_in_pages import Browser
from tests.web.conftest import Site
from tests.web.conftest import site as site  # noqa: PLC0414  # the fixture, by its own name
from tests.web.strangers import Scene, page_routes, scene_of, state_of, visit

SCRIPT, PICTURE = '"><script>alert(1)</script>', "'><img src=x onerror=alert(1)>"
HOSTILE = (
    SCRIPT,
    PICTURE,
    "x\r\nSet-Cookie: evil=1\r\n\r\n<b>",
    "javascript:alert(1)",
    "{{1337*1337}}${1337*1337}",
    "\u202e\u0000x",
)
MARKS = ("<script>alert(1)", "<img src=x onerror", 'href="javascript:', "1787569")
WAYS_OUT = ("/console/sign-out", "/console/security/sessions/end")
"""They end the session by themselves: what is typed there is no field."""
FROM_ELSEWHERE = ("/console/sign-in/saml/{connection}",)
"""A company's provider posts its answer there, by its protocol; nobody is let in before their own browser asks."""
BUDGET_BYTES = 150_000


@pytest.fixture
async def scene(site: Site) -> Scene:
    return await scene_of(site)


async def signed_in(scene: Scene) -> Browser:
    browser = Browser(scene.site)
    assert (await browser.sign_in(mail="owner@example.com")).status == 303
    return browser


def is_clean(page: Page) -> bool:
    said = page.answered.body.decode("utf-8", "replace")
    return not [mark for mark in MARKS if mark in said] and "evil=1" not in page.answered.headers.get("set-cookie", "")


async def test_what_is_typed_into_any_field_of_any_form_stays_text(scene: Scene) -> None:
    """Each form that stands on a page, each of its fields with each hostile text; its others stay as offered."""
    browser = await signed_in(scene)
    pages = await crawl(browser)
    forms = {(form.action, form.method, *sorted(form.fields)): form for page in pages for form in page.forms}
    tried = 0
    for form in forms.values():
        if form.action.startswith(WAYS_OUT):
            continue
        for name in form.fields:
            for text in HOSTILE:
                answered = await submit(browser, form, {**form.fields, name: text})
                tried += 1
                assert answered.answered.status < 500, (form, name, text)
                assert is_clean(answered), (form, name, text)
                if "/sign-in" in answered.answered.headers.get("location", ""):
                    browser = await signed_in(scene)
    assert tried > 30
    for page in await crawl(await signed_in(scene)):  # what was kept is text as well
        assert is_clean(page), page.path


async def submit(browser: Browser, form: Form, fields: dict[str, str]) -> Page:
    path = urlsplit(form.action).path
    if form.method == "post":
        return read_page(path, await browser.post(path, **fields))
    query = "&".join(f"{name}={re.sub('[^A-Za-z0-9]', quoted, value)}" for name, value in fields.items())
    return read_page(path, await browser.get(f"{path}?{query}"))


def quoted(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


async def test_no_form_of_another_site_speaks_for_a_member(scene: Scene) -> None:
    browser, before = await signed_in(scene), None
    before = await state_of(scene.site, scene.site.house.account_id)
    for route in page_routes():
        if route.method == "POST" and route.path not in FROM_ELSEWHERE:
            for site in ("cross-site", "same-site"):
                answered = await browser.post(route.address(scene.ids), site=site)
                assert answered.status == 403, route
    assert await state_of(scene.site, scene.site.house.account_id) == before


async def test_no_page_is_framed_sniffed_or_kept_and_none_runs_what_is_not_ours(scene: Scene) -> None:
    browser = await signed_in(scene)
    for route in page_routes():
        if route.method != "GET" or not route.path.startswith("/console"):
            continue
        answered = await visit(browser, route, scene.ids)
        if not answered.headers:
            continue
        policy = answered.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy, route
        assert "unsafe" not in policy, route
        assert answered.headers["x-frame-options"] == "DENY", route
        assert answered.headers["x-content-type-options"] == "nosniff", route
        if answered.headers.get("content-type", "").startswith("text/html"):
            assert answered.headers["cache-control"] == "no-store", route
            said = answered.body.decode()
            assert not re.search(r"<[^>]+\s(?:style|on\w+)=", said), route
            assert not re.search(r"<(?:script|style)(?![^>]*\ssrc=)", said), route


async def test_a_page_with_all_that_it_loads_is_light(scene: Scene) -> None:
    browser = await signed_in(scene)
    for page in await crawl(browser):
        files = {one for one in page.files if one.startswith("/static/")}
        assert files == set(page.files), page.path  # nothing from elsewhere
        loaded = [await browser.get(one) for one in files | {"/static/parts.js"}]
        size = len(page.answered.body) + sum(len(one.body) for one in loaded)
        assert size <= BUDGET_BYTES, (page.path, size)


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "/console//evil.example", "/console/../../x",
        "javascript:alert(1)", "/console\r\nSet-Cookie: evil=1", "/console@evil.example", "console", "", "/consoled",
        "/console?next=//evil.example", "/console/" + "x" * 300, "/console/sign-in", "\t/console", "/console#x",
    ],
)  # fmt: skip
def test_no_link_leads_a_visitor_elsewhere_after_signing_in(wanted: str) -> None:
    led = safe_next(wanted)
    assert led == "/console" or (led.startswith("/console") and "//" not in led and "\\" not in led)
    assert ".." not in led


async def test_a_session_cannot_be_fixed_beforehand(scene: Scene) -> None:
    browser = Browser(scene.site)
    browser.cookies["sendigopro_session"] = "a" * 43
    await browser.sign_in(mail="owner@example.com")
    first = browser.cookies["sendigopro_session"]
    assert first != "a" * 43
    await browser.sign_in(mail="owner@example.com")
    assert browser.cookies["sendigopro_session"] != first
