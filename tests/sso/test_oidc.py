"""Coming in by a company's OpenID provider: one nobody here wrote, and a hostile one that is never believed."""

import base64
import hmac
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import RSAKey

from sendigopro.foundation import clock, ids
from sendigopro.sso.model import Choices
from sendigopro.sso.providers import OIDC_PATH
from tests.console.test_sign_in_pages import Browser, text
from tests.databases import Databases
from tests.messages.house import house_of
from tests.sso.conftest import Company, company_of, keys_folder, oidc
from tests.sso.providers import (
    CLIENT_ID,
    Hostile,
    hostile_provider,
    needs_oidc_provider,
    oidc_provider,
    packed,
    pass_through,
)
from tests.web.conftest import Site, site_of
from tests.web.serving import Reply

PASSWORD, NEW_PASSWORD = "quarzsand im Getriebe 88", "ein anderes langes Wort 7"


@pytest.fixture
async def hostile() -> AsyncIterator[Hostile]:
    async with hostile_provider() as made:
        yield made


@pytest.fixture
async def company(site: Site, hostile: Hostile) -> Company:
    made = await company_of(site, oidc(hostile.issuer))
    hostile.mail = f"rosa@{made.domain}"
    return made


async def leave(company: Company, browser: Browser, more: str = "") -> str:
    """Where the provider stands, with all that it is asked."""
    left = await browser.get(f"/console/sign-in/company/{company.id}{more}")
    assert left.status == 303, text(left)
    return left.headers["location"]


async def come_back(company: Company, hostile: Hostile, browser: Browser | None = None, more: str = "") -> Reply:
    """The whole way: there, and back with a code."""
    browser = browser or company.browser()
    state = hostile.remember(await leave(company, browser, more))
    return await browser.get(f"{OIDC_PATH}?code=a-code&state={state}")


async def refusal(company: Company, hostile: Hostile) -> str:
    """The code on the page of a refusal, which lets nobody in."""
    browser = company.browser()
    back = await come_back(company, hostile, browser)
    assert back.status in (403, 404), text(back)
    assert "sendigopro_session" not in browser.cookies
    assert (await company.fetch("SELECT FROM main.sessions WHERE account_id = $1", company.account_id)) == []
    ((code,),) = await company.fetch("SELECT refused FROM main.sso_connections WHERE id = $1", company.connection_id)
    assert f"<code>{code}</code>" in text(back)
    assert hostile.mail not in text(back)
    return str(code)


@needs_oidc_provider
async def test_somebody_comes_in_by_a_provider_nobody_here_wrote_and_is_the_same_person_next_time(site: Site) -> None:
    url = site.web.providers.url
    async with oidc_provider(f"{url}{OIDC_PATH}") as issuer:
        company = await company_of(site, oidc(issuer))
        for _ in range(2):
            browser = company.browser()
            mail = f"rosa@{company.domain}"
            asked = await browser.post("/console/sign-in/company", email=mail, next="/console/team")
            assert asked.status == 200
            there = text(asked).split("0;url=")[1].split('"')[0].replace("&amp;", "&")
            back = await pass_through(there, login=mail)
            done = await browser.get(back.removeprefix(url))
            assert (done.status, done.headers["location"]) == (303, "/console/team"), text(done)
            assert mail in text(await browser.get("/console/team"))

    people = await company.fetch("SELECT person_id, role FROM main.members WHERE account_id = $1", company.account_id)
    assert [row["role"] for row in people] == ["developer"]
    sessions = await company.fetch("SELECT * FROM main.sessions WHERE person_id = $1", people[0]["person_id"])
    assert {(row["account_id"], row["connection_id"], row["factors"]) for row in sessions} == {
        (company.account_id, company.connection_id, 1)
    }
    added = [one for one in await company.log() if one[0] == "member.added"]
    assert [kind for _, kind, _ in added] == ["connection"]


@needs_oidc_provider
async def test_a_fresh_sign_in_asks_the_provider_for_the_credential_anew_and_counts_as_proof(site: Site) -> None:
    url = site.web.providers.url
    async with oidc_provider(f"{url}{OIDC_PATH}") as issuer:
        company = await company_of(site, oidc(issuer))
        browser = company.browser()
        there = await leave(company, browser, "?fresh=1&next=/console/team")
        asked = parse_qs(urlsplit(there).query)
        back = await pass_through(there, login=f"rosa@{company.domain}")
        done = await browser.get(back.removeprefix(url))

    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    assert done.headers["location"] == "/console/team"
    ((shown,),) = await company.fetch("SELECT proved_at FROM main.sessions WHERE account_id = $1", company.account_id)
    assert clock.now() - shown < timedelta(minutes=1)


