"""The frame of the console: nobody sees a page without being let in, and problems are pages."""

from collections.abc import Iterator
from inspect import signature
from typing import Any

from sendigopro.accounts.people import ROLES
from sendigopro.accounts.roles import PERMISSIONS
from sendigopro.console.frame import PLACES, here
from sendigopro.web.app import PAGES
from tests.console.test_sign_in_pages import Browser, text
from tests.console.test_team import Crew
from tests.console.test_team import crew as crew  # noqa: PLC0414  # the fixture, by its own name

OPEN = {
    "/": "leads on",
    "/console": "asks by itself, for a link may open the handset alone",
    "/console/sign-in": "the way in",
    "/console/sign-in/code": "the way in",
    "/console/sign-in/passkey": "the way in",
    "/console/sign-in/passkey/options": "the way in",
    "/console/sign-in/company": "the way in",
    "/console/sign-in/company/{connection:str}": "the way in",
    "/console/sign-in/oidc": "the way in",
    "/console/sign-in/saml": "the way in",
    "/console/sign-in/saml/{connection:str}": "the way in",
    "/console/sign-in/saml/{connection:str}/metadata": "what a provider reads of us",
    "/console/sign-up": "nobody is known yet",
    "/console/sign-up/confirm": "its link opens it",
    "/console/sign-up/confirm/passkey": "its link opens it",
    "/console/forgot": "who has forgotten cannot sign in",
    "/console/forgot/reset": "its link opens it",
    "/console/invitation": "its link opens it",
    "/console/invitation/passkey": "its link opens it",
    "/console/sign-out": "the way out",
    "/console/handset": "its own link opens it",
    "/console/handset/stream": "its own link opens it",
    "/console/handset/{phone:str}": "its own link opens it",
    "/console/handset/{phone:str}/reply": "its own link opens it",
}
"""Addresses that ask for no visit, and why."""


def pages() -> Iterator[tuple[str, Any]]:
    for place in PAGES:
        for route in place.routes:
            yield from ((path, route) for path in route.paths)


def test_every_page_of_the_console_asks_who_looks_but_for_those_named_here() -> None:
    closed = {path for path, route in pages() if "visit" in signature(route.fn).parameters}
    others = {path for path, _ in pages() if path.startswith("/console") or path == "/"} - closed
    assert others == set(OPEN)
    assert len(closed) > 5


def test_every_place_of_the_side_bar_is_a_page_and_marks_itself() -> None:
    known = {path for path, _ in pages()}
    for places in PLACES.values():
        for one in places:
            assert one.path in known or not one.path.startswith("/console"), one
            assert here(f"{one.path}/x") == one.path or one.path == "/console"
    assert here("/console/elsewhere") == ""


async def test_the_side_bar_shows_a_role_what_it_may_open_and_every_line_opens(crew: Crew) -> None:
    for role in ROLES:
        browser = await crew.add(role, role)
        home = text(await browser.get("/console"))
        for one in (one for places in PLACES.values() for one in places):
            is_shown = f'<a href="{one.path}" data-place' in home
            may = one.needs is None or one.needs in PERMISSIONS[role]
            assert is_shown == (may and not one.is_staffs), (role, one)
            if one.path.startswith("/console"):
                refused = 404 if one.is_staffs else 403  # those who do not run the installation learn nothing of it
                assert (await browser.get(one.path)).status == (200 if is_shown else refused), (role, one)


async def test_a_problem_is_a_page_for_people_and_a_document_for_programs(crew: Crew) -> None:
    browser = await crew.add("otto", "viewer")
    page = await browser.get("/console/nowhere")
    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "Nothing here" in text(page)
    document = await browser.get("/console/nowhere", Accept="application/json")
    assert (document.status, document.headers["content-type"]) == (404, "application/problem+json")


async def test_test_or_live_is_chosen_once_for_all_pages_and_leads_nowhere_else(crew: Crew) -> None:
    browser = await crew.add("otto", "viewer")
    assert 'value="test" aria-pressed="true"' in text(await browser.get("/console"))
    for referer, leads in (
        ("http://elsewhere.example//evil.example/x", "/console"),
        ("http://us.example/console/team?x=1", "/console/team?x=1"),
        ("", "/console"),
    ):
        chosen = await browser.post("/console/mode", mode="live", referer=referer)
        assert (chosen.status, chosen.headers["location"]) == (303, leads)
    assert 'value="live" aria-pressed="true"' in text(await browser.get("/console"))
    await browser.post("/console/mode", mode="<b>")
    assert 'value="test" aria-pressed="true"' in text(await browser.get("/console"))


async def test_nobody_is_shown_a_page_without_signing_in(crew: Crew) -> None:
    stranger = Browser(crew.site)
    for places in PLACES.values():
        for one in places:
            if one.path.startswith("/console"):
                asked = await stranger.get(one.path)
                assert asked.status == 303, one
                assert asked.headers["location"].startswith("/console/sign-in?next="), one
