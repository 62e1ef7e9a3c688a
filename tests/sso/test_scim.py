"""A provider's SCIM client says who belongs to an account: tested by a client of strangers, and by hostile ones."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import Resource, Schema, ScimProvider
from scim2_tester import Status, check_server

from sendigopro.accounts.sessions import Place, Sessions
from sendigopro.audit.model import BY_OPERATOR
from sendigopro.sso import connections
from sendigopro.sso.scim_api import BODY_MAX
from tests.console.test_sign_in_pages import Browser
from tests.sso.conftest import Company, company_of, oidc
from tests.web.conftest import Site
from tests.web.serving import Reply

PASSWORD = "quarzsand im Getriebe 88"  # noqa: S105  # of this test
PATCH = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]


@dataclass(slots=True)
class Client:
    """Speaks to one connection with its token."""

    company: Company
    token: str

    async def ask(self, method: str, path: str, body: object = None, **more: Any) -> tuple[int, dict[str, Any]]:
        reply = await self.raw(method, path, None if body is None else json.dumps(body).encode(), **more)
        return reply.status, json.loads(reply.body) if reply.body else {}

    async def raw(self, method: str, path: str, body: bytes | None, **headers: str) -> Reply:
        told = {"Content_Type": "application/scim+json", "Authorization": f"Bearer {self.token}", **headers}
        return await self.company.site.ask(method, f"/scim/v2/{path}", None, key=None, raw=body, **told)

    async def create(self, mail: str, **more: object) -> tuple[int, dict[str, Any]]:
        return await self.ask("POST", "Users", {"userName": mail, **more})

    async def patch(self, user: str, *operations: object) -> tuple[int, dict[str, Any]]:
        return await self.ask("PATCH", f"Users/{user}", {"schemas": PATCH, "Operations": list(operations)})

    async def members(self) -> list[str]:
        rows = await self.company.fetch(
            "SELECT role FROM main.members WHERE account_id = $1 ORDER BY role", self.company.account_id
        )
        return [row["role"] for row in rows]


async def client_of(company: Company) -> Client:
    owner = await company.site.databases.main("owner")
    async with owner.transaction():
        token = await connections.new_scim_token(
            owner, account_id=company.account_id, connection_id=company.connection_id, by=BY_OPERATOR
        )
    return Client(company, token)


@pytest.fixture
async def client(site: Site) -> Client:
    return await client_of(await company_of(site, oidc("https://login.example.com")))


async def test_a_tester_nobody_here_wrote_finds_nothing_wrong(client: Client) -> None:
    """scim2-tester makes, reads, changes, patches and deletes users by the schema that we publish."""
    mails = [f"tester-{number}@{client.company.domain}" for number in range(400)]

    def check() -> list[Any]:
        port = client.company.site.port
        headers = {"Authorization": f"Bearer {client.token}"}
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}/scim/v2", headers=headers) as http:
            schema = Schema.model_validate(http.get("/Schemas").json()["Resources"][0])
            model = Resource.from_schema(schema)
            model.model_fields["user_name"].examples = mails  # else it is no address of a domain that is ours
            return check_server(SyncSCIMClient(http, provider=ScimProvider([model])))

    found = await asyncio.to_thread(check)

    wrong = [f"{one.title}: {one.reason}" for one in found if one.status in (Status.ERROR, Status.CRITICAL)]
    assert wrong == []
    assert sum(one.status is Status.SUCCESS for one in found) > 20


async def test_who_is_told_of_is_a_member_and_who_is_not_active_any_more_is_out_at_once(client: Client) -> None:
    mail = f"rosa@{client.company.domain}"
    status, user = await client.create(mail, displayName="Rosa Lind", externalId="7")
    assert (status, user["active"], await client.members()) == (201, True, ["developer"])
    browser = await signed_in(client)
    assert (await browser.get("/console/team")).status == 200

    status, user = await client.patch(user["id"], {"op": "replace", "path": "active", "value": False})

    assert (status, user["active"], await client.members()) == (200, False, [])
    assert (await browser.get("/console/team")).headers["location"].startswith("/console/sign-in?")
    assert (
        await client.company.fetch("SELECT FROM main.sessions WHERE account_id = $1", client.company.account_id)
    ) == []
    log = [(action, kind) for action, kind, _ in await client.company.log() if action.startswith("member.")]
    assert log == [("member.added", "connection"), ("member.removed", "connection")]

    status, user = await client.patch(user["id"], {"op": "Replace", "value": {"active": "True"}})  # as Entra ID writes
    assert (status, await client.members()) == (200, ["developer"])
    assert (await browser.get("/console/team")).status == 303  # the old session did not come back


async def test_deleting_a_user_ends_the_membership_in_this_account_and_leaves_the_others(client: Client) -> None:
    mail = f"rosa@{client.company.domain}"
    other = await company_of(client.company.site, oidc("https://login.example.com"))
    person_id = await other.add_member(mail, password=PASSWORD)
    _, user = await client.create(mail)
    here, there = await signed_in(client), await signed_in(client, account_id=other.account_id)

    status, _ = await client.ask("DELETE", f"Users/{user['id']}")

    assert status == 204
    assert (await here.get("/console/team")).status == 303
    assert (await there.get("/console/team")).status == 200
    left = await other.fetch("SELECT account_id FROM main.members WHERE person_id = $1", person_id)
    assert [row["account_id"] for row in left] == [other.account_id]
    assert (await client.ask("GET", f"Users/{user['id']}"))[0] == 404
    assert (await client.ask("DELETE", f"Users/{user['id']}"))[0] == 404


async def test_who_was_a_member_before_keeps_their_role_and_is_linked(client: Client) -> None:
    mail = f"Rosa@{client.company.domain}"
    await client.company.add_member(mail, role="admin")

    status, user = await client.create(mail.lower())

    assert (status, await client.members()) == (201, ["admin"])
    await client.patch(user["id"], {"op": "replace", "path": "active", "value": False})
    assert await client.members() == []


async def test_the_last_owner_stays_whatever_a_provider_says(client: Client) -> None:
    mail = f"rosa@{client.company.domain}"
    await client.company.add_member(mail, role="owner")

    status, refused = await client.create(mail, active=False)
    assert (status, "needs an owner" in refused["detail"]) == (409, True)
    _, user = await client.create(mail)

    for status, refused in (
        await client.patch(user["id"], {"op": "replace", "path": "active", "value": False}),
        await client.ask("PUT", f"Users/{user['id']}", {"userName": mail, "active": False}),
        await client.ask("DELETE", f"Users/{user['id']}"),
    ):
        assert (status, refused["status"], "needs an owner" in refused["detail"]) == (409, "409", True)
    assert await client.members() == ["owner"]
    assert (await client.ask("GET", f"Users/{user['id']}"))[1]["active"] is True


async def test_a_wrong_token_opens_nothing_and_a_new_one_ends_the_old(client: Client, site: Site) -> None:
    fresh = await client_of(client.company)
    for token in (
        client.token,
        "",
        "scim_",
        f"scim_{'a' * 43}",
        f"{fresh.token}a",
        site.test_key,
        f"{fresh.token}\x00",
    ):
        reply = await Client(client.company, token).raw("GET", "Users", None)
        assert reply.status in (400, 401), token
    reply = await client.raw("GET", "Users", None)
    assert (reply.status, reply.headers["content-type"]) == (401, "application/scim+json")
    assert json.loads(reply.body)["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert (await fresh.ask("GET", "Users"))[0] == 200


async def test_users_of_another_account_are_nowhere(client: Client) -> None:
    mail = f"rosa@{client.company.domain}"
    _, user = await client.create(mail)
    stranger = await client_of(await company_of(client.company.site, oidc("https://login.example.com")))

    for method, body in (("GET", None), ("PUT", {"userName": mail}), ("DELETE", None)):
        assert (await stranger.ask(method, f"Users/{user['id']}", body))[0] == 404, method
    assert (await stranger.patch(user["id"], {"op": "replace", "path": "active", "value": False}))[0] == 404
    asked = quote(f'userName eq "{mail}"')
    assert (await stranger.ask("GET", f"Users?filter={asked}"))[1]["totalResults"] == 0
    assert (await stranger.ask("GET", "Users"))[1]["totalResults"] == 0
    assert await client.members() == ["developer"]
    status, refused = await stranger.create(mail)  # their domain is not this one's to speak for
    assert (status, refused["scimType"]) == (400, "invalidValue")


async def test_a_user_is_found_by_user_name_and_a_filter_is_never_more_than_that(client: Client) -> None:
    mail = f"rosa@{client.company.domain}"
    _, user = await client.create(mail)
    await client.create(f"otto@{client.company.domain}")

    async def found(text: str) -> tuple[int, Any]:
        status, answer = await client.ask("GET", f"Users?filter={quote(text)}")
        return status, answer.get("totalResults", answer.get("scimType"))

    assert await found(f'userName eq "{mail}"') == (200, 1)
    assert await found(f'USERNAME EQ "{mail.upper()}"') == (200, 1)
    assert await found('userName eq "nobody@example.com"') == (200, 0)
    assert await found("userName eq \"x' OR '1'='1\"") == (200, 0)
    assert await found(r'userName eq "\u0022 or userName pr"') == (200, 0)
    for injected in (
        f'userName eq "{mail}" or active eq true', 'userName sw "r"', "userName pr", 'userName eq "x" or (1 eq 1)', "",
        'userName eq "a" "b"', "userName eq x", 'id eq "1"', 'userName eq "\\x"', "(" * 2000, "a" * 7000,
    ):  # fmt: skip
        assert await found(injected) == (400, "invalidFilter"), injected[:60]
    assert user["userName"] == mail


async def test_pages_are_counted_from_one(client: Client) -> None:
    for number in range(5):
        await client.create(f"user-{number}@{client.company.domain}")

    async def page(query: str) -> tuple[int, int, list[str]]:
        _, answer = await client.ask("GET", f"Users?{query}")
        names = [one["userName"].partition("@")[0] for one in answer["Resources"]]
        return answer["totalResults"], answer["startIndex"], names

    assert await page("startIndex=2&count=2") == (5, 2, ["user-1", "user-2"])
    assert await page("startIndex=5&count=10") == (5, 5, ["user-4"])
    assert await page("count=0") == (5, 1, [])
    assert await page("startIndex=-3&count=1") == (5, 1, ["user-0"])
    assert await page("startIndex=99") == (5, 99, [])
    assert (await client.ask("GET", "Users?count=many"))[0] == 400


async def test_the_same_user_twice_is_a_conflict_also_of_two_at_once(client: Client) -> None:
    mail = f"rosa@{client.company.domain}"

    answers = await asyncio.gather(*(client.create(mail) for _ in range(4)))

    assert sorted(status for status, _ in answers) == [201, 409, 409, 409]
    assert {told["scimType"] for status, told in answers if status == 409} == {"uniqueness"}


BAD: list[tuple[object, str | None]] = [
    ({}, "invalidValue"),
    ({"userName": None}, "invalidValue"),
    ({"userName": "rosa"}, "invalidValue"),
    ({"userName": 7}, "invalidValue"),
    ({"userName": "rosa@foreign.example.net"}, "invalidValue"),
    ({"userName": "rosa@{domain}", "active": "perhaps"}, "invalidValue"),
    ({"userName": "rosa@{domain}", "displayName": "x" * 201}, "invalidValue"),
    ({"userName": "rosa@{domain}", "displayName": "a\nb"}, "invalidValue"),
    ({"userName": "rosa@{domain}", "name": "Rosa"}, "invalidValue"),
    ({"userName": "rosa@{domain}", "nothingWeKnow": 1}, "invalidPath"),
    ([], "invalidSyntax"),
    ("text", "invalidSyntax"),
]


async def test_what_cannot_be_a_user_is_refused_with_scims_own_word(client: Client) -> None:
    for body, word in BAD:
        told = json.loads(json.dumps(body).replace("{domain}", client.company.domain))
        status, answer = await client.ask("POST", "Users", told)
        assert (status, answer.get("scimType")) == (400, word), body
    assert (await client.raw("POST", "Users", b"{")).status == 400
    assert (await client.raw("POST", "Users", b"[" * 20_000)).status == 400
    assert (await client.raw("POST", "Users", b"{}", Content_Type="text/plain")).status == 415
    assert await client.members() == []


async def test_a_patch_is_done_whole_or_not_at_all(client: Client) -> None:
    _, user = await client.create(f"rosa@{client.company.domain}", displayName="Rosa")
    off, name = {"op": "replace", "path": "active", "value": False}, {"op": "add", "path": "displayName", "value": "R"}

    for operations, word in (
        ([off, {"op": "remove"}], "noTarget"),
        ([off, {"op": "replace", "path": "userName", "value": f"eve@{client.company.domain}"}], "mutability"),
        ([off, {"op": "replace", "path": "no such thing", "value": 1}], "invalidPath"),
        ([off, {"op": "replace", "path": "active[", "value": True}], "invalidPath"),
        ([off, {"op": "move", "path": "active"}], "invalidSyntax"),
        ([off, name] * 51, "invalidSyntax"),
        ([], "invalidSyntax"),
        ([off, 7], "invalidSyntax"),
    ):
        status, answer = await client.patch(user["id"], *operations)
        assert (status, answer["scimType"]) == (400, word), operations
    assert (await client.members(), (await client.ask("GET", f"Users/{user['id']}"))[1]["displayName"]) == (
        ["developer"], "Rosa",
    )  # fmt: skip

    status, changed = await client.patch(
        user["id"], name, {"op": "Add", "path": 'emails[type eq "work"].value', "value": "else@example.net"},
        {"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "x"},
        {"op": "replace", "value": {"name.givenName": "Rosa", "name": {"familyName": "Lind"}}},
    )  # fmt: skip
    assert status == 200
    assert (changed["displayName"], changed["name"]) == ("R", {"givenName": "Rosa", "familyName": "Lind"})
    assert changed["emails"] == [{"value": f"rosa@{client.company.domain}", "primary": True}]


async def test_a_huge_body_is_refused_before_it_is_read(client: Client) -> None:
    huge = json.dumps({"userName": f"rosa@{client.company.domain}", "title": "x" * (BODY_MAX + 1)}).encode()
    reply = await client.raw("POST", "Users", huge)

    assert (reply.status, json.loads(reply.body)["status"]) == (413, "413")
    assert await client.members() == []


async def test_addresses_and_methods_that_there_are_not_are_told_as_scim_tells_them(client: Client) -> None:
    for method, path, status in (
        ("GET", "Nowhere", 404), ("GET", "Users/usr_x", 404), ("GET", "Users/../../v1/messages", 404),
        ("POST", "Schemas", 405), ("PUT", "Users", 405), ("POST", "Bulk", 405), ("GET", "Schemas/urn:x", 404),
        ("GET", "Groups", 200), ("GET", "ServiceProviderConfig", 200), ("GET", "ResourceTypes/User", 200),
        ("GET", "Schemas?filter=x", 403),
    ):  # fmt: skip
        reply = await client.raw(method, path, b"{}" if method != "GET" else None)
        assert (reply.status, reply.headers["content-type"]) == (status, "application/scim+json"), path


async def test_nobody_is_named_in_clear_in_what_is_stored(client: Client) -> None:
    mail = f"hidden.person@{client.company.domain}"
    await client.create(mail, displayName="Hidden Person", externalId="hidden-77")

    for table in ("scim_users", "people", "members", "audit_log", "audit_personal", "sso_identities", "sso_domains"):
        rows = await client.company.fetch(f"SELECT t::text FROM main.{table} t")  # noqa: S608  # names above
        assert rows or table == "sso_identities", table
        for (row,) in rows:
            plain = row + "".join(bytes.fromhex(part).decode("latin-1") for part in hexes(row))
            assert "hidden" not in plain.lower(), table


def hexes(row: str) -> list[str]:
    return [part.split('"')[0].split(",")[0].split(")")[0] for part in row.split("\\x")[1:]]


async def signed_in(client: Client, *, account_id: UUID | None = None) -> Browser:
    """A browser with a session, as a sign-in would have left it."""
    site = client.company.site
    found = await client.company.fetch(
        "SELECT person_id FROM main.members WHERE account_id = $1", account_id or client.company.account_id
    )
    pool = site.house.runtime.main
    async with pool.acquire() as conn:
        session = await Sessions(pool, site.house.vault).begin(
            conn, person_id=found[0]["person_id"], account_id=account_id or client.company.account_id,
            place=Place("Firefox on Linux", "192.0.2.0/24"), factors=1,
        )  # fmt: skip
    browser = client.company.browser()
    browser.cookies["sendigopro_session"] = session.token
    return browser