async def test_the_provider_is_asked_with_pkce_state_and_nonce_and_the_secret_stays_out_of_the_address(
    company: Company, hostile: Hostile
) -> None:
    browser = company.browser()
    asked = parse_qs(urlsplit(await leave(company, browser)).query)

    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["state"][0]) > 30
    assert len(asked["nonce"][0]) > 30
    assert "s3cret" not in str(asked)
    hostile.nonce = asked["nonce"][0]
    await browser.get(f"{OIDC_PATH}?code=a-code&state={asked['state'][0]}")
    assert hostile.form["code_verifier"]
    assert hostile.form["code"] == "a-code"


async def test_a_session_by_a_provider_stays_in_its_account_and_changes_no_credential(
    company: Company, hostile: Hostile, site: Site
) -> None:
    other = await company_of(site, oidc(hostile.issuer))
    person_id = await company.add_member(hostile.mail, password=PASSWORD)
    async with (owner := await site.databases.main("owner")).transaction():
        await owner.execute(
            "INSERT INTO main.members (account_id, person_id, role) VALUES ($1, $2, 'owner')", other.account_id,
            person_id,
        )  # fmt: skip
    hostile.change = lambda claims: claims.update(auth_time=claims["iat"])
    browser = company.browser()
    await come_back(company, hostile, browser)
    turned = await browser.post("/console/security/account", account=ids.typed("acc", other.account_id))
    changed = await browser.post("/console/security/password", password=NEW_PASSWORD, again=NEW_PASSWORD)

    assert (turned.status, changed.status) == (404, 403)
    assert "You signed in with your company" in text(changed)


@pytest.mark.parametrize(
    ("amr", "factors"), [(["pwd"], 1), (["pwd", "otp"], 2), (["mfa"], 2), ("mfa", 1), (None, 1), ([3], 1)]
)
async def test_a_second_factor_counts_when_the_provider_says_that_there_was_one(
    company: Company, hostile: Hostile, amr: object, factors: int
) -> None:
    hostile.change = lambda claims: claims.update(amr=amr)
    await come_back(company, hostile)

    found = await company.fetch("SELECT factors FROM main.sessions WHERE account_id = $1", company.account_id)
    assert [row["factors"] for row in found] == [factors]


async def test_a_sign_in_that_another_browser_began_opens_nothing(company: Company, hostile: Hostile) -> None:
    begun, other = company.browser(), company.browser()
    state = hostile.remember(await leave(company, begun))
    await leave(company, other)  # it has begun one of its own

    for browser in (other, company.browser()):
        back = await browser.get(f"{OIDC_PATH}?code=a-code&state={state}")
        assert (back.status, "sso_not_begun" in text(back)) == (403, True)
        assert "sendigopro_session" not in browser.cookies
    assert hostile.form == {}  # the code was not even changed


async def test_a_state_opens_once(company: Company, hostile: Hostile) -> None:
    browser = company.browser()
    state = hostile.remember(await leave(company, browser))
    kept = dict(browser.cookies)
    first = await browser.get(f"{OIDC_PATH}?code=a-code&state={state}")
    browser.cookies = kept  # whoever kept the cookie
    again = await browser.get(f"{OIDC_PATH}?code=a-code&state={state}")

    assert (first.status, again.status) == (303, 403)
    assert "sso_not_begun" in text(again)


