"""Who is asked to join an account comes in once, as who was asked; who hands an account over is its admin then."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import msgspec
import pytest

from sendigopro.accounts import people_store
from sendigopro.accounts.people import ROLES, put_person
from sendigopro.accounts.roles import PERMISSIONS, Permission
from sendigopro.foundation import ids
from sendigopro.foundation.embedded import EmbeddedServer
from tests.console.coming import Town, token_in, town_of
from tests.console.test_sign_in_pages import NEW_PASSWORD, PASSWORD, Browser, rows, text
from tests.databases import Databases, copied
from tests.mail.postbox import text_of
from tests.messages.house import house_of
from tests.web.conftest import Site, site_of

TEAM, INVITE, ACCEPT = "/console/team", "/console/team/invitations", "/console/invitation"
OTTO = "otto@example.com"
numbers = count(1)


@pytest.fixture(scope="module")
def main_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # it migrates
    """One for all: each test has an account and people of its own."""
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
        owner = await databases.main("owner")
        await owner.execute("DELETE FROM main.people")
        yield town


async def member(site: Site, name: str, role: str) -> Browser:
    """Somebody of the house's account, signed in."""
    owner = await site.databases.main("owner")
    person_id = await put_person(
        owner, site.house.vault, mail=f"{name}@example.com", name=name.title(), password=PASSWORD
    )
    await people_store.upsert_member(owner, account_id=site.house.account_id, person_id=person_id, role=role)
    browser = Browser(site)
    assert (await browser.sign_in(mail=f"{name}@example.com", next_=TEAM)).status == 303
    site.more[name] = person_id
    return browser


async def invited(town: Town, rosa: Browser, *, mail: str = OTTO, role: str = "developer") -> str:
    """The token of the link in Otto's mail."""
    assert (await rosa.post(INVITE, email=mail, role=role)).status == 303
    return token_in(await town.link(to=mail))


async def members(site: Site) -> list[str]:
    found = await rows(
        site, "SELECT role FROM main.members WHERE account_id = $1 ORDER BY created_at", site.house.account_id
    )
    return [str(row[0]) for row in found]


async def facts(site: Site, action: str) -> list[dict[str, object]]:
    found = await rows(
        site, "SELECT facts::text FROM main.audit_log WHERE account_id = $1 AND action = $2 ORDER BY n",
        site.house.account_id, action,
    )  # fmt: skip
    return [msgspec.json.decode(str(row[0])) for row in found]


async def test_somebody_new_accepts_with_a_name_and_a_password(town: Town) -> None:
    rosa = await member(town.site, "rosa", "owner")
    token = await invited(town, rosa)
    assert OTTO in text(await rosa.get(TEAM))
    otto = town.browser()
    opened = text(await otto.get(f"{ACCEPT}?token={token}"))
    assert "as developer" in opened
    done = await otto.post(ACCEPT, token=token, name="Otto", password=NEW_PASSWORD)

    assert (done.status, done.headers["location"]) == (303, "/console")
    assert await members(town.site) == ["owner", "developer"]
    assert "Otto · otto@example.com · developer" in text(await otto.get("/console/security"))
    assert "Nobody is invited at the moment" in text(await rosa.get(TEAM))
    assert (await facts(town.site, "member.invited")) == [{"role": "developer", "by_mail": True}]
    (added,) = await facts(town.site, "member.added")
    assert (added["role"], added["way"]) == ("developer", "invitation")


async def test_of_an_invitation_nothing_lies_in_clear_and_its_mail_makes_no_link_of_a_name(town: Town) -> None:
    rosa = await member(town.site, "rosa", "owner")
    await rosa.post(INVITE, email=OTTO, role="viewer")
    stored = str(await rows(town.site, "SELECT i::text, m::text FROM main.invitations i, main.mails m"))
    await town.outgoing.step()
    _, mail = await town.box.next()

    for clear in (OTTO, OTTO.encode().hex()):
        assert clear not in stored
    assert 'the SendiGoPro account "Test" as viewer' in text_of(mail)
    assert "Rosa" not in text_of(mail)


async def test_an_invitation_opens_once_also_for_two_at_once(town: Town) -> None:
    rosa = await member(town.site, "rosa", "owner")
    token = await invited(town, rosa)
    both = await asyncio.gather(
        *(town.browser().post(ACCEPT, token=token, name="Otto", password=PASSWORD) for _ in range(2))
    )
    again = await town.browser().post(ACCEPT, token=token, name="Eve", password=PASSWORD)

    assert sorted(one.status for one in both) == [303, 401]
    assert again.status == 401
    assert "You have accepted it already? Then sign in." in text(again)
    assert await members(town.site) == ["owner", "developer"]


