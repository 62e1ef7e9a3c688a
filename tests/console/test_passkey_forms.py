"""Passkeys without a browser: what is no answer is refused, and nothing can be asked for where passkeys cannot be."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from sendigopro.accounts import passkey_store, passkeys, people_store
from sendigopro.accounts.passkeys import PER_PERSON_MAX, TICKET_LIFE, NewPasskey, place_of
from sendigopro.accounts.people import put_person
from sendigopro.foundation import clock, ids
from sendigopro.foundation.problems import Conflict
from tests.console.coming import Town, town_of
from tests.console.test_sign_in_pages import MAIL, NAME, NEW_PASSWORD, PASSWORD, Browser, rows, text
from tests.databases import Databases

HOME, DOOR = "/console/security", "/console/sign-in/passkey"
NOTHING = ("", "{}", "[]", "null", "{", "\u00fc", '{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{}}')


@pytest.fixture
async def town(databases: Databases, tmp_path: Path) -> AsyncIterator[Town]:
    async with town_of(databases, tmp_path) as town:
        owner = await databases.main("owner")
        async with owner.transaction():
            person_id = await put_person(owner, town.site.house.vault, mail=MAIL, name=NAME, password=PASSWORD)
            await people_store.upsert_member(
                owner, account_id=town.site.house.account_id, person_id=person_id, role="owner"
            )
        town.site.more["person_id"] = person_id
        yield town


@pytest.fixture
async def browser(town: Town) -> Browser:
    browser = town.browser()
    await browser.sign_in()
    return browser


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Send.Example.org/", "https://send.example.org"),
        ("https://send.example.org:8443", "https://send.example.org:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://send.example.org", None),  # no TLS
        ("http://127.0.0.1:8080", None),  # a bare number
        ("https://[::1]", None),
        ("", None),
    ],
)
def test_passkeys_are_bound_to_our_name_and_need_one(url: str, origin: str | None) -> None:
    place = place_of(url)

    assert (None if place is None else place.origin) == origin


async def test_what_is_no_answer_of_an_authenticator_is_refused_everywhere(town: Town, browser: Browser) -> None:
    stranger = town.browser()
    for nothing in NOTHING:
        await stranger.post(f"{DOOR}/options")
        let_in = await stranger.post(DOOR, passkey=nothing, next="/console")
        await browser.post(f"{HOME}/passkeys/options")
        added = await browser.post(f"{HOME}/passkeys", passkey=nothing)
        proved = await browser.post(f"{HOME}/proof/passkey", passkey=nothing)
        assert [one.status for one in (let_in, added, proved)] == [401, 400, 401]
        assert "This passkey opens nothing here" in text(let_in)
        assert "The passkey was not made" in text(added)

    assert await rows(town.site, "SELECT count(*) FROM main.passkeys") == [(0,)]
    assert await rows(town.site, "SELECT count(*) FROM main.used_challenges") == [(0,)]


async def test_a_question_says_nothing_of_who_is_known_and_wants_the_owner_seen(town: Town) -> None:
    browser = town.browser()
    asked = msgspec.json.decode((await browser.post(f"{DOOR}/options")).body)
    again = msgspec.json.decode((await browser.post(f"{DOOR}/options")).body)

    assert (asked["rpId"], asked["allowCredentials"], asked["userVerification"]) == ("localhost", [], "required")
    assert asked["challenge"] != again["challenge"]
    assert len(asked["challenge"]) == 43


async def test_a_question_is_over_after_five_minutes_and_serves_one_use(
    town: Town, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, place = town.site.house.vault, place_of("http://localhost:8080")
    assert place is not None
    question = await passkeys.ask(vault, place, passkeys.SIGN_IN)
    assert await passkeys._read_ticket(vault, question.ticket, passkeys.SIGN_IN) is not None  # noqa: SLF001  # its inside is what is asked
    assert await passkeys._read_ticket(vault, question.ticket, passkeys.PROOF) is None  # noqa: SLF001  # the same
    began = clock.now()
    monkeypatch.setattr(clock, "now", lambda: began + TICKET_LIFE + timedelta(seconds=2))
    assert await passkeys._read_ticket(vault, question.ticket, passkeys.SIGN_IN) is None  # noqa: SLF001  # the same
    del browser


async def test_a_passkey_is_added_and_removed_with_a_fresh_proof_alone(town: Town, browser: Browser) -> None:
    owner = await town.site.databases.main("owner")
    made = NewPasskey(b"number", b"key", 0, "My phone")
    person_id = town.site.more["person_id"]
    passkey_id = await passkeys.put(owner, town.site.house.vault, person_id=person_id, passkey=made)
    place = f"{HOME}/passkeys/{ids.typed('pky', passkey_id)}/remove"
    await owner.execute("UPDATE main.sessions SET proved_at = now() - interval '11 minutes'")
    assert "My phone" in text(await browser.get(HOME))
    stale = [await browser.post(path) for path in (f"{HOME}/passkeys/options", f"{HOME}/passkeys", place)]
    await browser.post(f"{HOME}/proof", password=PASSWORD)
    stored = str(await rows(town.site, "SELECT p::text FROM main.passkeys p"))
    removed = await browser.post(place)
    again = await browser.post(place)

    assert [one.status for one in stale] == [403, 403, 403]
    assert "My phone" not in stored
    assert [removed.status, again.status] == [303, 303]  # twice is as good
    assert await rows(town.site, "SELECT count(*) FROM main.passkeys") == [(0,)]
    found = await rows(town.site, "SELECT facts->>'what' FROM main.audit_log WHERE action = 'member.secured'")
    assert found == [("passkey_removed",)]


async def test_the_last_way_in_stays_and_there_are_not_too_many(town: Town, browser: Browser) -> None:
    owner, vault = await town.site.databases.main("owner"), town.site.house.vault
    person_id = town.site.more["person_id"]
    for number in range(PER_PERSON_MAX):
        await passkeys.put(owner, vault, person_id=person_id, passkey=NewPasskey(bytes([number]), b"key", 0, "One"))
    async with owner.transaction():
        with pytest.raises(Conflict):
            await passkeys.refuse_too_many(owner, person_id=person_id)
    with pytest.raises(Conflict):  # one number is one passkey, whoever has it
        await passkeys.put(owner, vault, person_id=person_id, passkey=NewPasskey(b"\0", b"key", 0, "Again"))
    await owner.execute("UPDATE main.people SET password_hash = NULL")
    places = [ids.typed("pky", one.id) for one in await passkey_store.list_of(owner, person_id=person_id)]
    answers = [await browser.post(f"{HOME}/passkeys/{place}/remove") for place in places]

    assert [one.status for one in answers] == [303] * (PER_PERSON_MAX - 1) + [409]
    assert "You sign in with this one alone" in text(answers[-1])
    page = text(await browser.get(HOME))
    assert "You sign in with a passkey alone" in page
    assert (await browser.post(f"{HOME}/password", password=NEW_PASSWORD, again=NEW_PASSWORD)).status == 303
    assert (await browser.post(f"{HOME}/passkeys/{places[-1]}/remove")).status == 303
    assert (await town.browser().sign_in(NEW_PASSWORD)).status == 303
