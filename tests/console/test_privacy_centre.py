"""The privacy centre and the audit log in the console: what they say, who may do what, and what is kept in a form."""

import msgspec
import pytest

from sendigopro.accounts.people import ROLES
from sendigopro.accounts.roles import PERMISSIONS, Permission
from sendigopro.foundation import ids
from sendigopro.messages.model import Status
from sendigopro.privacy import erase
from sendigopro.privacy.audit_log.verify import verify
from sendigopro.privacy.receipts import read_public
from tests.audit.test_export import body_of
from tests.console.test_sign_in_pages import Browser, rows, text
from tests.console.test_team import Crew
from tests.console.test_team import crew as crew  # noqa: PLC0414  # the fixture, by its own name

HOME, RETENTION, REQUESTS, AUDIT = (
    "/console/privacy", "/console/privacy/retention", "/console/privacy/requests", "/console/audit",
)  # fmt: skip
NUMBER = "+447400123456"
P = Permission


async def asked(browser: Browser, **fields: str) -> str:
    """A request that was taken; where it is."""
    answered = await browser.post(REQUESTS, identifier=NUMBER, **fields)
    assert answered.status == 303, text(answered)
    return answered.headers["location"]


async def test_the_map_says_what_is_kept_with_this_accounts_own_days(crew: Crew) -> None:
    rosa = await crew.add("rosa", "owner")
    page = text(await rosa.get(HOME))
    assert "People who are written to" in page
    assert "Texts of messages" in page
    assert "7 to 30 days, by product" in page
    await rosa.post(f"{RETENTION}/people/identifier", days="90")
    assert "90 days" in text(await rosa.get(HOME))
    drawn = await rosa.get(f"{HOME}/map.svg")
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    assert "<svg" in text(drawn)
    assert "promises of the notice have tests" in text(await rosa.get(f"{HOME}/proof"))


async def test_a_term_is_tried_before_it_is_set_and_what_is_wrong_stays_in_the_form(crew: Crew) -> None:
    rosa, otto = await crew.add("rosa", "owner"), await crew.add("otto", "viewer")
    await crew.site.house.start_worker()
    sent = msgspec.json.decode((await crew.site.ask("POST", "/v1/messages", {"to": NUMBER, "body": "Hi"})).body)
    await crew.site.house.until(sent["id"], Status.DELIVERED)
    owner = await crew.site.databases.main("owner")
    await owner.execute("UPDATE main.messages SET expires_at = expires_at - interval '4 days'")

    tried = await rosa.post(f"{RETENTION}/transactional/body/simulate", days="2", reason="")
    assert "1 text<" in text(tried)
    assert await rows(crew.site, "SELECT * FROM main.retention_terms") == []
    assert (await otto.post(f"{RETENTION}/transactional/body/simulate", days="2", reason="")).status == 200
    assert (await otto.post(f"{RETENTION}/transactional/body", days="2", reason="")).status == 403
    for days, reason, at in (
        ("401", "x", "days"), ("-1", "", "days"), ("x", "", "days"), ("", "", "days"), ("٣", "", "days"),
        ("31", "", "reason"), ("31", "y" * 501, "reason"),
    ):  # fmt: skip
        wrong = await rosa.post(f"{RETENTION}/transactional/body", days=days, reason=reason)
        assert wrong.status in (400, 422), days
        assert f'aria-describedby="{at}-problem"' in text(wrong), days
        assert f'value="{days}"' in text(wrong)
    assert (await rosa.get(f"{RETENTION}/king/body")).status == 404
    assert (await rosa.post(f"{RETENTION}/otp/king", days="1", reason="")).status == 404
    assert (await rosa.post(f"{RETENTION}/transactional/body", days="2", reason="")).status == 303
    assert await rows(crew.site, "SELECT product, clock, days, key_id FROM main.retention_terms") == [
        ("transactional", "body", 2, None)
    ]
    assert msgspec.json.decode((await crew.site.ask("GET", f"/v1/messages/{sent['id']}")).body)["body"] is None


async def test_each_role_reads_asks_and_approves_as_the_table_says(crew: Crew) -> None:
    unknown = ids.typed("prq", ids.new())
    for role in ROLES:
        browser, granted = await crew.add(role, role), PERMISSIONS[role]

        def status(needed: set[Permission], right: int, granted: frozenset[Permission] = granted) -> int:
            return right if needed <= granted else 403

        for path in (HOME, f"{HOME}/map.svg", RETENTION, f"{RETENTION}/otp/body", REQUESTS, f"{HOME}/proof"):
            assert (await browser.get(path)).status == status({P.READ_PRIVACY}, 200), (role, path)
        assert (await browser.get(AUDIT)).status == status({P.READ_AUDIT}, 200)
        assert (await browser.post(f"{AUDIT}/export")).status == status({P.READ_AUDIT}, 200)
        made = await browser.post(REQUESTS, type="restrict", identifier=NUMBER)
        assert made.status == status({P.WRITE_PRIVACY}, 303)
        one = f"{REQUESTS}/{unknown}"
        assert (await browser.post(f"{one}/cancel")).status == status({P.WRITE_PRIVACY}, 404)
        assert (await browser.post(f"{one}/approve")).status == status({P.APPROVE_PRIVACY}, 404)
        reads_people = {P.READ_PRIVACY, P.READ_SUBJECTS, P.READ_BODIES}
        assert (await browser.post(f"{one}/package")).status == status(reads_people, 404)