async def test_a_withdrawn_an_old_a_superseded_and_a_made_up_invitation_say_that_they_are_over(town: Town) -> None:
    rosa = await member(town.site, "rosa", "owner")
    tokens = [await invited(town, rosa, mail=f"{name}@example.com") for name in ("withdrawn", "old", "superseded")]
    page = text(await rosa.get(TEAM))
    places = re.findall(r"/console/team/invitations/(inv_\w+)/withdraw", page)
    await rosa.post(f"{INVITE}/{places[0]}/withdraw")
    assert (await rosa.post(f"{INVITE}/{places[0]}/withdraw")).status == 303  # twice is as good
    owner = await town.site.databases.main("owner")
    await owner.execute("UPDATE main.invitations SET created_at = now() - interval '8 days'")
    await owner.execute("UPDATE main.invitations SET ends_at = now() WHERE id = $1", ids.parse("inv", places[1]))
    await rosa.post(f"{INVITE}/{places[2]}/resend")
    newest = token_in(await town.link(to="superseded@example.com"))

    for token in [*tokens, "x" * 43, "", "<script>"]:
        shown = await town.browser().get(f"{ACCEPT}?token={token}")
        taken = await town.browser().post(ACCEPT, token=token, name="Eve", password=PASSWORD)
        assert [shown.status, taken.status] == [401, 401]
        assert "This link is over" in text(shown)
    assert (await town.browser().get(f"{ACCEPT}?token={newest}")).status == 200
    assert await members(town.site) == ["owner"]


async def test_who_is_signed_in_accepts_as_who_they_are_and_sees_the_account(town: Town) -> None:
    site = town.site
    async with house_of(site.databases, site.house.runtime.settings.data_dir) as other:
        pass
    owner = await site.databases.main("owner")
    person_id = await put_person(owner, site.house.vault, mail=OTTO, name="Otto", password=PASSWORD)
    await people_store.upsert_member(owner, account_id=other.account_id, person_id=person_id, role="owner")
    rosa = await member(site, "rosa", "owner")
    token = await invited(town, rosa, mail="Otto@example.com")
    otto = town.browser()
    stranger = text(await otto.get(f"{ACCEPT}?token={token}"))
    led = re.search(r'href="(/console/sign-in\?next=[^"]+)"', stranger)
    assert led is not None
    form = text(await otto.get(led[1]))
    assert f'value="{ACCEPT}?token={token}"' in form
    await otto.sign_in(mail=OTTO, next_=f"{ACCEPT}?token={token}")
    assert "Accept" in text(await otto.get(f"{ACCEPT}?token={token}"))
    done = await otto.post(f"{ACCEPT}/accept", token=token)
    again = await otto.post(f"{ACCEPT}/accept", token=token)

    assert (done.status, again.status) == (303, 401)
    assert await members(site) == ["owner", "developer"]
    assert "developer" in text(await otto.get("/console/security"))
    assert await rows(site, "SELECT count(*) FROM main.people") == [(2,)]


async def test_an_invitation_is_for_who_was_invited_and_nobody_else(town: Town) -> None:
    """Signed in with another address, one is told so; with a known address nobody makes themselves somebody new."""
    site = town.site
    rosa = await member(site, "rosa", "owner")
    eve = await member(site, "eve", "viewer")
    token = await invited(town, rosa, role="admin")
    shown = text(await eve.get(f"{ACCEPT}?token={token}"))
    taken = await eve.post(f"{ACCEPT}/accept", token=token)
    owner = await site.databases.main("owner")
    async with house_of(site.databases, site.house.runtime.settings.data_dir) as other:
        pass
    person_id = await put_person(owner, site.house.vault, mail=OTTO, name="Otto", password=PASSWORD)
    await people_store.upsert_member(owner, account_id=other.account_id, person_id=person_id, role="owner")
    before = await rows(site, "SELECT password_hash FROM main.people WHERE id = $1", person_id)
    overtaken = await town.browser().post(ACCEPT, token=token, name="Eve", password=NEW_PASSWORD)

    assert "with another address" in shown
    assert OTTO not in shown
    assert (taken.status, overtaken.status) == (403, 409)
    assert "has a sign-in already" in text(overtaken)
    assert await members(site) == ["owner", "viewer"]
    assert await rows(site, "SELECT password_hash FROM main.people WHERE id = $1", person_id) == before
    assert (await town.browser().get(f"{ACCEPT}?token={token}")).status == 200  # it still waits for Otto


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_invites_as_the_table_says(town: Town, role: str) -> None:
    rosa, actor = await member(town.site, "rosa", "owner"), await member(town.site, "actor", role)
    asked = await actor.post(INVITE, email=OTTO, role="developer")
    raised = await actor.post(INVITE, email="king@example.com", role="owner")
    await rosa.post(INVITE, email="queen@example.com", role="owner")
    places = re.findall(r"/console/team/invitations/(inv_\w+)/withdraw", text(await rosa.get(TEAM)))
    taken = [await actor.post(f"{INVITE}/{place}/withdraw") for place in places]
    left = await rows(town.site, "SELECT role FROM main.invitations WHERE account_id = $1", town.site.house.account_id)
    may_invite, may_own = Permission.CHANGE_MEMBERS in PERMISSIONS[role], Permission.CHANGE_OWNERS in PERMISSIONS[role]

    assert (asked.status == 303) == may_invite
    assert (raised.status == 303) == may_own
    assert [one.status for one in taken] == [
        303 if may_own or (may_invite and n == 0) else 403 for n in range(len(places))
    ]
    assert len(left) == (0 if may_own else 1)
    assert ("Invite somebody" in text(await actor.get(TEAM))) == may_invite


