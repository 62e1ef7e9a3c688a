"""Nobody reads or changes what is another's, at any address: every route, whoever asks, every kind of id."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sendigopro.accounts.people import ROLES
from sendigopro.foundation import ids
from tests.console.test_sign_in_pages import Browser
from tests.web.conftest import Site
from tests.web.strangers import (
    FORMS,
    KINDS,
    MARKERS,
    NAMES_NOTHING,
    Scene,
    api_routes,
    first_words,
    leaks_in,
    member,
    page_routes,
    scene_of,
    state_of,
    visit,
)

TABLES = os.environ.get("SENDIGOPRO_TABLES", "")
"""A folder for the table of what was asked."""
PUBLIC = ("/privacy", "/console/sign-in", "/console/sign-up", "/console/forgot")


@pytest.fixture
async def scene(site: Site) -> AsyncIterator[Scene]:
    scene = await scene_of(site)
    yield scene
    if TABLES:
        write_table(scene)


def write_table(scene: Scene) -> None:
    lines = [f"| {who} | {what} | {count} |" for (who, what), count in sorted(scene.tally.items())]
    with Path(TABLES, "strangers.md").open("a", encoding="utf-8") as file:
        file.write("\n".join([*lines, ""]))


def test_every_parameter_has_a_kind_and_every_form_of_an_object_is_known() -> None:
    routes = [*api_routes(), *page_routes()]
    assert {name for route in routes for name in route.parameters} <= {*KINDS, *NAMES_NOTHING}
    changing = {one.path for one in page_routes() if one.method == "POST" and set(one.parameters) & set(KINDS)}
    assert changing == set(FORMS)


async def test_the_account_itself_does_read_every_word_that_is_looked_for(scene: Scene) -> None:
    """Otherwise the sweep would find no leak because there was nothing to leak."""
    seen = [await scene.site.ask("GET", path) for path in ("/v1/messages", "/v1/webhook-endpoints", "/v1/events")]
    read = {word for answered in seen for word in leaks_in(answered, known=scene.ids)}
    assert {*MARKERS, scene.ids["msg"], scene.ids["we"]} <= read
    state = await state_of(scene.site, scene.site.house.account_id)
    assert len(state) > 20
    await scene.site.ask("POST", f"/v1/messages/{scene.ids['msg']}/cancel", key=await scene.site.new_key())
    assert await state_of(scene.site, scene.site.house.account_id) != state


async def test_another_account_finds_nothing_changes_nothing_and_is_told_nothing(scene: Scene) -> None:
    site = scene.site
    before = await state_of(site, site.house.account_id)
    unknown = {kind: ids.typed(kind, ids.new()) for kind in scene.ids}
    for route in api_routes():
        found = await site.ask(route.method, route.address(scene.ids), route.example, key=scene.strangers_key)
        missing = await site.ask(route.method, route.address(unknown), route.example, key=scene.strangers_key)
        scene.tally["key of another account", str(found.status)] += 1
        assert leaks_in(found) == [], route
        assert found.status == missing.status, route  # whether it exists elsewhere is not told either
        if set(route.parameters) & set(KINDS):
            assert found.status == 404, route
        else:
            assert not [one for one in scene.ids.values() if one.encode() in found.body], route
    for page in page_routes():
        answered = await visit(scene.strangers_browser, page, scene.ids)
        scene.tally["owner of another account, pages", str(answered.status)] += 1
        assert leaks_in(answered) == [], page
        if set(page.parameters) & set(KINDS):
            assert answered.status != 200, page
        if "/sign-out" in page.path:
            await scene.strangers_browser.sign_in(mail="stranger@example.com")
    assert await state_of(site, site.house.account_id) == before


async def test_the_other_mode_of_the_same_account_is_as_far_away(scene: Scene) -> None:
    for route in api_routes():
        if "message_id" in route.parameters or "endpoint_id" in route.parameters or "request_id" in route.parameters:
            answered = await scene.site.ask(
                route.method, route.address(scene.ids), route.example, key=scene.site.live_key
            )
            scene.tally["key of the other mode", str(answered.status)] += 1
            assert (answered.status, leaks_in(answered)) == (404, []), route


async def test_nobody_at_all_is_let_in_anywhere(scene: Scene) -> None:
    site, nobody = scene.site, Browser(scene.site)
    before = await state_of(site, site.house.account_id)
    for key in (None, "sk_test_" + "x" * 31, "sk_live_"):
        for route in api_routes():
            answered = await site.ask(route.method, route.address(scene.ids), route.example, key=key)
            scene.tally["no key, or a wrong one", str(answered.status)] += 1
            assert (answered.status, leaks_in(answered)) == (401, []), route
    for page in page_routes():
        answered = await visit(nobody, page, scene.ids)
        scene.tally["nobody signed in, pages", str(answered.status)] += 1
        assert leaks_in(answered) == [], page
        if not page.path.startswith(PUBLIC):
            assert answered.status != 200, page
    assert await state_of(site, site.house.account_id) == before


async def test_a_key_with_the_wrong_scope_is_refused_everywhere_else(scene: Scene) -> None:
    key = await scene.site.new_key("balance.read")
    for route in api_routes():
        answered = await scene.site.ask(route.method, route.address(scene.ids), route.example, key=key)
        scene.tally["key with another scope", str(answered.status)] += 1
        assert leaks_in(answered) == [], route
        assert answered.status == (200 if route.path == "/v1/balance" else 403), route


async def test_no_role_is_shown_whom_or_what_without_asking(scene: Scene) -> None:
    """A page that is only looked at shows masks, to an owner too: what is shown is asked for, and on the audit log."""
    personal = MARKERS[:3]
    for role in ROLES:
        if role != "owner":
            await member(scene.site, scene.site.house.account_id, role)
        browser = Browser(scene.site)
        assert (await browser.sign_in(mail=f"{role}@example.com")).status == 303
        for page in page_routes():
            if page.method != "GET" or page.path.startswith("/console/handset"):  # virtual phones: whose they are
                continue
            answered = await visit(browser, page, scene.ids)
            scene.tally[f"{role}, pages", str(answered.status)] += 1
            said = answered.body.decode("utf-8", "replace")
            assert not [word for word in personal if word in said], (role, page)


async def test_a_live_page_tells_a_stranger_nothing(scene: Scene) -> None:
    answered = await first_words(scene.strangers_browser, f"/console/handset/stream?phone={scene.ids['sub']}")
    assert leaks_in(answered) == []