async def test_an_erasure_is_asked_followed_and_its_receipt_verifies_offline(crew: Crew) -> None:
    rosa = await crew.add("rosa", "owner")
    await crew.site.house.start_worker()
    sent = msgspec.json.decode((await crew.site.ask("POST", "/v1/messages", {"to": NUMBER, "body": "Hi"})).body)
    await crew.site.house.until(sent["id"], Status.DELIVERED)
    where = await asked(rosa, type="erase")
    page = text(await rosa.get(where))
    assert "Erase" in page
    assert NUMBER not in page
    assert msgspec.json.decode((await crew.site.ask("GET", f"/v1/messages/{sent['id']}")).body)["body"] is None
    entry = (await rows(crew.site, "SELECT actor_kind, actor_id FROM main.audit_log WHERE action LIKE 'privacy.%'"))[0]
    assert entry == ("member", crew.people["rosa"])
    assert (await rosa.get(f"{where}/receipt")).status == 409  # the worker that erases is not started here


async def test_whoever_asked_cannot_approve_and_a_second_person_can(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "HOURLY_MAX", 0)
    rosa, otto = await crew.add("rosa", "owner"), await crew.add("otto", "privacy_officer")
    where = await asked(rosa, type="erase")
    assert "A second person must agree" in text(await rosa.get(where))
    own = await rosa.post(f"{where}/approve")
    assert own.status == 403
    assert "A second person must" in text(own)
    await (await crew.site.databases.main("owner")).execute(
        "UPDATE main.sessions SET proved_at = now() - interval '11 minutes' WHERE person_id = $1", crew.people["otto"]
    )
    assert "Show your password or passkey once more" in text(await otto.post(f"{where}/approve"))
    await (await crew.site.databases.main("owner")).execute("UPDATE main.sessions SET proved_at = now()")
    assert (await otto.post(f"{where}/approve")).status == 303
    assert (await otto.post(f"{where}/approve")).status == 409
    assert (await rosa.post(f"{where}/cancel")).status == 409


async def test_a_request_in_grace_is_taken_back(crew: Crew) -> None:
    rosa = await crew.add("rosa", "owner")
    where = await asked(rosa, type="erase", grace_hours="24")
    assert "Grace ends" in text(await rosa.get(where))
    assert (await rosa.post(f"{where}/cancel")).status == 303
    assert "canceled" in text(await rosa.get(where))


async def test_what_is_wrong_with_a_request_is_told_beside_the_field_and_kept(crew: Crew) -> None:
    rosa = await crew.add("rosa", "owner")
    right = {"type": "erase", "identifier": NUMBER}
    for fields, at in (
        ({"identifier": "nobody"}, "identifier"), ({"identifier": ""}, "identifier"), ({"type": "king"}, "type"),
        ({"grace_hours": "721"}, "grace_hours"), ({"grace_hours": "-1"}, "grace_hours"),
        ({"type": "export", "grace_hours": "1"}, "grace_hours"), ({"type": "rectify"}, "corrected"),
        ({"corrected": NUMBER}, "corrected"), ({"type": "rectify", "corrected": "x"}, "corrected"),
        ({"reason": "y" * 501}, "reason"),
    ):  # fmt: skip
        wrong = await rosa.post(REQUESTS, **{**right, **fields})
        assert wrong.status in (400, 422), fields
        assert f'aria-describedby="{at}-problem"' in text(wrong), fields
        assert f'value="{fields.get("identifier", NUMBER)}"' in text(wrong)
    assert await rows(crew.site, "SELECT * FROM main.privacy_requests") == []


async def test_the_log_names_members_says_what_was_done_filters_and_its_export_verifies(crew: Crew) -> None:
    rosa, otto = await crew.add("rosa", "owner"), await crew.add("otto", "viewer")
    await rosa.post(crew.place("otto", "role"), role="developer")
    await asked(rosa, type="restrict")
    everything = text(await rosa.get(AUDIT))
    assert "<strong>Rosa</strong> changed a member's role: <strong>Otto</strong>" in everything.replace("&#39;", "'")
    assert "before: <b>viewer</b>" in everything
    for query, has, has_not in (
        ("action=member.changed", "a member", "signed in<"),
        (f"actor={ids.typed('mem', crew.people['otto'])}", "<strong>Otto</strong> signed in", "a privacy request"),
        ("actor=key", "Nothing fits", "<strong>"),
        ("since=2099-01-01", "Nothing fits", "<strong>"),
        ("until=2000-01-01", "Nothing fits", "<strong>"),
    ):
        page = text(await rosa.get(f"{AUDIT}?{query}")).replace("&#39;", "'")
        assert has in page, query
        assert has_not not in page, query
    for query in ("action=king", "actor=king", "since=x", "until=2026-02-30", "actor=mem_x", "after=aud_x"):
        assert (await rosa.get(f"{AUDIT}?{query}")).status == 400, query
    exported = await rosa.post(f"{AUDIT}/export")
    public = read_public((await rosa.get("/console/privacy/receipt-key")).body)
    assert verify(body_of(exported.body), public).account_id == ids.typed("acc", crew.site.house.account_id)
    assert "exported this log" in text(await rosa.get(AUDIT))
    assert (await otto.get(AUDIT)).status == 403
