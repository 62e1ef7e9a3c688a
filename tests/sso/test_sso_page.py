"""The page of single sign-on: a provider that answers, domains that are shown, a token that is seen once."""

import pytest

from sendigopro.foundation import ids
from sendigopro.sso import domains
from tests.console.test_sign_in_pages import PASSWORD, Browser, text
from tests.sso.conftest import Company, company_of, oidc
from tests.sso.providers import CLIENT_ID, CLIENT_SECRET, needs_oidc_provider, oidc_provider
from tests.web.conftest import Site

PAGE = "/console/sso"
FORM = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "default_role": "viewer", "joins": "yes"}


@pytest.fixture
async def company(site: Site) -> Company:
    """With a connection already, and a domain nobody has shown."""
    return await company_of(site, oidc("https://login.example.com"), is_verified=False)


async def admin_of(company: Company, role: str = "owner") -> Browser:
    mail = f"{role}@elsewhere-{company.domain}"
    await company.add_member(mail, role=role, password=PASSWORD)
    browser = company.browser()
    assert (await browser.sign_in(mail=mail)).status == 303
    return browser


@needs_oidc_provider
async def test_a_provider_is_connected_once_it_answers_as_one(site: Site, company: Company) -> None:
    rosa = await admin_of(company)
    async with oidc_provider(f"{site.web.providers.url}/console/sign-in/oidc") as issuer:
        done = await rosa.post(PAGE, **FORM, issuer=issuer)
        assert done.status == 303, text(done)
    page = text(await rosa.get(PAGE))
    assert issuer in page
    assert CLIENT_SECRET not in page
    assert [one[:2] for one in await company.log()][-1] == ("sso.added", "member")


async def test_what_is_wrong_is_said_and_what_was_typed_stays_but_for_the_secret(company: Company) -> None:
    rosa = await admin_of(company)
    for field, value in (
        ("issuer", "http://127.0.0.1:9/"), ("issuer", "javascript:alert(1)"), ("issuer", '"><b>'),
        ("client_id", " "), ("client_secret", " "), ("default_role", "owner"),
    ):  # fmt: skip
        answered = await rosa.post(PAGE, **{"issuer": "http://127.0.0.1:9/", **FORM, field: value})
        assert answered.status == 400, (field, value)
        assert "<b>" not in text(answered)
        assert CLIENT_SECRET not in text(answered)
        if field != "client_id":
            assert f'name="client_id" value="{CLIENT_ID}"' in text(answered)
    assert len(await company.fetch("SELECT FROM main.sso_connections WHERE account_id = $1", company.account_id)) == 1


async def test_a_domain_is_good_once_its_record_stands_there_and_for_one_account_only(
    site: Site, company: Company
) -> None:
    rosa, vault = await admin_of(company), site.house.vault
    here = f"{PAGE}/{company.id}/domains"
    name, value = await domains.record_of(vault, company.account_id, company.domain)
    assert value in text(await rosa.get(PAGE))
    records: dict[str, list[str]] = {}

    async def text_records(asked: str) -> list[str]:
        return records.get(asked, [])

    site.web.providers.text_records = text_records
    early = await rosa.post(here, domain=company.domain, check="yes")
    assert early.status == 409
    assert "The record is not there yet" in text(early)
    records[name] = ["other", value]
    assert (await rosa.post(here, domain=company.domain, check="yes")).status == 303
    assert "verified" in text(await rosa.get(PAGE))
    assert (await rosa.post(here, domain=company.domain)).status == 409  # claimed before
    assert (await rosa.post(here, domain="<b>")).status == 400

    other = await company_of(site, oidc("https://login.example.org"), is_verified=False)
    otto = await admin_of(other)
    assert (await otto.post(f"{PAGE}/{other.id}/domains", domain=company.domain)).status == 303
    theirs, their_value = await domains.record_of(vault, other.account_id, company.domain)
    records[theirs] = [their_value]
    taken = await otto.post(f"{PAGE}/{other.id}/domains", domain=company.domain, check="yes")
    assert taken.status == 409
    assert "Another account has shown" in text(taken)
    assert (await otto.post(here, domain="x.example.com")).status == 404  # another account's connection


async def test_a_token_is_shown_once_and_replaced_and_ended(site: Site, company: Company) -> None:
    rosa, here = await admin_of(company), f"{PAGE}/{company.id}/scim"

    async def status(token: str) -> int:
        return (await site.ask("GET", "/scim/v2/Users", key=token)).status

    shown = [text(await rosa.post(here)).split("scim_")[1].split("<")[0] for _ in range(2)]
    first, second = (f"scim_{one}" for one in shown)
    assert (await status(first), await status(second)) == (401, 200)
    assert second not in text(await rosa.get(PAGE))
    assert (await rosa.post(here, end="yes")).status == 200
    assert await status(second) == 401


async def test_only_who_may_change_the_account_and_has_just_shown_who_they_are_comes_here(company: Company) -> None:
    rosa, dora = await admin_of(company), await admin_of(company, "developer")
    assert (await dora.get(PAGE)).status == 403
    assert (await dora.post(f"{PAGE}/{company.id}/remove")).status == 403
    await company.fetch("UPDATE main.sessions SET proved_at = now() - interval '11 minutes'")
    for path, form in ((PAGE, FORM), (f"{PAGE}/{company.id}/remove", {}), (f"{PAGE}/{company.id}/scim", {})):
        stale = await rosa.post(path, **form)
        assert stale.status == 403
        assert "once more" in text(stale)
    missing = ids.typed("sso", ids.new())
    await company.fetch("UPDATE main.sessions SET proved_at = now()")
    for what in ("remove", "scim", "domains", "change"):
        assert (await rosa.post(f"{PAGE}/{missing}/{what}", default_role="viewer", domain="a.example")).status == 404
    assert (await rosa.post(f"{PAGE}/{company.id}/change", default_role="agent", is_required="yes")).status == 303
    assert (await rosa.post(f"{PAGE}/{company.id}/remove")).status == 303


async def test_nobody_rises_by_the_role_that_a_connection_gives(company: Company) -> None:
    """Who might only change the account could have their own provider, or SCIM, make them an admin."""
    words = ["account.write", "members.read"]
    await company.fetch(
        "INSERT INTO main.custom_roles (account_id, name, permissions) VALUES ($1, 'clerk', $2)",
        company.account_id, words,
    )  # fmt: skip
    clerk, here = await admin_of(company, "clerk"), f"{PAGE}/{company.id}"
    owner = await admin_of(company)
    before = await company.fetch("SELECT * FROM main.sso_connections WHERE account_id = $1", company.account_id)
    for path, form in (
        (f"{here}/change", {"default_role": "admin", "joins": "yes"}),
        (f"{here}/scim", {}),  # the connection makes developers
        (f"{here}/domains", {"domain": "clerk.example.com"}),
    ):
        refused = await clerk.post(path, **form)
        assert refused.status == 403, path
        assert "may do what yours may not" in text(refused), path
    assert await company.fetch("SELECT * FROM main.sso_connections WHERE account_id = $1", company.account_id) == before
    assert (await owner.post(f"{here}/change", default_role="admin")).status == 303
