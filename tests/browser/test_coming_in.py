"""Signing up, passkeys and invitations in a real browser, with an authenticator that Chromium itself plays."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from sendigopro.accounts import passkeys, people_store
from sendigopro.accounts.passkeys import Place
from sendigopro.accounts.people import put_person
from sendigopro.foundation.problems import Unauthenticated
from tests.browser.look import BROWSER, look
from tests.browser.test_sign_in import MAIL, NAME, PASSWORD
from tests.console.coming import Town, town_of
from tests.databases import Databases
from tests.web.serving import free_port

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = BROWSER
OTTO = "otto@example.com"
SIGN_IN = "/console/sign-in"
FRAME = "header.side"
"""Whoever sees it is in."""


@pytest.fixture
async def town(databases: Databases, tmp_path: Path) -> AsyncIterator[Town]:
    """At a name, for browsers know no passkeys of a bare number."""
    port = free_port()
    async with town_of(databases, tmp_path, url=f"http://localhost:{port}", port=port) as town:
        yield town


async def with_authenticator(page: "Page") -> None:
    """A phone that is there, and knows its owner."""
    cdp = await page.context.new_cdp_session(page)
    await cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    await cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})


async def put_owner(town: Town) -> None:
    owner = await town.site.databases.main("owner")
    async with owner.transaction():
        person_id = await put_person(owner, town.site.house.vault, mail=MAIL, name=NAME, password=PASSWORD)
        await people_store.upsert_member(
            owner, account_id=town.site.house.account_id, person_id=person_id, role="owner"
        )


async def sign_in(page: "Page", town: Town, wanted: str) -> None:
    await page.goto(f"{town.url}{SIGN_IN}?next={wanted}")
    await page.fill("input[name=email]", MAIL)
    await page.fill("input[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{town.url}{wanted}")


async def test_somebody_signs_up_adds_a_passkey_and_comes_back_with_it_alone(town: Town, page: "Page") -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda one: complaints.extend([one.url] if not one.url.startswith(town.url) else []))
    await with_authenticator(page)

    await page.goto(f"{town.url}/console/sign-up")
    await look(page, "sign-up")
    await page.fill("input[name=name]", NAME)
    await page.fill("input[name=email]", f"{MAIL}@")
    await page.fill("input[name=company]", "Lind & Söhne")
    await page.check("input[name=of_age]")
    await page.evaluate("document.querySelector('form').noValidate = true")
    await page.click("text=Send me a link")
    await page.wait_for_selector("#f-email-wrong")
    await look(page, "sign-up-wrong")
    assert await page.input_value("input[name=company]") == "Lind & Söhne"
    await page.fill("input[name=email]", MAIL)
    await page.click("text=Send me a link")
    await page.wait_for_selector("h1:has-text('Look into your mail')")
    await look(page, "check-mail")

    link = await town.link(to=MAIL)
    await page.goto(f"{town.url}{link}")
    await page.wait_for_selector("text=Go on with a passkey")
    await look(page, "confirm")
    await page.fill("input[name=password]", PASSWORD)
    await page.click("text=Create the account")
    await page.wait_for_selector(FRAME)
    await page.goto(f"{town.url}{link}")
    await look(page, "link-over")

    await page.goto(f"{town.url}/console/security")
    await page.fill("input[name=passkey_name]", "My phone")
    await page.click("text=Add a passkey")
    await page.wait_for_selector("text=The passkey is added")
    await look(page, "security-with-passkey")
    await page.click("text=Sign out >> nth=0")
    await page.wait_for_selector("h1:has-text('Sign in')")
    await look(page, "sign-in-with-passkey")
    await page.click("text=Sign in with a passkey")
    await page.wait_for_selector(FRAME)
    owner = await town.site.databases.main("owner")
    assert await owner.fetchval("SELECT max(factors) FROM main.sessions") == 2

    await owner.execute("UPDATE main.sessions SET proved_at = now() - interval '11 minutes'")
    await page.goto(f"{town.url}/console/security")
    await look(page, "security-to-prove")
    await page.click("text=Show a passkey")
    await page.wait_for_selector("text=Add a passkey")
    assert complaints == []


async def test_somebody_invited_comes_in_with_a_passkey_and_no_password(town: Town, page: "Page") -> None:
    await with_authenticator(page)
    await put_owner(town)
    await sign_in(page, town, "/console/team")
    await page.fill("input[name=email]", OTTO)
    await page.select_option("select[name=role] >> nth=-1", "viewer")
    await page.click("button:has-text('Invite')")
    await page.wait_for_selector("text=The invitation is on its way")
    await look(page, "team-with-invitation")
    await page.context.clear_cookies()

    await page.goto(f"{town.url}{await town.link(to=OTTO)}")
    await page.wait_for_selector("text=Go on with a passkey")
    await look(page, "invitation")
    await page.fill("input[name=name]", "Otto Wels")
    await page.click("text=Go on with a passkey")
    await page.wait_for_selector(FRAME)
    await page.goto(f"{town.url}/console/security")
    assert "otto@example.com · viewer" in await page.inner_text("header.title")
    await look(page, "security-without-password")
    await page.click("button:has-text('Remove')")
    await page.wait_for_selector("text=You sign in with this one alone")
    await page.fill("input[name=password]", PASSWORD)
    await page.fill("input[name=again]", PASSWORD)
    await page.click("text=Set it, and sign out")
    await page.wait_for_selector("text=Your password is changed")
    await page.click("button:has-text('Remove')")
    await page.wait_for_selector("text=The passkey is removed")

    await page.context.clear_cookies()
    await page.goto(f"{town.url}/console/forgot")
    await look(page, "forgot")
    await page.fill("input[name=email]", OTTO)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("h1:has-text('Look into your mail')")
    await page.goto(f"{town.url}{await town.link(to=OTTO)}")
    await look(page, "reset")


async def test_a_passkey_answers_once_here_and_only_for_whose_it_is(town: Town, page: "Page") -> None:
    """Real answers of an authenticator: given again, to another question, altered, or after its counter went back."""
    await with_authenticator(page)
    await put_owner(town)
    await sign_in(page, town, "/console/security")
    await page.click("text=Add a passkey")
    await page.wait_for_selector("text=The passkey is added")
    owner = await town.site.databases.main("owner")
    await page.context.clear_cookies()
    await page.goto(f"{town.url}{SIGN_IN}")

    async def answer() -> str:
        """To a new question, whose ticket is a cookie now."""
        told: str = await page.evaluate("get(document.querySelector('form[data-passkey]'))")
        return told

    async def give(told: str) -> tuple[int, str]:
        answered = await page.context.request.post(
            f"{town.url}{SIGN_IN}/passkey", form={"passkey": told, "next": "/console"}, max_redirects=0
        )
        return answered.status, await answered.text()

    def altered(told: str, **changes: Any) -> str:
        decoded = msgspec.json.decode(told)
        response = {**decoded["response"], **changes.pop("response", {})}
        return msgspec.json.encode({**decoded, **changes, "response": response}).decode()

    first = await answer()
    ticket = await page.context.cookies()
    other = msgspec.json.decode(await answer())["response"]
    refused = [
        await give(altered(first, response={"signature": "AAAA"})),
        await give(altered(first, response={"userHandle": "AAAA"})),
        await give(altered(first, response={"authenticatorData": other["authenticatorData"]})),
        await give(first),  # the question that it answers is not the one whose ticket is there
        *[await give(nothing) for nothing in ("", "{}", "[]", "null", "x" * 4000, '{"id":1}', "\u00e9")],
    ]
    (kept,) = [one["value"] for one in ticket if one["name"] == "sendigopro_passkey"]
    for place in (Place("localhost", "https://evil.example"), Place("evil.example", town.url)):
        with pytest.raises(Unauthenticated):  # what is for us is good nowhere else, and the other way round
            await passkeys.read_shown(owner, town.site.house.vault, place, passkeys.SIGN_IN, ticket=kept, answer=first)
    with pytest.raises(Unauthenticated):  # nor for another use
        await passkeys.read_shown(
            owner, town.site.house.vault, Place("localhost", town.url), passkeys.PROOF, ticket=kept, answer=first
        )
    await page.context.add_cookies(ticket)  # type: ignore[arg-type]  # as they came
    assert (await give(first))[0] == 303
    await page.context.clear_cookies()
    await page.context.add_cookies(ticket)  # type: ignore[arg-type]
    refused.append(await give(first))
    await owner.execute("UPDATE main.passkeys SET sign_count = 0")
    refused.append(await give(first))  # though nothing counts: a question is answered once
    await page.context.clear_cookies()
    await page.goto(f"{town.url}{SIGN_IN}")
    late = await answer()
    await owner.execute("UPDATE main.passkeys SET sign_count = 1000")
    refused.append(await give(late))
    await owner.execute("UPDATE main.passkeys SET sign_count = 0, credential_id = 'x'")
    refused.append(await give(await answer()))

    assert {status for status, _ in refused} == {401}
    assert all("This passkey opens nothing here" in told for _, told in refused)
    assert await owner.fetchval("SELECT count(*) FROM main.sessions") == 1 + 1  # by password, and by the first answer
