"""The account in the console: what it settles, from where it is opened, how it ends, and the accounts it has."""

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from sendigopro.accounts.networks import allows, read_networks
from sendigopro.accounts.people import ROLES
from sendigopro.accounts.roles import PERMISSIONS, Permission
from sendigopro.commands.accounts import lift_networks
from sendigopro.console import visitor
from sendigopro.foundation import ids
from sendigopro.foundation.problems import Invalid
from tests.console.test_sign_in_pages import Browser, rows, text
from tests.console.test_team import TEAM, Crew
from tests.console.test_team import crew as crew  # noqa: PLC0414  # the fixture, by its own name

HOME, CHILDREN = "/console/account", "/console/subaccounts"
RIGHT: Mapping[str, str] = {"name": "Acme", "on_unclear": "resend", "default_purpose": "otp"}


async def told(crew: Crew) -> list[tuple[str, dict[str, object]]]:
    found = await rows(
        crew.site, "SELECT action, facts FROM main.audit_log WHERE action NOT LIKE 'session.%' ORDER BY n"
    )
    return [(str(one[0]), msgspec.json.decode(str(one[1]))) for one in found]


async def stale(crew: Crew) -> None:
    owner = await crew.site.databases.main("owner")
    await owner.execute("UPDATE main.sessions SET proved_at = now() - interval '11 minutes'")


async def test_the_account_is_renamed_and_settled_by_who_may_alone(crew: Crew) -> None:
    for role in ROLES:
        browser, may = await crew.add(role, role), Permission.CHANGE_ACCOUNT in PERMISSIONS[role]
        assert (await browser.get(HOME)).status == (200 if may else 403), role
        for path, fields in (
            ("", RIGHT),
            ("/networks", {"networks": ""}),
            ("/keep", {}),
            ("/close", {"typed_name": ""}),
        ):
            assert ((await browser.post(HOME + path, **fields)).status != 403) == may, (role, path)
    owner = await crew.add("owner", "owner")
    assert "<h1>Acme</h1>" in text(await owner.get(HOME))
    assert await rows(crew.site, "SELECT on_unclear, default_purpose FROM main.accounts") == [("resend", "otp")]
    for wrong, at in (({"name": " "}, "name"), ({"on_unclear": "king"}, "on_unclear"), ({"default_purpose": "x"}, "")):
        answered = await owner.post(HOME, **{**RIGHT, "name": "Kept <b>", **wrong})
        assert answered.status == 400
        assert not at or f'aria-describedby="{at}-problem"' in text(answered)
        assert "name" in wrong or "Kept &lt;b&gt;" in text(answered)
    await owner.post("/console/start")
    assert await rows(crew.site, "SELECT count(*) FROM main.api_keys WHERE purpose = 'otp'") == [(1,)]


def test_networks_are_read_as_people_write_them() -> None:
    assert read_networks("203.0.113.0/24, 2001:db8::/56\n203.0.113.7\n203.0.113.7") == [
        "203.0.113.0/24", "2001:db8::/56", "203.0.113.7/32",
    ]  # fmt: skip
    for wrong in (
        "203.0.113.7/24",
        "x",
        "203.0.113.0/33",
        "1.2.3",
        "::/129",
        "203.0.113.0/24;",
        "\n".join(["::1"] * 51),
    ):
        with pytest.raises(Invalid):
            read_networks(wrong)
    assert allows([], "anything")
    for peer, is_in in (("203.0.113.9", True), ("::ffff:203.0.113.9", True), ("203.0.114.1", False), ("", False)):
        assert allows(["203.0.113.0/24"], peer) == is_in


