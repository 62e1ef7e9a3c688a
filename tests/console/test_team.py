"""Who changes whom: roles are held to under a lock, an account always has an owner, and every change is recorded."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from sendigopro.accounts import people_store
from sendigopro.accounts.create import create_account
from sendigopro.accounts.people import ROLES, put_person
from sendigopro.accounts.roles import PERMISSIONS, Permission, granted_by
from sendigopro.events.bus import Bus
from sendigopro.foundation import ids
from sendigopro.privacy.desk import desk_of
from sendigopro.privacy.journal import Journal
from sendigopro.privacy.retention.job import Retention
from tests.console.test_sign_in_pages import PASSWORD, Browser, rows, text
from tests.databases import Databases
from tests.messages.house import house_of
from tests.privacy.conftest import loader_of
from tests.web.conftest import Site, site_of

TEAM = "/console/team"


class Crew:
    """Members of one account by role, each with a browser."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.people: dict[str, UUID] = {}

    async def add(self, name: str, role: str) -> Browser:
        owner = await self.site.databases.main("owner")
        person_id = await put_person(
            owner, self.site.house.vault, mail=f"{name}@example.com", name=name.title(), password=PASSWORD
        )
        await people_store.upsert_member(owner, account_id=self.site.house.account_id, person_id=person_id, role=role)
        self.people[name] = person_id
        browser = Browser(self.site)
        assert (await browser.sign_in(mail=f"{name}@example.com", next_=TEAM)).status == 303
        return browser

    def place(self, name: str, what: str) -> str:
        return f"{TEAM}/{ids.typed('mem', self.people[name])}/{what}"

    async def roles(self) -> dict[str, str]:
        found = await rows(self.site, "SELECT person_id, role FROM main.members")
        names = {person_id: name for name, person_id in self.people.items()}
        return {names[row[0]]: str(row[1]) for row in found if isinstance(row[0], UUID)}


@pytest.fixture
async def crew(databases: Databases, tmp_path: Path) -> AsyncIterator[Crew]:
    async with house_of(databases, tmp_path) as house, site_of(house, databases) as site:
        yield Crew(site)


async def test_everybody_sees_the_team_and_only_who_may_sees_what_changes_it(crew: Crew) -> None:
    rosa, otto = await crew.add("rosa", "owner"), await crew.add("otto", "viewer")
    seen_by_owner, seen_by_viewer = text(await rosa.get(TEAM)), text(await otto.get(TEAM))

    for page in (seen_by_owner, seen_by_viewer):
        assert "Rosa" in page
        assert "otto@example.com" in page
    assert crew.place("otto", "role") in seen_by_owner
    assert TEAM + "/mem_" not in seen_by_viewer
    assert (await Browser(crew.site).get(TEAM)).headers["location"].startswith("/console/sign-in")


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_does_what_the_table_says_and_nothing_else(crew: Crew, role: str) -> None:
    await crew.add("rosa", "owner")
    await crew.add("otto", "viewer")
    actor = await crew.add("actor", role)
    changed = await actor.post(crew.place("otto", "role"), role="developer")
    raised = await actor.post(crew.place("otto", "role"), role="owner")
    unmade = await actor.post(crew.place("rosa", "role"), role="viewer")
    removed = await actor.post(crew.place("otto", "remove"))
    handset = await actor.get("/console/handset")

    def status(permission: Permission) -> int:
        return 303 if permission in PERMISSIONS[role] else 403

    assert changed.status == status(Permission.CHANGE_MEMBERS)
    assert [raised.status, unmade.status] == [status(Permission.CHANGE_OWNERS)] * 2
    assert removed.status == status(Permission.CHANGE_MEMBERS)
    assert handset.status == (200 if Permission.USE_HANDSET in PERMISSIONS[role] else 403)
    if role not in ("owner", "admin"):
        assert "These may: owner" in text(changed)
        assert (await crew.roles())["otto"] == "viewer"


