"""Roles that an account makes: they hold what was ticked, nobody rises by one, and none with members goes."""

import asyncio

import msgspec

from sendigopro.accounts import people_store
from sendigopro.accounts.create import create_account
from sendigopro.accounts.people import put_person
from sendigopro.accounts.roles import PERMISSIONS, Permission
from sendigopro.console.roles import GROUPS
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import as_account
from tests.console.test_sign_in_pages import PASSWORD, Browser, rows, text
from tests.console.test_team import TEAM, Crew
from tests.console.test_team import crew as crew  # noqa: PLC0414  # the fixture, by its own name

ROLES = "/console/roles"


async def make(browser: Browser, name: str, *permissions: Permission) -> int:
    return (await browser.post(ROLES, name=name, **dict.fromkeys(permissions, "on"))).status


async def told(crew: Crew, word: str) -> list[tuple[str, str, dict[str, object]]]:
    log = msgspec.json.decode((await crew.site.ask("GET", "/v1/audit-log?limit=100")).body)["data"]
    return [(one["action"], one["target"], one["facts"]) for one in reversed(log) if one["action"].startswith(word)]


def test_every_permission_stands_on_the_page_in_words() -> None:
    assert {one for ones in GROUPS.values() for one in ones} == set(Permission)


async def test_a_role_lets_its_members_do_what_was_ticked_from_the_next_request_and_no_more(crew: Crew) -> None:
    rosa, otto = await crew.add("rosa", "owner"), await crew.add("otto", "viewer")
    assert await make(rosa, "Night desk", Permission.USE_HANDSET, Permission.SEE_MEMBERS) == 303
    assert '<option value="night_desk">night desk</option>' in text(await rosa.get(TEAM))
    assert (await otto.get("/console/handset")).status == 403
    assert (await rosa.post(crew.place("otto", "role"), role="night_desk")).status == 303

    assert (await otto.get("/console/handset")).status == 200
    assert (await otto.post(crew.place("rosa", "role"), role="viewer")).status == 403
    assert "night desk" in text(await otto.get(TEAM))
    assert (await rosa.post(f"{ROLES}/night_desk", **{Permission.SEE_MEMBERS: "on"})).status == 303
    assert (await otto.get("/console/handset")).status == 403
    assert await told(crew, "role.") == [
        ("role.created", "role:night_desk", {"permissions": ["handset.use", "members.read"]}),
        ("role.changed", "role:night_desk", {"permissions": ["members.read"],
         "before": ["handset.use", "members.read"]}),
    ]  # fmt: skip


async def test_nobody_makes_gives_changes_or_takes_away_a_role_that_may_more_than_their_own(crew: Crew) -> None:
    rosa, lead = await crew.add("rosa", "owner"), await crew.add("lead", "viewer")
    await crew.add("otto", "viewer")
    await crew.add("dev", "developer")
    assert await make(rosa, "lead", Permission.CHANGE_MEMBERS, Permission.SEE_MEMBERS, *PERMISSIONS["viewer"]) == 303
    assert await make(rosa, "reader", Permission.READ_BODIES) == 303
    await rosa.post(crew.place("lead", "role"), role="lead")
    before = await rows(crew.site, "SELECT * FROM main.members ORDER BY 1, 2")

    for role in ("owner", "admin", "reader", "agent"):
        assert (await lead.post(crew.place("otto", "role"), role=role)).status == 403
        assert (await lead.post(crew.place("lead", "role"), role=role)).status == 403
    for name in ("rosa", "dev"):
        assert (await lead.post(crew.place(name, "remove"))).status == 403
        assert (await lead.post(crew.place(name, "role"), role="viewer")).status == 403
    assert await make(lead, "sly", Permission.READ_SUBJECTS) == 403
    assert (await lead.post(f"{ROLES}/lead", **{Permission.WRITE_KEYS: "on"})).status == 403
    assert (await lead.post(f"{ROLES}/reader", **{Permission.READ_MESSAGES: "on"})).status == 403
    assert (await lead.post(f"{ROLES}/reader/remove")).status == 403
    assert await rows(crew.site, "SELECT * FROM main.members ORDER BY 1, 2") == before
    assert (await lead.post(crew.place("otto", "role"), role="lead")).status == 303  # what they hold they may give