async def test_the_console_opens_from_the_accounts_networks_alone_and_nobody_locks_themselves_out(
    crew: Crew, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rosa, otto = await crew.add("rosa", "owner"), await crew.add("otto", "viewer")
    out = await rosa.post(f"{HOME}/networks", networks="203.0.113.0/24")
    assert out.status == 400
    assert "You come from 127.0.0.1" in text(out)
    assert "203.0.113.0/24</textarea>" in text(out)
    assert (await rosa.post(f"{HOME}/networks", networks="127.0.0.0/8")).status == 303
    assert (await otto.get(TEAM)).status == 200

    monkeypatch.setattr(visitor, "peer_of", lambda _: "198.51.100.1")
    for path in ("/console", TEAM, HOME, "/console/handset", "/console/handset/stream"):
        refused = await rosa.get(path)
        assert refused.status == 403, path
        assert "its own networks only" in text(refused)
    assert (await rosa.post(f"{HOME}/networks", networks="")).status == 403
    assert (await rosa.get("/console/security")).status == 200  # one's own sign-in: the way to one's other accounts
    sealed = (await rows(crew.site, "SELECT console_networks FROM main.accounts"))[0][0]
    assert isinstance(sealed, bytes)
    assert b"127.0" not in sealed
    monkeypatch.setenv("SENDIGOPRO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", crew.site.databases.main_url)
    monkeypatch.setenv("VAULT_URL", crew.site.databases.vault_url)
    await lift_networks(ids.typed("acc", crew.site.house.account_id))
    assert (await rosa.get(TEAM)).status == 200
    assert [one for one in await told(crew) if one[0] == "networks.set"] == [
        ("networks.set", {"networks": 1}), ("networks.set", {"networks": 0}),
    ]  # fmt: skip


async def test_closing_stops_keys_at_once_lets_people_read_and_is_undone(crew: Crew) -> None:
    rosa, otto = await crew.add("rosa", "owner"), await crew.add("otto", "viewer")
    wrong = await rosa.post(f"{HOME}/close", typed_name="Tset")
    assert wrong.status == 400
    assert 'value="Tset"' in text(wrong)
    await stale(crew)
    assert "Show your password or passkey once more" in text(await rosa.post(f"{HOME}/close", typed_name="Test"))
    await (await crew.site.databases.main("owner")).execute("UPDATE main.sessions SET proved_at = now()")
    assert (await rosa.post(f"{HOME}/close", typed_name="Test")).status == 303

    assert "being closed" in text(await rosa.get(HOME))
    assert (await crew.site.ask("GET", "/v1/messages")).status == 401
    assert (await otto.get(TEAM)).status == 200
    assert (await rosa.get("/console/audit")).status == 200
    for path, fields in (
        ("/console/roles", {"name": "desk", "members.read": "on"}), (crew.place("otto", "role"), {"role": "admin"}),
        ("/console/start", {}), (HOME, RIGHT), (f"{HOME}/networks", {"networks": ""}), (CHILDREN, {"name": "x"}),
        (f"{HOME}/close", {"typed_name": "Test"}),
    ):  # fmt: skip
        assert (await rosa.post(path, **fields)).status == 403, path
    assert (await otto.post(f"{HOME}/keep")).status == 403
    assert (await rosa.post(f"{HOME}/keep")).status == 303
    assert (await crew.site.ask("GET", "/v1/messages")).status == 200
    assert (await rosa.post(f"{HOME}/keep")).status == 409
    names = [name for name, _ in await told(crew) if name.startswith("account.")]
    assert names == ["account.closing", "account.kept"]


async def child_of(crew: Crew, browser: Browser, name: str, **limits: str) -> str:
    assert (await browser.post(CHILDREN, name=name, **{"rate": "", "limit": "", **limits})).status == 303
    found = (
        await rows(crew.site, "SELECT id FROM main.accounts WHERE parent_id IS NOT NULL ORDER BY id DESC LIMIT 1")
    )[0]
    assert isinstance(found[0], UUID)
    return ids.typed("acc", found[0])


async def test_who_works_for_an_account_works_for_its_accounts_in_the_same_role_until_let_go(crew: Crew) -> None:
    rosa, otto = await crew.add("rosa", "owner"), await crew.add("otto", "viewer")
    child = await child_of(crew, rosa, "Brand <One>", rate="50", limit="12.50")
    listed = text(await otto.get(CHILDREN))
    assert "Brand &lt;One&gt;" in listed
    assert "12.50 EUR" in listed
    assert (await otto.post(CHILDREN, name="Mine")).status == 403
    assert (await otto.post(f"{CHILDREN}/{child}/limits", rate="", limit="")).status == 403

    assert (await otto.post(f"{CHILDREN}/{child}/view")).status == 303
    assert "Brand &lt;One&gt;" in text(await otto.get(TEAM))
    assert (await otto.get("/console/audit")).status == 403
    assert (await rosa.post(f"{CHILDREN}/{child}/view")).status == 303
    assert (await rosa.get("/console/audit")).status == 200
    assert "otto" not in text(await rosa.get(TEAM))  # who works above is no member of it
    assert await rows(crew.site, "SELECT count(*) FROM main.members") == [(2,)]
    assert (await rosa.post("/console/start")).status == 200  # a key of its own
    assert await rows(
        crew.site, "SELECT count(*) FROM main.api_keys WHERE account_id = $1", ids.parse("acc", child)
    ) == [(1,)]
    assert "An account of an account has none of its own" in text(await rosa.post(CHILDREN, name="Grandchild"))

    parent = ids.typed("acc", crew.site.house.account_id)
    assert parent in text(await rosa.get("/console/security"))
    assert (await rosa.post("/console/security/account", account=parent)).status == 303
    assert (await rosa.post(crew.place("otto", "remove"))).status == 303
    assert (await otto.get(TEAM)).status == 303  # out of the account above, and so of this one, at once


async def test_who_works_for_a_sub_account_alone_sees_neither_its_parent_nor_its_siblings(crew: Crew) -> None:
    rosa = await crew.add("rosa", "owner")
    child, sibling = await child_of(crew, rosa, "Child"), await child_of(crew, rosa, "Sibling")
    owner = await crew.site.databases.main("owner")
    nina = await crew.add("nina", "viewer")
    await owner.execute(
        "UPDATE main.members SET account_id = $1, role = 'owner' WHERE person_id = $2",
        ids.parse("acc", child), crew.people["nina"],
    )  # fmt: skip
    await owner.execute("UPDATE main.sessions SET account_id = $1 WHERE person_id = $2",
                        ids.parse("acc", child), crew.people["nina"])  # fmt: skip
    assert (await rosa.post(f"{CHILDREN}/{child}/view")).status == 303
    parent = ids.typed("acc", crew.site.house.account_id)
    for path in ("/console", TEAM, CHILDREN, HOME, "/console/security", "/console/audit"):
        page = text(await nina.get(path))
        assert "Sibling" not in page, path
        assert parent not in page, path
        assert sibling not in page, path
        assert "Rosa" not in page, path
    for other in (parent, sibling):
        assert (await nina.post(f"{CHILDREN}/{other}/view")).status == 404
        assert (await nina.post("/console/security/account", account=other)).status == 404
        assert (await nina.post(f"{CHILDREN}/{other}/limits", rate="1", limit="")).status == 404


async def test_limits_of_a_sub_account_are_its_own_and_what_is_wrong_stays_in_the_form(crew: Crew) -> None:
    rosa = await crew.add("rosa", "owner")
    child = await child_of(crew, rosa, "Child")
    assert (await rosa.post(f"{CHILDREN}/{child}/limits", rate="7", limit="100")).status == 303
    limits = await rows(
        crew.site,
        "SELECT rate_per_second, limit_micros FROM main.accounts a JOIN main.credit c ON account_id = id ORDER BY id",
    )
    assert limits == [(None, None), (7, 100_000_000)]
    for fields, at in (
        ({"name": ""}, "name"), ({"rate": "0"}, "rate"), ({"rate": "x"}, "rate"), ({"rate": "-1"}, "rate"),
        ({"limit": "-1"}, "limit"), ({"limit": "1e99"}, "limit"), ({"limit": "NaN"}, "limit"),
        ({"limit": "0.0000001"}, "limit"),
    ):  # fmt: skip
        answered = await rosa.post(CHILDREN, **{"name": "Next", "rate": "", "limit": "", **fields})
        assert answered.status == 400, fields
        assert f'aria-describedby="{at}-problem"' in text(answered), fields
    assert (await rosa.post(f"{CHILDREN}/{child}/limits", rate="x", limit="")).status == 400
    parent = ids.typed("acc", crew.site.house.account_id)
    assert (await rosa.post(f"{CHILDREN}/{parent}/limits", rate="1", limit="")).status == 404
    assert "has accounts of its own" in text(await rosa.post(f"{HOME}/close", typed_name="Test"))
    await stale(crew)
    assert (await rosa.post(CHILDREN, name="Later", rate="", limit="")).status == 403
