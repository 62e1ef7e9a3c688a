"""API keys in the console: shown once, made once, no more than who makes them holds, from where they may be used."""

import re
import shlex

import msgspec
import pytest

from sendigopro.accounts.model import SCOPES
from sendigopro.accounts.roles import PERMISSIONS
from sendigopro.console.key_form import GROUPS
from sendigopro.foundation import ids
from sendigopro.foundation.asgi import Scope
from sendigopro.foundation.peers import is_within, read_networks, true_peer
from tests.console.test_sign_in_pages import Browser, rows, text
from tests.console.test_team import Crew
from tests.console.test_team import crew as crew  # noqa: PLC0414  # the fixture, by its own name

KEYS = "/console/keys"
TOKEN = re.compile(r"sk_test_[0-9A-Za-z]{32}")


async def make(browser: Browser, *scopes: str, once: str = "", **fields: str) -> str:
    """Send the form; the page."""
    typed = {"once": once or ids.typed("key", ids.new()), "purpose": "transactional", **dict.fromkeys(scopes, "on")}
    return text(await browser.post(KEYS, **{**typed, **fields}))


def token_in(page: str) -> str:
    found = TOKEN.search(page)
    assert found is not None, page
    return found[0]


async def key_ids(crew: Crew) -> set[object]:
    return {row[0] for row in await rows(crew.site, "SELECT id FROM main.api_keys")}


def test_every_scope_is_explained_and_stands_in_a_group() -> None:
    assert sorted(scope for scopes in GROUPS.values() for scope in scopes) == sorted(SCOPES)


async def test_a_key_is_shown_once_and_its_sample_works_as_it_stands(crew: Crew) -> None:
    owner = await crew.add("rosa", "owner")
    page = await make(owner, "messages.write", "messages.read", name="<b>Shop</b>", rate="50")
    token = token_in(page)
    listed = text(await owner.get(KEYS))

    assert token not in listed
    assert f"…{token[-4:]}" in listed
    assert "&lt;b&gt;Shop&lt;/b&gt;" in listed
    assert "<b>Shop" not in listed
    command = re.search(r'aria-label="Command">(.*?)</pre>', page, re.DOTALL)
    assert command is not None
    words = shlex.split(command[1].replace("&#39;", "'").replace("&#34;", '"').replace("\\\n", ""))
    sent = await crew.site.ask("POST", "/v1/messages", msgspec.json.decode(words[words.index("-d") + 1]), key=token)
    assert sent.status == 202
    assert f"Authorization: Bearer {token}" in words
    stored = await rows(crew.site, "SELECT name, rate_per_second FROM main.api_keys WHERE last4 = $1", token[-4:])
    assert stored[0][1] == 50
    assert b"Shop" not in stored[0][0]  # type: ignore[operator]  # sealed bytes


async def test_the_same_form_makes_one_key_however_often_it_is_sent(crew: Crew) -> None:
    owner, once = await crew.add("rosa", "owner"), ids.typed("key", ids.new())
    before = await key_ids(crew)
    first = await owner.post(KEYS, once=once, purpose="otp", **{"messages.read": "on"})
    again = await owner.post(KEYS, once=once, purpose="otp", **{"messages.read": "on"})

    assert (first.status, again.status) == (200, 409)
    assert "was sent before" in text(again)
    assert not TOKEN.search(text(again))
    assert len(await key_ids(crew) - before) == 1


async def test_nobody_hands_out_a_scope_that_their_role_does_not_hold(crew: Crew) -> None:
    developer = await crew.add("dev", "developer")
    before = await key_ids(crew)
    form = text(await developer.get(f"{KEYS}/new"))
    for scope in SCOPES:
        answered = await developer.post(
            KEYS, once=ids.typed("key", ids.new()), purpose="otp", **{"messages.read": "on", scope: "on"}
        )
        holds = scope in PERMISSIONS["developer"]
        assert answered.status == (200 if holds else 403), scope
        assert (f'name="{scope}" value="on" disabled' in form) == (not holds), scope
    made = await rows(crew.site, "SELECT id, scopes FROM main.api_keys")
    handed_out = {scope for key_id, scopes in made if key_id not in before for scope in scopes}  # type: ignore[attr-defined]  # a list
    assert handed_out <= set(PERMISSIONS["developer"])
    assert not {"subjects.read", "bodies.read", "audit.read"} & handed_out