async def test_owners_alone_make_owners_whatever_is_ticked(crew: Crew) -> None:
    rosa = await crew.add("rosa", "owner")
    assert await make(rosa, "king", Permission.CHANGE_OWNERS) == 400
    assert await rows(crew.site, "SELECT * FROM main.custom_roles") == []


async def test_a_role_that_somebody_has_stays_and_of_two_at_once_one_wins(crew: Crew) -> None:
    rosa, ada = await crew.add("rosa", "owner"), await crew.add("ada", "owner")
    await crew.add("otto", "viewer")
    await make(rosa, "desk", Permission.SEE_MEMBERS)
    await rosa.post(crew.place("otto", "role"), role="desk")
    kept = await rosa.post(f"{ROLES}/desk/remove")
    assert kept.status == 409
    assert "1 member has this role" in text(kept)

    await rosa.post(crew.place("otto", "role"), role="viewer")
    given, removed = await asyncio.gather(
        rosa.post(crew.place("otto", "role"), role="desk"), ada.post(f"{ROLES}/desk/remove")
    )
    assert (given.status, removed.status) in ((303, 409), (400, 303))
    left = await rows(crew.site, "SELECT name FROM main.custom_roles")
    assert (await crew.roles())["otto"] == ("desk" if left else "viewer")


async def test_a_name_that_is_none_is_told_beside_the_field_and_what_was_ticked_stays(crew: Crew) -> None:
    rosa = await crew.add("rosa", "owner")
    for name in (
        "",
        " ",
        "x",
        "9lives",
        "owner",
        "Privacy officer",
        "a" * 41,
        "<b>",
        "o'neill",
        "rosa@example.com",
        "ö",
    ):
        answered = await rosa.post(ROLES, name=name, **{Permission.SEE_MEMBERS: "on"})
        assert answered.status == 400, name
        assert 'aria-describedby="name-problem"' in text(answered)
        assert 'name="members.read" checked' in text(answered)


async def test_what_is_wrong_makes_no_role(crew: Crew) -> None:
    rosa, otto = await crew.add("rosa", "owner"), await crew.add("otto", "developer")
    assert await make(rosa, "desk", Permission.SEE_MEMBERS) == 303
    assert await make(rosa, "desk", Permission.READ_KEYS) == 409
    assert await make(rosa, "none") == 400
    assert await make(otto, "mine", Permission.SEE_MEMBERS) == 403
    assert (await otto.get(ROLES)).status == 403
    assert [(await rosa.get(f"{ROLES}/{name}")).status for name in ("desk", "owner", "nobody", "%2e%2e")] == [
        200,
        404,
        404,
        404,
    ]
    assert (await rosa.post(crew.place("otto", "role"), role="nobody")).status == 400
    owner = await crew.site.databases.main("owner")
    await owner.execute("UPDATE main.sessions SET proved_at = now() - interval '11 minutes'")
    assert await make(rosa, "later", Permission.SEE_MEMBERS) == 403
    assert (await rosa.post(f"{ROLES}/desk/remove")).status == 403
    assert await rows(crew.site, "SELECT name, permissions FROM main.custom_roles") == [("desk", ["members.read"])]


async def test_another_accounts_roles_are_neither_seen_nor_given_nor_changed(crew: Crew) -> None:
    rosa = await crew.add("rosa", "owner")
    await make(rosa, "desk", Permission.SEE_MEMBERS)
    vault, owner = crew.site.house.vault, await crew.site.databases.main("owner")
    elsewhere = await create_account(owner, vault, name="Elsewhere")
    assert elsewhere is not None
    stranger = await put_person(owner, vault, mail="x@example.com", name="X", password=PASSWORD)
    await people_store.upsert_member(owner, account_id=elsewhere, person_id=stranger, role="owner")
    x = Browser(crew.site)
    await x.sign_in(mail="x@example.com")

    assert "desk" not in text(await x.get(TEAM))
    assert (await x.get(f"{ROLES}/desk")).status == 404
    assert (await x.post(f"{ROLES}/desk/remove")).status == 404
    assert (await x.post(f"{TEAM}/{ids.typed('mem', stranger)}/role", role="desk")).status == 400
    async with as_account(crew.site.house.runtime.door, elsewhere) as conn:
        assert await conn.fetch("SELECT * FROM main.custom_roles") == []
