"""Signing up, confirming, and coming back with a new password: by links that are good once and tell nothing."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import msgspec
import pytest

from sendigopro.accounts import passkeys, people_store
from sendigopro.accounts.passkeys import NewPasskey
from sendigopro.accounts.people import put_person
from sendigopro.accounts.throttle import FREE_MAILS_OF_NETWORK, FREE_MAILS_TO
from sendigopro.events.bus import Bus
from sendigopro.foundation.embedded import EmbeddedServer
from sendigopro.privacy.desk import desk_of
from sendigopro.privacy.journal import Journal
from sendigopro.privacy.retention.job import Retention
from tests.console.coming import Town, follow, token_in, town_of
from tests.console.test_sign_in_pages import NEW_PASSWORD, PASSWORD, Browser, rows, text
from tests.databases import Databases, copied
from tests.mail.postbox import text_of
from tests.messages.house import house_of
from tests.privacy.conftest import loader_of
from tests.web.conftest import site_of

SIGN_UP, CONFIRM = "/console/sign-up", "/console/sign-up/confirm"
FORGOT, RESET = "/console/forgot", "/console/forgot/reset"
WEAK, NONE = "rosalind1984", ""
numbers = count(1)


@pytest.fixture(scope="module")
def main_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # it migrates
    """One for all: each test has an address of its own."""
    yield from copied(server, "main")


@pytest.fixture(scope="module")
def vault_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # as above
    """The keys stand in it."""
    yield from copied(server, "vault")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("town")


@pytest.fixture
async def town(databases: Databases, folder: Path) -> AsyncIterator[Town]:
    async with town_of(databases, folder) as town:
        yield town


@pytest.fixture
def mail() -> str:
    return f"rosa{next(numbers)}@example.com"


async def ask(browser: Browser, mail: str, **other: str) -> str:
    typed = {"name": "Rosa <Lind>", "email": mail, "company": "Lind & Söhne", "job": "", "of_age": "yes", **other}
    return text(await browser.post(SIGN_UP, **typed))


async def member(town: Town, mail: str) -> Browser:
    """Somebody who has signed up, confirmed, and is signed in."""
    browser = town.browser()
    await ask(browser, mail)
    link = await town.link(to=mail)
    assert (await browser.post(CONFIRM, token=token_in(link), password=PASSWORD)).status == 303
    return browser


async def test_who_opens_the_link_and_chooses_a_password_owns_a_new_account(town: Town, mail: str) -> None:
    browser = town.browser()
    assert "Look into your mail" in await ask(browser, mail, job="Head of post")
    link = await town.link(to=mail)
    opened = text(await browser.get(link))
    assert "Rosa &lt;Lind&gt;" in opened
    assert "Lind &amp; Söhne" in opened
    done = await browser.post(CONFIRM, token=token_in(link), password=PASSWORD)

    assert (done.status, done.headers["location"]) == (303, "/console")
    page = text(await browser.get("/console/security"))
    assert f"Rosa &lt;Lind&gt; · {mail} · owner" in page
    found = await rows(
        town.site,
        "SELECT p.job IS NOT NULL, p.of_age_at IS NOT NULL, p.confirmed_at IS NOT NULL, m.role FROM main.people p"
        " JOIN main.members m ON m.person_id = p.id ORDER BY p.created_at DESC LIMIT 1",
    )
    assert found == [(True, True, True, "owner")]
    assert await rows(town.site, "SELECT count(*) FROM main.sign_ups") == [(0,)]
    (entry,) = await rows(
        town.site, "SELECT facts::text FROM main.audit_log WHERE action = 'member.added' ORDER BY at DESC LIMIT 1"
    )
    assert msgspec.json.decode(str(entry[0])) == {"role": "owner", "way": "sign_up"}


async def test_nothing_of_a_sign_up_is_stored_in_clear(town: Town, mail: str) -> None:
    await ask(town.browser(), mail, job="Head of post")
    stored = str(await rows(town.site, "SELECT s::text, m::text FROM main.sign_ups s, main.mails m"))

    for clear in (mail, "Rosa", "Lind", "Head of post"):
        assert clear not in stored
        assert clear.encode().hex() not in stored
    assert token_in(await town.link(to=mail)) not in stored


async def test_a_sign_up_asks_for_five_things_and_keeps_no_other(town: Town, mail: str) -> None:
    form = text(await town.browser().get(SIGN_UP))
    assert re.findall(r'<(?:input|select|textarea)[^>]* name="([^"]+)"', form) == [
        "name", "email", "company", "job", "of_age",
    ]  # fmt: skip
    await ask(town.browser(), mail, job="Head of post", phone="+4915112345678", birthday="1990-01-01")
    columns = await rows(
        town.site, "SELECT attname FROM pg_attribute WHERE attrelid = 'main.sign_ups'::regclass AND attnum > 0"
    )

    assert {str(one[0]) for one in columns} == {
        "id", "mail_mac", "mail", "name", "company", "job", "of_age_at", "token_hash", "ends_at",
    }  # fmt: skip


async def test_who_does_not_say_that_they_are_16_is_not_taken(town: Town, mail: str) -> None:
    page = await ask(town.browser(), mail, of_age="")

    assert "must be 16 or older" in page
    assert await town.is_quiet()
    assert await rows(town.site, "SELECT count(*) FROM main.sign_ups") == [(0,)]


async def test_opening_the_link_does_nothing_for_programs_that_scan_mails(town: Town, mail: str) -> None:
    await ask(town.browser(), mail)
    link = await town.link(to=mail)
    before = await rows(town.site, "SELECT count(*) FROM main.people")
    for _ in range(3):
        assert (await town.browser().get(link)).status == 200

    assert await rows(town.site, "SELECT count(*) FROM main.people") == before
    assert (await town.browser().post(CONFIRM, token=token_in(link), password=PASSWORD)).status == 303


async def test_nobody_learns_from_the_pages_whether_an_address_is_known(town: Town, mail: str) -> None:
    await member(town, mail)
    for path in (SIGN_UP, FORGOT):
        seen = []
        for address in (mail, f"un{mail}"):
            typed = {"name": "R", "email": address, "company": "L", "of_age": "yes"}
            fields = typed if path == SIGN_UP else {"email": address}
            answered = await town.browser().post(path, **fields)
            seen.append((answered.status, text(answered).replace(address, "…"), sorted(answered.headers)))
        assert seen[0] == seen[1]

    await town.outgoing.step()
    told: dict[str, list[str]] = {}
    while not town.box.mails.empty():
        recipient, got = await town.box.next()
        told.setdefault(recipient, []).append(str(got["Subject"]))
    assert {who: sorted(subjects) for who, subjects in told.items()} == {
        mail: ["Choose a new password", "You have a sign-in already"],
        f"un{mail}": ["Confirm your address"],
    }


async def test_a_mail_to_a_stranger_says_nothing_that_somebody_typed(town: Town, mail: str) -> None:
    await ask(town.browser(), mail, name="Win at https://evil.example", company="evil.example")
    await town.outgoing.step()
    _, got = await town.box.next()

    assert "evil" not in text_of(got)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("email", "rosa", "This is no mail address"),
        ("email", "a@b.example\r\nBcc: c@d.example", "This is no mail address"),
        ("name", " ", "A name has 1 to 200"),
        ("company", "", "A name has 1 to 200"),
        ("company", "a\x07b", "A name has 1 to 200"),
        ("job", "x" * 101, "up to 100"),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field_and_the_rest_is_kept(
    town: Town, mail: str, field: str, value: str, told: str
) -> None:
    page = await ask(town.browser(), mail, **{field: value})

    assert re.search(rf'id="f-{field}-wrong">[^<]*{told}', page)
    if field != "name":
        assert 'value="Rosa &lt;Lind&gt;"' in page
    assert await town.is_quiet()


async def test_a_password_that_is_soon_guessed_leaves_the_link_good(town: Town, mail: str) -> None:
    await ask(town.browser(), mail)
    token = token_in(await town.link(to=mail))
    weak = await town.browser().post(CONFIRM, token=token, password=WEAK)
    no = await town.browser().post(CONFIRM, token=token, password=NONE)

    assert (weak.status, no.status) == (400, 400)
    assert 'id="f-password-wrong"' in text(weak)
    assert (await town.browser().post(CONFIRM, token=token, password=PASSWORD)).status == 303


async def test_a_link_opens_once_also_for_two_at_once_and_not_when_it_is_old(town: Town, mail: str) -> None:
    await ask(town.browser(), mail)
    token = token_in(await town.link(to=mail))
    both = await asyncio.gather(*(town.browser().post(CONFIRM, token=token, password=PASSWORD) for _ in range(2)))
    again = await town.browser().post(CONFIRM, token=token, password=PASSWORD)
    assert sorted(one.status for one in both) == [303, 401]
    await ask(town.browser(), f"old{mail}")
    old = token_in(await town.link(to=f"old{mail}"))
    owner = await town.site.databases.main("owner")
    await owner.execute("UPDATE main.sign_ups SET ends_at = now()")

    for answered in (again, await town.browser().get(f"{CONFIRM}?token={old}"), await town.browser().get(CONFIRM),
                     await town.browser().post(CONFIRM, token="x" * 43, password=PASSWORD)):  # fmt: skip
        assert answered.status == 401
        assert "This link is over" in text(answered)
        assert "sign up again" in text(answered)


async def test_of_two_sign_ups_with_one_address_the_first_confirmed_is_the_one(town: Town, mail: str) -> None:
    tokens = []
    for _ in range(2):
        await ask(town.browser(), mail)
        tokens.append(token_in(await town.link(to=mail)))
    first = await town.browser().post(CONFIRM, token=tokens[1], password=PASSWORD)
    second = await town.browser().post(CONFIRM, token=tokens[0], password=NEW_PASSWORD)

    assert (first.status, second.status) == (303, 401)
    assert (await town.browser().sign_in(mail=mail)).status == 303


async def test_a_link_for_one_purpose_serves_no_other(town: Town, mail: str) -> None:
    await ask(town.browser(), f"new{mail}")
    confirm = token_in(await town.link(to=f"new{mail}"))
    await member(town, mail)
    await town.browser().post(FORGOT, email=mail)
    reset = token_in(await town.link(to=mail))

    assert (await town.browser().post(RESET, token=confirm, password=NEW_PASSWORD)).status == 401
    assert (await town.browser().post(CONFIRM, token=reset, password=NEW_PASSWORD)).status == 401
    assert (await town.browser().get(f"/console/invitation?token={reset}")).status == 401
    assert (await town.browser().post(RESET, token=reset, password=NEW_PASSWORD)).status == 303


async def test_a_new_password_by_mail_ends_every_sign_in_and_is_on_the_log(town: Town, mail: str) -> None:
    browser = await member(town, mail)
    assert "Look into your mail" in text(await browser.post(FORGOT, email=mail.upper()))
    link = await town.link(to=mail)
    assert mail in text(await browser.get(link))
    weak = await browser.post(RESET, token=token_in(link), password=WEAK)
    done = await browser.post(RESET, token=token_in(link), password=NEW_PASSWORD)
    again = await browser.post(RESET, token=token_in(link), password=PASSWORD)

    assert (weak.status, done.status, again.status) == (400, 303, 401)
    assert "ask for another link" in text(again)
    assert "Your password is changed" in text(await browser.get(done.headers["location"]))
    assert (await browser.get("/console/security")).status == 303  # led to the sign-in
    assert (await town.browser().sign_in(mail=mail)).status == 401
    assert (await town.browser().sign_in(NEW_PASSWORD, mail=mail)).status == 303
    await town.outgoing.step()
    assert (await town.box.next())[1]["Subject"] == "Your password was changed"
    found = await rows(
        town.site, "SELECT facts->>'what' FROM main.audit_log WHERE action = 'member.secured' ORDER BY at DESC LIMIT 1"
    )
    assert found == [("password_reset",)]


async def test_a_reset_is_over_after_an_hour_and_of_two_links_one_is_enough(town: Town, mail: str) -> None:
    await member(town, mail)
    tokens = []
    for _ in range(2):
        await town.browser().post(FORGOT, email=mail)
        tokens.append(token_in(await town.link(to=mail)))
    assert (await town.browser().post(RESET, token=tokens[0], password=NEW_PASSWORD)).status == 303
    assert (await town.browser().get(f"{RESET}?token={tokens[1]}")).status == 401
    await town.outgoing.step()
    await town.box.next()
    await town.browser().post(FORGOT, email=mail)
    token = token_in(await town.link(to=mail))
    owner = await town.site.databases.main("owner")
    life = await owner.fetchval("SELECT max(ends_at) - now() FROM main.password_resets")
    await owner.execute("UPDATE main.password_resets SET ends_at = now()")

    assert 3500 < life.total_seconds() <= 3600
    assert (await town.browser().post(RESET, token=token, password=PASSWORD)).status == 401


async def test_nobodys_mailbox_is_filled_and_one_network_waits(town: Town, mail: str) -> None:
    await member(town, mail)
    for _ in range(FREE_MAILS_TO + 1):
        answered = await town.browser().post(FORGOT, email=mail)
    assert "Look into your mail" in text(answered)  # the page says nothing of it
    while await town.outgoing.step():
        continue
    assert town.box.mails.qsize() == FREE_MAILS_TO - 1  # the sign-up was one
    for number in range(FREE_MAILS_OF_NETWORK):
        answered = await town.browser().post(FORGOT, email=f"{number}{mail}")

    assert answered.status == 429
    assert re.search(r"Wait \d+ seconds", text(answered))


async def test_nothing_of_who_never_confirms_stays_for_more_than_a_day(town: Town, mail: str) -> None:
    await ask(town.browser(), mail)
    await ask(town.browser(), f"now{mail}")
    owner = await town.site.databases.main("owner")
    longest = await owner.fetchval("SELECT max(ends_at) - now() FROM main.sign_ups")
    await owner.execute("UPDATE main.sign_ups SET ends_at = now()")
    await owner.execute("UPDATE main.mails SET given_up_at = now()")
    house = town.site.house
    desk = desk_of(house.runtime, house.vault, Journal(house.runtime.settings.journal_folder))
    job = Retention(
        desk, loader=loader_of(house), bus=Bus(), owner="worker-1", owner_url=house.runtime.settings.main("owner"),
        log_folder=house.runtime.settings.data_dir / "log",
    )  # fmt: skip
    done = await job.step()

    assert longest.total_seconds() <= 23 * 3600
    assert done["links"] == 4
    assert await rows(town.site, "SELECT (SELECT count(*) FROM main.sign_ups), (SELECT count(*) FROM main.mails)") == [
        (0, 0)
    ]


@pytest.mark.parametrize("path", [SIGN_UP, CONFIRM, f"{CONFIRM}/passkey", FORGOT, RESET])
async def test_a_form_on_another_site_speaks_for_nobody(town: Town, mail: str, path: str) -> None:
    answered = await town.browser().post(path, site="cross-site", email=mail, name="R", company="L", of_age="yes")

    assert answered.status == 403
    assert await town.is_quiet()


async def test_links_lead_to_our_own_address_whatever_a_request_calls_us(town: Town, mail: str) -> None:
    browser = town.browser()
    browser.cookies["x"] = "y"
    await browser.site.ask(
        "POST", FORGOT, key=None, raw=f"email={mail}".encode(), X_Forwarded_Host="evil.example",
        Content_Type="application/x-www-form-urlencoded", Sec_Fetch_Site="same-origin",
    )  # fmt: skip
    await ask(browser, mail)

    assert (await town.link(to=mail)).startswith(CONFIRM)


async def test_sign_up_is_closed_without_mail_or_by_setting_and_says_so(databases: Databases, folder: Path) -> None:
    async with town_of(databases, folder, sign_up="closed") as town:
        shown = await town.browser().get(SIGN_UP)
        asked = await town.browser().post(SIGN_UP, name="R", email="x@example.com", company="L", of_age="yes")
        assert (shown.status, asked.status) == (403, 403)
        assert "Sign-up is closed" in text(shown)
        assert "Create an account" not in text(await town.browser().get("/console/sign-in"))
        assert await town.is_quiet()


async def test_without_a_mail_server_pages_say_whom_to_ask(databases: Databases, folder: Path) -> None:
    async with house_of(databases, folder, sign_up="open") as house, site_of(house, databases) as site:
        assert "SENDIGOPRO_SMTP_URL" in text(await Browser(site).get(SIGN_UP))
        assert "sends no mail" in text(await Browser(site).get(FORGOT))
        assert (await Browser(site).post(FORGOT, email="x@example.com")).status == 200
        assert await rows(site, "SELECT count(*) FROM main.mails") == [(0,)]


async def test_who_is_signed_in_already_becomes_who_confirms(town: Town, mail: str) -> None:
    browser = await member(town, mail)
    await ask(browser, f"b{mail}")
    link = await town.link(to=f"b{mail}")
    page = await follow(browser, await browser.post(CONFIRM, token=token_in(link), password=NEW_PASSWORD))

    assert page.status in (200, 302, 303)
    assert f"b{mail}" in text(await browser.get("/console/security"))


async def test_who_first_shows_by_a_reset_that_an_address_is_theirs_finds_nothing_that_others_left_there(
    town: Town, mail: str
) -> None:
    """Where no mail could be sent, whoever was handed a link could have come in in somebody's place."""
    vault, owner = town.site.house.vault, await town.site.databases.main("owner")
    person_id = await put_person(owner, vault, mail=mail, name="Rosa", password=PASSWORD)
    await people_store.upsert_member(owner, account_id=town.site.house.account_id, person_id=person_id, role="viewer")
    for confirmed, left in ((None, 0), ("now", 1)):
        await passkeys.put(owner, vault, person_id=person_id, passkey=NewPasskey(mail.encode(), b"key", 0, "Eve's"))
        await owner.execute("UPDATE main.people SET totp_secret = 'x' WHERE id = $1", person_id)
        await town.browser().post(FORGOT, email=mail)
        link = await town.link(to=mail)
        assert (await town.browser().post(RESET, token=token_in(link), password=NEW_PASSWORD)).status == 303
        await town.outgoing.step()
        await town.box.next()
        found = await rows(
            town.site,
            "SELECT (SELECT count(*) FROM main.passkeys WHERE person_id = $1), totp_secret IS NULL,"
            " confirmed_at IS NULL FROM main.people WHERE id = $1",
            person_id,
        )
        assert found == [(left, left == 0, False)], confirmed