async def test_what_is_wrong_is_said_beside_the_field_and_kept(town: Town) -> None:
    rosa = await member(town.site, "rosa", "owner")
    wrong = await rosa.post(INVITE, email="otto<script>", role="billing")
    king = await rosa.post(INVITE, email=OTTO, role="king")
    known = await rosa.post(INVITE, email="ROSA@example.com", role="viewer")
    owner = await town.site.databases.main("owner")
    await owner.execute("UPDATE main.sessions SET proved_at = now() - interval '11 minutes'")
    stale = await rosa.post(INVITE, email=OTTO, role="viewer")
    foreign = await rosa.post(INVITE, site="cross-site", email=OTTO, role="viewer")

    assert [one.status for one in (wrong, king, known, stale, foreign)] == [400, 400, 409, 403, 403]
    assert 'value="otto&lt;script&gt;"' in text(wrong)
    assert 'id="f-email-wrong"' in text(wrong)
    assert 'value="billing" selected' in text(wrong)
    assert "belongs to a member already" in text(known)
    assert "password or passkey once more" in text(stale)
    assert await town.is_quiet()


async def test_a_form_sent_twice_sends_one_mail(town: Town) -> None:
    rosa = await member(town.site, "rosa", "owner")
    for _ in range(3):
        assert (await rosa.post(INVITE, email=OTTO, role="viewer")).status == 303
    await town.outgoing.step()
    (place,) = re.findall(r"/console/team/invitations/(inv_\w+)/resend", text(await rosa.get(TEAM)))
    hasty = await rosa.post(f"{INVITE}/{place}/resend")

    assert town.box.mails.qsize() == 1
    assert hasty.status == 429
    assert "less than a minute ago" in text(hasty)


async def test_an_account_sees_and_withdraws_its_own_invitations_alone(town: Town, folder: Path) -> None:
    rosa = await member(town.site, "rosa", "owner")
    await rosa.post(INVITE, email=OTTO, role="viewer")
    (place,) = re.findall(r"/console/team/invitations/(inv_\w+)/resend", text(await rosa.get(TEAM)))
    async with house_of(town.site.databases, folder) as other, site_of(other, town.site.databases) as elsewhere:
        eve = await member(elsewhere, "eve", "owner")
        assert OTTO not in text(await eve.get(TEAM))
        withdrawn, again = await eve.post(f"{INVITE}/{place}/withdraw"), await eve.post(f"{INVITE}/{place}/resend")

    assert (withdrawn.status, again.status) == (303, 404)  # as for one that was withdrawn before
    assert await rows(town.site, "SELECT count(*) FROM main.invitations") == [(1,)]


async def test_without_a_mail_server_the_link_is_shown_once_to_who_invites(databases: Databases, folder: Path) -> None:
    async with house_of(databases, folder) as house, site_of(house, databases) as site:
        rosa = await member(site, f"rosa{next(numbers)}", "owner")
        before = await rows(site, "SELECT count(*) FROM main.mails")
        shown = await rosa.post(INVITE, email="by-hand@example.com", role="viewer")
        link = re.search(r"http://\S+/console/invitation\?token=(\w{43})", text(shown))
        assert shown.status == 200
        assert link is not None
        assert link[1] not in text(await rosa.get(TEAM))
        assert await rows(site, "SELECT count(*) FROM main.mails") == before
        done = await Browser(site).post(ACCEPT, token=link[1], name="Hand", password=PASSWORD)

        assert done.status == 303
        # Nobody has shown that the address is theirs: a link went by hand.
        confirmed = await rows(site, "SELECT confirmed_at FROM main.people ORDER BY created_at DESC LIMIT 1")
        assert confirmed == [(None,)]


async def test_an_account_is_handed_over_in_one_act(town: Town) -> None:
    rosa, otto = await member(town.site, "rosa", "owner"), await member(town.site, "otto", "billing")
    place = f"{TEAM}/{ids.typed('mem', town.site.more['otto'])}/transfer"
    refused = await otto.post(f"{TEAM}/{ids.typed('mem', town.site.more['rosa'])}/transfer")
    own = await rosa.post(f"{TEAM}/{ids.typed('mem', town.site.more['rosa'])}/transfer")
    done = await rosa.post(place)
    again = await rosa.post(place)

    assert [refused.status, own.status, done.status, again.status] == [403, 400, 303, 403]
    assert sorted(await members(town.site)) == ["admin", "owner"]
    assert "Otto · otto@example.com · owner" in text(await otto.get("/console/security"))
    assert await facts(town.site, "member.changed") == [
        {"role": "owner", "before": "billing", "transfer": True},
        {"role": "admin", "before": "owner", "transfer": True},
    ]