def test_every_role_has_a_line_and_only_owners_make_owners() -> None:
    assert set(PERMISSIONS) == set(ROLES)
    assert [role for role in ROLES if Permission.CHANGE_OWNERS in PERMISSIONS[role]] == ["owner"]
    assert granted_by("king") == frozenset()


async def test_an_account_always_has_an_owner_also_when_two_unmake_each_other_at_once(crew: Crew) -> None:
    rosa = await crew.add("rosa", "owner")
    alone = await rosa.post(crew.place("rosa", "remove"))
    stepped_down = await rosa.post(crew.place("rosa", "role"), role="viewer")
    assert [alone.status, stepped_down.status] == [409, 409]
    assert "An account needs an owner" in text(alone)
    otto = await crew.add("otto", "owner")

    both = await asyncio.gather(
        rosa.post(crew.place("otto", "role"), role="viewer"), otto.post(crew.place("rosa", "role"), role="viewer")
    )
    first, second = sorted(one.status for one in both)
    assert (first, second) in ((303, 403), (303, 409))
    assert sorted((await crew.roles()).values()) == ["owner", "viewer"]


async def test_what_is_wrong_is_said_and_changes_nothing(crew: Crew) -> None:
    rosa = await crew.add("rosa", "owner")
    await crew.add("otto", "viewer")
    owner = await crew.site.databases.main("owner")
    elsewhere = await create_account(owner, crew.site.house.vault, name="Elsewhere")
    stranger = await put_person(owner, crew.site.house.vault, mail="x@example.com", name="X", password=PASSWORD)
    assert elsewhere is not None
    await people_store.upsert_member(owner, account_id=elsewhere, person_id=stranger, role="owner")
    before = await rows(crew.site, "SELECT * FROM main.members ORDER BY 1, 2")

    king = await rosa.post(crew.place("otto", "role"), role="<king>")
    of_others = await rosa.post(f"{TEAM}/{ids.typed('mem', stranger)}/remove")
    nobody = await rosa.post(f"{TEAM}/mem_x/remove")
    foreign = await rosa.post(crew.place("otto", "remove"), site="cross-site")
    await owner.execute("UPDATE main.sessions SET proved_at = now() - interval '11 minutes'")
    stale = await rosa.post(crew.place("otto", "remove"))

    assert [one.status for one in (king, of_others, nobody, foreign, stale)] == [400, 404, 400, 403, 403]
    assert "king" not in text(king)
    assert "password or passkey once more" in text(stale)
    assert await rows(crew.site, "SELECT * FROM main.members ORDER BY 1, 2") == before


async def test_who_is_let_go_is_out_at_once_forgotten_by_the_job_and_the_log_stays_whole(crew: Crew) -> None:
    rosa, otto = await crew.add("rosa", "owner"), await crew.add("otto", "developer")
    await rosa.post(crew.place("otto", "role"), role="viewer")
    assert (await rosa.post(crew.place("otto", "remove"))).status == 303
    assert (await otto.get(TEAM)).status == 303  # led to the sign-in
    house = crew.site.house
    desk = desk_of(house.runtime, house.vault, Journal(house.runtime.settings.journal_folder))
    job = Retention(
        desk, loader=loader_of(house), bus=Bus(), owner="worker-1", owner_url=house.runtime.settings.main("owner"),
        log_folder=house.runtime.settings.data_dir / "log",
    )  # fmt: skip
    done, again = await job.step(), await job.step()

    assert (done["members"], again["members"]) == (1, 0)
    assert await rows(crew.site, "SELECT id FROM main.people") == [(crew.people["rosa"],)]
    log = msgspec.json.decode((await crew.site.ask("GET", "/v1/audit-log?limit=100")).body)["data"]
    told = [(one["action"], one["facts"]) for one in reversed(log) if one["action"].startswith("member.")]
    assert told == [
        ("member.changed", {"role": "viewer", "before": "developer"}), ("member.removed", {"before": "viewer"}),
    ]  # fmt: skip