async def test_a_sign_in_that_took_longer_than_ten_minutes_begins_again(
    company: Company, hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = company.browser()
    state = hostile.remember(await leave(company, browser))
    later = clock.now() + timedelta(minutes=11)
    monkeypatch.setattr(clock, "now", lambda: later)

    back = await browser.get(f"{OIDC_PATH}?code=a-code&state={state}")

    assert (back.status, "sso_not_begun" in text(back)) == (403, True)


SPOILT: list[tuple[str, dict[str, Any], str]] = [
    ("another nonce", {"nonce": "another"}, "sso_wrong_nonce"),
    ("no nonce", {"nonce": None}, "sso_wrong_nonce"),
    ("another issuer", {"iss": "https://login.example.org"}, "sso_wrong_issuer"),
    ("another audience", {"aud": "another-client"}, "sso_wrong_audience"),
    ("several audiences, and not for us", {"aud": [CLIENT_ID, "another"], "azp": "another"}, "sso_wrong_audience"),
    ("several audiences, for nobody", {"aud": [CLIENT_ID, "another"]}, "sso_wrong_audience"),
    ("expired", {"exp": -120}, "sso_wrong_time"),
    ("without an end", {"exp": None}, "sso_wrong_time"),
    ("an end that is no number", {"exp": "tomorrow"}, "sso_wrong_time"),
    ("old", {"iat": -3600}, "sso_wrong_time"),
    ("from the future", {"iat": 3600}, "sso_wrong_time"),
    ("not valid yet", {"nbf": 3600}, "sso_wrong_time"),
    ("address not verified", {"email_verified": False}, "sso_no_mail"),
    ("address verified as a word", {"email_verified": "true"}, "sso_no_mail"),
    ("verified is not said", {"email_verified": None}, "sso_no_mail"),
    ("no address", {"email": None}, "sso_no_mail"),
    ("a domain of others", {"email": "rosa@foreign.example.net"}, "sso_foreign_domain"),
    ("a domain below ours", {"email": "rosa@below.{domain}"}, "sso_foreign_domain"),
    ("two addresses in one", {"email": "rosa@{domain},eve@foreign.example.net"}, "sso_no_mail"),
    ("no subject", {"sub": ""}, "sso_unreadable"),
    ("a subject that is a number", {"sub": 7}, "sso_unreadable"),
]


@pytest.mark.parametrize(("claims", "code"), [one[1:] for one in SPOILT], ids=[one[0] for one in SPOILT])
async def test_an_id_token_that_is_not_right_in_every_claim_lets_nobody_in(
    company: Company, hostile: Hostile, claims: dict[str, Any], code: str
) -> None:
    def spoil(found: dict[str, Any]) -> None:
        for name, value in claims.items():
            if value is None:
                del found[name]
            elif name in ("exp", "iat", "nbf") and isinstance(value, int):
                found[name] = int(clock.now().timestamp()) + value
            else:
                found[name] = value.format(domain=company.domain) if isinstance(value, str) else value

    hostile.change = spoil

    assert await refusal(company, hostile) == code


async def test_only_the_providers_own_key_signs(company: Company, hostile: Hostile) -> None:
    hostile.signed_with = RSAKey.generate_key(2048, {"kid": "one"})
    assert await refusal(company, hostile) == "sso_wrong_signature"


async def test_a_token_without_a_signature_is_worth_nothing(company: Company, hostile: Hostile) -> None:
    for header in ({"alg": "none"}, {"alg": "none", "kid": "one"}):
        hostile.header = header
        assert await refusal(company, hostile) == "sso_wrong_signature"


async def test_a_token_signed_with_the_public_key_or_our_secret_as_a_password_is_worth_nothing(
    company: Company, hostile: Hostile
) -> None:
    for secret in (hostile.key.as_pem(private=False), b"s3cret-of-the-console-0123456789"):
        browser = company.browser()
        state = hostile.remember(await leave(company, browser))
        hostile.token = forged(hostile.claims(), secret)
        back = await browser.get(f"{OIDC_PATH}?code=a-code&state={state}")
        assert "sso_wrong_signature" in text(back)


def forged(claims: dict[str, Any], secret: bytes) -> str:
    """By hand: no library signs with a public key as if it were a password."""
    signed = f"{packed({'alg': 'HS256', 'kid': 'one'})}.{packed(claims)}"
    tag = hmac.digest(secret, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(tag).rstrip(b'=').decode()}"


async def test_what_is_no_token_is_refused(company: Company, hostile: Hostile) -> None:
    for token in ("", "a.b", "a.b.c", "." * 2, "x" * 70_000, "eyJhbGciOiJSUzI1NiJ9..AAAA"):
        hostile.token = token
        assert await refusal(company, hostile) in ("sso_wrong_signature", "sso_unreadable")


async def test_a_key_that_is_not_known_makes_us_ask_once_a_minute_and_no_more(
    company: Company, hostile: Hostile
) -> None:
    await come_back(company, hostile)
    asked = hostile.asked_for_keys
    hostile.key = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
    hostile.header = {"alg": "RS256", "kid": "two"}

    turned = await come_back(company, hostile)
    assert (turned.status, hostile.asked_for_keys) == (303, asked + 1)

    hostile.header = {"alg": "RS256", "kid": "three"}
    for _ in range(3):
        assert "sso_wrong_signature" in text(await come_back(company, hostile))
    assert hostile.asked_for_keys == asked + 1


async def test_an_answer_of_another_provider_is_refused(company: Company, hostile: Hostile) -> None:
    browser = company.browser()
    state = hostile.remember(await leave(company, browser))

    back = await browser.get(f"{OIDC_PATH}?code=a-code&state={state}&iss=https%3A%2F%2Fevil.example.org")

    assert "sso_wrong_issuer" in text(back)


async def test_a_provider_that_refused_is_told_as_such_and_its_words_are_not_shown(
    company: Company, hostile: Hostile
) -> None:
    browser = company.browser()
    state = hostile.remember(await leave(company, browser))

    back = await browser.get(f"{OIDC_PATH}?error=access_denied&error_description=<b>call+0900</b>&state={state}")

    assert (back.status, "sso_canceled" in text(back), "0900" in text(back)) == (403, True, False)


async def test_a_provider_that_is_away_is_told_as_such(company: Company, site: Site) -> None:
    away = await company_of(site, oidc("http://127.0.0.1:9"))

    back = await away.browser().get(f"/console/sign-in/company/{away.id}")

    assert (back.status, "sso_unreachable" in text(back)) == (403, True)
    del company


async def test_a_domain_that_nobody_has_shown_signs_nobody_in(site: Site, hostile: Hostile) -> None:
    company = await company_of(site, oidc(hostile.issuer), is_verified=False)
    hostile.mail = f"rosa@{company.domain}"

    asked = await company.browser().post("/console/sign-in/company", email=hostile.mail, next="")

    assert (asked.status, "No company sign-in is known" in text(asked)) == (404, True)
    assert await refusal(company, hostile) == "sso_foreign_domain"


async def test_who_is_no_member_stays_out_where_the_account_wants_that(company: Company, hostile: Hostile) -> None:
    await company.choose(Choices("viewer", joins=False, is_required=False, is_unasked=False))
    assert await refusal(company, hostile) == "sso_not_a_member"

    await company.add_member(hostile.mail, role="billing")
    back = await come_back(company, hostile)

    assert back.status == 303
    rows = await company.fetch("SELECT role FROM main.members WHERE account_id = $1", company.account_id)
    assert [row["role"] for row in rows] == ["billing"]


async def test_an_address_that_was_given_to_somebody_else_does_not_open_the_old_ones_membership(
    company: Company, hostile: Hostile
) -> None:
    assert (await come_back(company, hostile)).status == 303
    hostile.change = lambda claims: claims.update(sub="number 8")
    await company.fetch("DELETE FROM main.sessions WHERE account_id = $1", company.account_id)

    assert await refusal(company, hostile) == "sso_other_subject"


async def test_a_subject_counts_for_its_connection_only(company: Company, hostile: Hostile, site: Site) -> None:
    await come_back(company, hostile)
    other = await company_of(site, oidc(hostile.issuer))

    assert await refusal(other, hostile) == "sso_foreign_domain"


async def test_where_a_company_demands_its_provider_a_password_opens_to_owners_alone(
    company: Company, hostile: Hostile
) -> None:
    owner = f"owner@{company.domain}"
    await company.add_member(hostile.mail, password=PASSWORD)
    await company.add_member(owner, role="owner", password=PASSWORD)
    foreign = f"guest@guests.{company.domain}"
    await company.add_member(foreign, password=PASSWORD)
    before = await company.browser().sign_in(PASSWORD, mail=hostile.mail)
    await company.choose(Choices("viewer", joins=True, is_required=True, is_unasked=False))

    tried = [await company.browser().sign_in(PASSWORD, mail=mail) for mail in (hostile.mail, owner, foreign)]

    assert (before.status, [one.status for one in tried]) == (303, [403, 303, 303])
    assert "by its own provider only" in text(tried[0])
    assert (await come_back(company, hostile)).status == 303


@pytest.mark.parametrize(
    "wanted", ["https://evil.example.org", "//evil.example.org", "/console/../v1", "/console/sign-in/oidc", "/v1"]
)
async def test_a_link_leads_to_pages_of_the_console_alone(company: Company, hostile: Hostile, wanted: str) -> None:
    back = await come_back(company, hostile, more=f"?next={wanted}")

    assert back.headers["location"] in ("/console", "/console/../v1")


async def test_who_came_in_by_a_provider_sets_up_no_passkey_that_outlives_it(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, hostile: Hostile
) -> None:
    """A passkey opens all of a person's accounts, and stays when the company has let them go."""
    folder = keys_folder(databases, tmp_path_factory)
    named = house_of(databases, folder, allow_private_webhooks=True, base_url="http://localhost:8080")  # for passkeys
    async with named as house, site_of(house, databases) as site:
        company = await company_of(site, oidc(hostile.issuer))
        hostile.mail = f"rosa@{company.domain}"
        browser = company.browser()
        assert (await come_back(company, hostile, browser)).status == 303
        await company.fetch("UPDATE main.sessions SET proved_at = now() WHERE account_id = $1", company.account_id)
        passkey = "pky_01h455vb4pex5vsknk084sn02q"
        for what in ("passkeys/options", "passkeys", f"passkeys/{passkey}/remove"):
            answered = await browser.post(f"/console/security/{what}", passkey="{}")
            assert answered.status == 403, what
            assert "You signed in with your company" in text(answered), what