async def test_personal_scopes_are_off_until_somebody_ticks_them(crew: Crew) -> None:
    form = text(await (await crew.add("rosa", "owner")).get(f"{KEYS}/new"))
    for scope in SCOPES:
        assert (f'name="{scope}" value="on" checked' in form) == (scope in ("messages.write", "messages.read")), scope


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("name", "x" * 61, "at most 60"), ("rate", "0", "from 1 to"), ("rate", "-1", "from 1 to"),
        ("rate", "9" * 50, "from 1 to"), ("rate", "½", "from 1 to"), ("purpose", "<b>", "There is no purpose"),
        ("networks", "300.1.1.1/8", "Write networks like"), ("networks", "10.0.0.1/8", "Write networks like"),
        ("networks", " ".join(f"10.0.{n}.0/24" for n in range(51)), "at most 50"), ("once", "key_x", "not an id"),
        ("once", "key_00000000000000000000000000", "too old"), ("messages.read", "", "at least one scope"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(
    crew: Crew, field: str, value: str, told: str
) -> None:
    owner = await crew.add("rosa", "owner")
    before = await key_ids(crew)
    page = await make(owner, "messages.read", **{"name": "Kept", field: value})

    assert told in page
    assert 'class="field-problem"' in page
    assert field == "name" or 'value="Kept"' in page
    assert not TOKEN.search(page)
    assert await key_ids(crew) == before


async def test_making_and_ending_a_key_needs_a_credential_shown_just_now_and_the_right_role(crew: Crew) -> None:
    owner, viewer = await crew.add("rosa", "owner"), await crew.add("otto", "viewer")
    made = await make(owner, "messages.read")
    key = ids.typed("key", (await rows(crew.site, "SELECT max(id::text)::uuid FROM main.api_keys"))[0][0])  # type: ignore[arg-type]  # an id
    conn = await crew.site.databases.main("owner")
    await conn.execute("UPDATE main.sessions SET proved_at = now() - interval '1 hour'")

    stale = [
        await owner.post(KEYS, once=ids.typed("key", ids.new()), purpose="otp", **{"messages.read": "on"}),
        await owner.post(f"{KEYS}/{key}/revoke"),
        await owner.post(f"{KEYS}/{key}/networks", networks="10.0.0.0/8"),
    ]
    assert [one.status for one in stale] == [403] * 3
    assert all("/console/security" in text(one) for one in stale)
    assert (await viewer.get(KEYS)).status == 403
    assert (await viewer.post(f"{KEYS}/{key}/revoke")).status == 403
    assert (await crew.site.ask("GET", "/v1/messages", key=token_in(made))).status == 200


async def test_a_revoked_key_opens_nothing_and_who_revoked_it_is_recorded(crew: Crew) -> None:
    owner = await crew.add("rosa", "owner")
    token = token_in(await make(owner, "messages.read"))
    key = ids.typed("key", (await rows(crew.site, "SELECT max(id::text)::uuid FROM main.api_keys"))[0][0])  # type: ignore[arg-type]  # an id
    assert (await crew.site.ask("GET", "/v1/messages", key=token)).status == 200
    assert (await owner.post(f"{KEYS}/{key}/revoke")).status == 303
    assert (await owner.post(f"{KEYS}/{key}/revoke")).status == 404

    while (answered := await crew.site.ask("GET", "/v1/messages", key=token)).status == 200:
        pass  # other connections hear of it within a moment
    assert answered.status == 401
    actions = await rows(crew.site, "SELECT action, actor_id FROM main.audit_log WHERE target = $1 ORDER BY n", key)
    assert actions == [("key.created", crew.people["rosa"]), ("key.revoked", crew.people["rosa"])]


async def test_a_key_is_refused_from_elsewhere_at_every_door_and_told_nothing(crew: Crew) -> None:
    owner = await crew.add("rosa", "owner")
    token = token_in(await make(owner, "messages.read", "messages.write", networks="203.0.113.0/24\n2001:db8::/32"))
    key = ids.typed("key", (await rows(crew.site, "SELECT max(id::text)::uuid FROM main.api_keys"))[0][0])  # type: ignore[arg-type]  # an id
    body = {"to": "+15005550006", "body": "Hello"}
    for method, path, sent in (
        ("GET", "/v1/messages", None), ("POST", "/v1/messages", body), ("GET", "/v1/nowhere", None),
        ("POST", "/v1/messages/batch", {"messages": [body]}), ("GET", "/v1/balance", None),
    ):  # fmt: skip
        refused = await crew.site.ask(method, path, sent, key=token, X_Forwarded_For="203.0.113.9")
        assert refused.status == 403, path
        assert msgspec.json.decode(refused.body)["code"] == "address_not_allowed"
        assert b"203.0.113" not in refused.body

    assert (await owner.post(f"{KEYS}/{key}/networks", networks="127.0.0.0/8")).status == 303
    while (await crew.site.ask("GET", "/v1/messages", key=token)).status == 403:
        pass  # heard of within a moment
    assert (await crew.site.ask("POST", "/v1/messages", body, key=token)).status == 202
    actions = await rows(crew.site, "SELECT action FROM main.audit_log WHERE target = $1 ORDER BY n", key)
    assert actions == [("key.created",), ("key.limited",)]


@pytest.mark.parametrize(
    ("client", "told", "peer"),
    [
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"), ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"), ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"), ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "nonsense", "nonsense"),
    ],
)  # fmt: skip
def test_only_a_proxy_of_ours_is_believed_and_only_its_own_word(client: str, told: str, peer: str) -> None:
    scope: Scope = {"client": (client, 1), "headers": [(b"x-forwarded-for", told.encode())]}
    assert true_peer(scope, read_networks("10.0.0.0/8")) == peer


def test_an_address_that_is_none_lies_nowhere() -> None:
    everywhere = read_networks("0.0.0.0/0 ::/0")
    assert [is_within(one, everywhere) for one in ("", "nonsense", "a/socket", "fe80::1%eth0", "1.2.3.4")] == [
        False, False, False, True, True,
    ]  # fmt: skip


async def test_another_accounts_key_is_not_there(crew: Crew) -> None:
    owner = await crew.add("rosa", "owner")
    await crew.site.strangers_key()
    foreign = await rows(crew.site, "SELECT id FROM main.api_keys WHERE account_id <> $1", crew.site.house.account_id)
    key = ids.typed("key", foreign[0][0])  # type: ignore[arg-type]  # an id
    assert (await owner.get(f"{KEYS}/{key}")).status == 404
    assert (await owner.post(f"{KEYS}/{key}/revoke")).status == 404
    assert (await owner.post(f"{KEYS}/{key}/networks", networks="10.0.0.0/8")).status == 404
