"""The pages of signing in: what they say, what they keep, and whom they refuse."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

import msgspec
import pyotp
import pytest

from sendigopro.accounts import people_store
from sendigopro.accounts.create import create_account
from sendigopro.accounts.people import put_person
from sendigopro.accounts.throttle import FREE
from sendigopro.console.visitor import safe_next
from sendigopro.foundation import clock, ids
from tests.databases import Databases
from tests.messages.house import house_of
from tests.web.conftest import Site, site_of
from tests.web.serving import Reply

MAIL, NAME, PASSWORD = "rosa.lind@example.com", "Rosa <Lind>", "quarzsand im Getriebe 88"
NEW_PASSWORD, WRONG = "ein anderes langes Wort 7", "quarzsand im Getriebe 89"
FORM = "application/x-www-form-urlencoded"


@dataclass(slots=True)
class Browser:
    """Keeps cookies and says where its forms stand, as browsers do."""

    site: Site
    cookies: dict[str, str] = field(default_factory=dict)
    agent: str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

    async def get(self, path: str, **headers: str) -> Reply:
        return self._kept(await self.site.ask("GET", path, None, key=None, raw=None, **self._headers(), **headers))

    async def post(self, path: str, *, site: str = "same-origin", referer: str = "", **fields: str) -> Reply:
        headers = {**self._headers(), "Sec_Fetch_Site": site, "Content_Type": FORM}
        headers |= {"Referer": referer} if referer else {}
        return self._kept(await self.site.ask("POST", path, key=None, raw=urlencode(fields).encode(), **headers))

    async def sign_in(self, password: str = PASSWORD, *, mail: str = MAIL, next_: str = "/console/security") -> Reply:
        return await self.post("/console/sign-in", email=mail, password=password, next=next_)

    def _headers(self) -> dict[str, str]:
        sent = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"User_Agent": self.agent, **({"Cookie": sent} if sent else {})}

    def _kept(self, answered: Reply) -> Reply:
        for line in answered.headers.get("set-cookie", "").splitlines():
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answered


@pytest.fixture
async def site(databases: Databases, tmp_path: Path) -> AsyncIterator[Site]:
    async with house_of(databases, tmp_path) as house, site_of(house, databases) as site:
        owner = await databases.main("owner")
        async with owner.transaction():
            person_id = await put_person(owner, house.vault, mail=MAIL, name=NAME, password=PASSWORD)
            await people_store.upsert_member(owner, account_id=house.account_id, person_id=person_id, role="owner")
        site.more["person_id"] = person_id
        yield site


@pytest.fixture
def browser(site: Site) -> Browser:
    return Browser(site)


def text(answered: Reply) -> str:
    return answered.body.decode()


async def rows(site: Site, query: str, *args: object) -> list[tuple[object, ...]]:
    owner = await site.databases.main("owner")
    return [tuple(row) for row in await owner.fetch(query, *args)]


async def with_authenticator(browser: Browser) -> tuple[str, list[str]]:
    """Signed in and set up: the secret, and the codes on paper."""
    await browser.sign_in()
    shown = text(await browser.post("/console/security/authenticator"))
    secret = re.search(r'class="spelt">([A-Z2-7 ]+)<', shown)
    pending = re.search(r'name="pending" value="([^"]+)"', shown)
    assert secret is not None
    assert pending is not None
    spelt = secret[1].replace(" ", "")
    code = pyotp.TOTP(spelt).at(clock.now())
    done = text(await browser.post("/console/security/authenticator/confirm", pending=pending[1], code=code))
    return spelt, re.findall(r"<li><code>([A-Z2-7-]+)</code></li>", done)


async def test_a_stranger_is_led_to_the_sign_in_and_after_it_to_the_page_that_was_wanted(browser: Browser) -> None:
    first = await browser.get("/console/security")
    assert (first.status, first.headers["location"]) == (303, "/console/sign-in?next=%2Fconsole%2Fsecurity")

    form = await browser.get(first.headers["location"])
    assert 'name="next" value="/console/security"' in text(form)
    done = await browser.sign_in()
    page = await browser.get(done.headers["location"])

    assert (done.status, page.status) == (303, 200)
    assert "Rosa &lt;Lind&gt;" in text(page)
    assert "Firefox on Linux" in text(page)
    assert (await browser.get("/console/sign-in")).headers["location"] == "/console"


async def test_cookies_are_for_us_alone_and_a_session_is_new_with_each_sign_in(browser: Browser) -> None:
    browser.cookies["sendigopro_session"] = "f" * 43
    done = await browser.sign_in()
    first = browser.cookies["sendigopro_session"]
    await browser.sign_in()

    assert first != "f" * 43
    assert browser.cookies["sendigopro_session"] != first
    for cookie in done.headers["set-cookie"].splitlines():
        assert "httponly" in cookie.lower()
        assert "samesite=lax" in cookie.lower()


async def test_a_wrong_password_says_so_beside_the_form_and_keeps_the_address_alone(browser: Browser) -> None:
    wrong = await browser.sign_in(WRONG, mail='"><script>alert(1)</script>@example.com')

    assert wrong.status == 400
    assert "This is no mail address" in text(wrong)
    assert "<script>" not in text(wrong)
    wrong = await browser.sign_in(WRONG)
    assert wrong.status == 401
    assert "The address or the password is wrong." in text(wrong)
    assert f'value="{MAIL}"' in text(wrong)
    assert WRONG not in text(wrong)
    assert "set-cookie" not in wrong.headers


async def test_guessing_is_slowed_with_a_page_that_says_how_long(browser: Browser) -> None:
    for _ in range(FREE):
        await browser.sign_in(WRONG)
    slowed = await browser.sign_in()

    assert slowed.status == 429
    assert re.search(r"Wait \d+ seconds", text(slowed))


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example", "//evil.example", "/console//evil.example", "/v1/messages", "javascript:alert(1)", "",
     "/console/../evil", "/console/sign-in", "/console\r\nSet-Cookie: x=y", "/console/" + "a" * 300, "/consolex"],
)  # fmt: skip
def test_no_link_leads_a_visitor_elsewhere_after_signing_in(wanted: str) -> None:
    assert safe_next(wanted) in ("/console", "/console/../evil")
    assert "evil.example" not in safe_next(wanted)


@pytest.mark.parametrize(
    "path",
    ["/console/sign-in", "/console/sign-in/code", "/console/sign-out", "/console/security/proof",
     "/console/security/password", "/console/security/authenticator", "/console/security/authenticator/confirm",
     "/console/security/authenticator/remove", "/console/security/sessions/end", "/console/security/account"],
)  # fmt: skip
async def test_a_form_on_another_site_speaks_for_nobody(browser: Browser, path: str) -> None:
    await browser.sign_in()
    before = await rows(browser.site, "SELECT hash FROM main.sessions")
    for site in ("cross-site", "same-site"):
        assert (await browser.post(path, site=site, email=MAIL, password=PASSWORD, session="others")).status == 403

    assert await rows(browser.site, "SELECT hash FROM main.sessions") == before


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe", b"email=%00", b"&".join(b"a=b" for _ in range(50)), b"email=" + b"a" * 9000]
)
async def test_what_is_no_form_is_refused(browser: Browser, raw: bytes) -> None:
    answered = await browser.site.ask("POST", "/console/sign-in", key=None, raw=raw, Content_Type=FORM)

    assert answered.status == 400


async def test_pages_may_not_be_framed_kept_or_scripted(browser: Browser) -> None:
    await browser.sign_in()
    for path in ("/console/sign-in/code", "/console/security"):
        answered = await browser.get(path)
        policy = answered.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answered.headers.get("cache-control", "no-store") == "no-store"


async def test_an_authenticator_is_set_up_with_its_first_code_and_needed_from_then_on(browser: Browser) -> None:
    secret, codes = await with_authenticator(browser)
    assert len(codes) == 10
    other = Browser(browser.site)
    half_way = await other.sign_in()
    assert half_way.headers["location"] == "/console/sign-in/code?next=%2Fconsole%2Fsecurity"
    assert "sendigopro_session" not in other.cookies

    used = await other.post("/console/sign-in/code", code=pyotp.TOTP(secret).at(clock.now()), next="/console/security")
    by_paper = await other.post("/console/sign-in/code", code=codes[3].lower(), next="/console/security")

    assert used.status == 400  # that step has set it up
    assert "wrong, or was used before" in text(used)
    assert (by_paper.status, by_paper.headers["location"]) == (303, "/console/security")
    assert "9 of the codes on paper are left" in text(await other.get("/console/security"))
    assert "sendigopro_half_way" not in other.cookies
    assert (await Browser(browser.site).get("/console/sign-in/code")).headers["location"] == "/console/sign-in"


async def test_an_authenticator_whose_code_is_wrong_is_not_set_up(browser: Browser) -> None:
    await browser.sign_in()
    shown = text(await browser.post("/console/security/authenticator"))
    pending = re.search(r'name="pending" value="([^"]+)"', shown)
    assert pending is not None
    wrong = await browser.post("/console/security/authenticator/confirm", pending=pending[1], code="000000")
    forged = await browser.post("/console/security/authenticator/confirm", pending="AAAA", code="000000")

    assert "This code is wrong" in text(wrong)
    assert pending[1] not in text(forged)
    assert "Begin with a new picture" in text(forged)
    assert await rows(browser.site, "SELECT totp_secret FROM main.people") == [(None,)]


async def test_an_authenticator_is_taken_away_with_its_codes(browser: Browser) -> None:
    await with_authenticator(browser)
    removed = await browser.post("/console/security/authenticator/remove")

    assert removed.status == 303
    assert await rows(browser.site, "SELECT count(*) FROM main.recovery_codes") == [(0,)]
    assert (await Browser(browser.site).sign_in()).headers["location"] == "/console/security"


@pytest.mark.parametrize(
    ("new", "again", "told"),
    [
        (NEW_PASSWORD, WRONG, "not the same"),
        ("short", "short", "10 to 128 characters"),
        ("rosalind1984", "rosalind1984", "easily guessed"),
        (PASSWORD, PASSWORD, "That is the password you have"),
    ],
)
async def test_a_new_password_that_is_not_good_changes_nothing_and_says_why(
    browser: Browser, new: str, again: str, told: str
) -> None:
    await browser.sign_in()
    refused = await browser.post("/console/security/password", password=new, again=again)

    assert refused.status == 400
    assert told in text(refused)
    assert new not in text(refused)
    assert (await Browser(browser.site).sign_in()).status == 303


async def test_a_new_password_signs_everybody_else_out(browser: Browser) -> None:
    other = Browser(browser.site)
    await browser.sign_in()
    await other.sign_in()
    token = browser.cookies["sendigopro_session"]
    changed = await browser.post("/console/security/password", password=NEW_PASSWORD, again=NEW_PASSWORD)

    assert changed.status == 303
    assert "Your password is changed" in text(await browser.get(changed.headers["location"]))
    assert browser.cookies["sendigopro_session"] != token
    assert (await browser.get("/console/security")).status == 200
    assert (await other.get("/console/security")).status == 303
    assert (await Browser(browser.site).sign_in()).status == 401
    assert (await Browser(browser.site).sign_in(NEW_PASSWORD)).status == 303


async def test_what_is_dangerous_asks_for_the_password_again_after_ten_minutes(browser: Browser) -> None:
    await browser.sign_in()
    owner = await browser.site.databases.main("owner")
    await owner.execute("UPDATE main.sessions SET proved_at = now() - interval '11 minutes'")
    dangerous = {
        "password": {"password": NEW_PASSWORD, "again": NEW_PASSWORD},
        "authenticator": {},
        "authenticator/confirm": {"pending": "AAAA", "code": "000000"},
        "authenticator/remove": {},
    }
    for path, fields in dangerous.items():
        assert (await browser.post(f"/console/security/{path}", **fields)).status == 403
    assert "Show your password once more" in text(await browser.get("/console/security"))
    wrong = await browser.post("/console/security/proof", password=WRONG)
    right = await browser.post("/console/security/proof", password=PASSWORD)

    assert "This is not your password" in text(wrong)
    assert right.status == 303
    assert (await browser.post("/console/security/password", **dangerous["password"])).status == 303


async def test_sessions_are_ended_by_their_owner_alone(browser: Browser) -> None:
    other = Browser(browser.site, agent="Mozilla/5.0 (iPhone) Safari/605.1")
    await browser.sign_in()
    await other.sign_in()
    owner = await browser.site.databases.main("owner")
    stranger_id = await put_person(owner, browser.site.house.vault, mail="x@example.com", name="X", password=PASSWORD)
    await people_store.upsert_member(
        owner, account_id=browser.site.house.account_id, person_id=stranger_id, role="viewer"
    )
    stranger = Browser(browser.site)
    await stranger.sign_in(mail="x@example.com")
    page = text(await browser.get("/console/security"))
    (session,) = re.findall(r'name="session" value="(ses_[^"]+)"', page)

    assert "Safari on iPhone" in page
    await stranger.post("/console/security/sessions/end", session=session)
    assert (await other.get("/console/security")).status == 200
    await browser.post("/console/security/sessions/end", session=session)
    assert (await other.get("/console/security")).status == 303
    await other.sign_in()
    await browser.post("/console/security/sessions/end", session="others")
    assert [(await one.get("/console/security")).status for one in (browser, other, stranger)] == [200, 303, 200]


async def test_signing_out_ends_the_session_and_not_the_cookie_alone(browser: Browser) -> None:
    await browser.sign_in()
    kept = dict(browser.cookies)
    out = await browser.post("/console/sign-out")
    browser.cookies = kept

    assert out.headers["location"] == "/console/sign-in"
    assert (await browser.get("/console/security")).status == 303
    assert await rows(browser.site, "SELECT count(*) FROM main.sessions") == [(0,)]


async def test_who_is_signed_in_sees_the_handset_of_their_account_and_who_is_not_is_asked_to(browser: Browser) -> None:
    await browser.site.house.send(to="+15005550006")
    assert (await browser.get("/console/handset")).headers["location"].startswith("/console/sign-in?next=")
    await browser.sign_in(next_="/console/handset")

    assert 'aria-label="Phones" hidden' not in text(await browser.get("/console/handset"))
    person_id = browser.site.more["person_id"]
    assert isinstance(person_id, UUID)
    owner = await browser.site.databases.main("owner")
    await owner.execute("DELETE FROM main.members WHERE person_id = $1", person_id)
    assert (await browser.get("/console/handset")).status == 303


async def test_what_somebody_does_with_their_sign_in_is_on_the_audit_log_of_their_account(browser: Browser) -> None:
    other = Browser(browser.site)
    await other.sign_in()
    await with_authenticator(browser)
    await browser.post("/console/security/password", password=NEW_PASSWORD, again=NEW_PASSWORD)
    await browser.post("/console/security/authenticator/remove")
    await browser.post("/console/sign-out")
    answered = await browser.site.ask("GET", "/v1/audit-log?limit=100")
    entries = [one for one in msgspec.json.decode(answered.body)["data"] if one["actor"]["kind"] == "member"]
    member = ids.typed("mem", browser.site.more["person_id"])

    assert [(one["action"], one["facts"].get("what")) for one in reversed(entries)] == [
        ("session.started", None), ("session.started", None), ("member.secured", "authenticator"),
        ("member.secured", "password"), ("member.secured", "authenticator_removed"), ("session.ended", None),
    ]  # fmt: skip
    assert {(one["actor"]["id"], one["target"]) for one in entries} == {(member, member)}
    for clear in (MAIL, "Lind", PASSWORD, NEW_PASSWORD):
        assert clear not in answered.body.decode()


async def test_who_works_for_two_accounts_turns_to_the_other_and_to_no_third(browser: Browser) -> None:
    site, person_id = browser.site, browser.site.more["person_id"]
    assert isinstance(person_id, UUID)
    owner = await site.databases.main("owner")
    made = [await create_account(owner, site.house.vault, name=name) for name in ("Zenith <b>", "Others")]
    assert made[0] is not None
    assert made[1] is not None
    await people_store.upsert_member(owner, account_id=made[0], person_id=person_id, role="viewer")
    await browser.sign_in()
    page = text(await browser.get("/console/security"))
    refused = await browser.post("/console/security/account", account=ids.typed("acc", made[1]))
    nonsense = await browser.post("/console/security/account", account="acc_x")
    turned = await browser.post("/console/security/account", account=ids.typed("acc", made[0]))

    assert "Zenith &lt;b&gt;" in page
    assert "Others" not in page
    assert [one.status for one in (refused, nonsense, turned)] == [404, 400, 303]
    assert await rows(site, "SELECT account_id FROM main.sessions") == [(made[0],)]
    assert "viewer" in text(await browser.get("/console/security"))
    await owner.execute("DELETE FROM main.members WHERE account_id = $1", made[0])
    assert (await browser.get("/console/security")).status == 303  # out of the account in view: signed out
