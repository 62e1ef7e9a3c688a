"""Reading about traffic and reading about people are two things, and the API keeps them apart."""

import msgspec
import pytest

from sendigopro.accounts.model import SCOPES
from sendigopro.accounts.roles import Permission
from sendigopro.messages.model import Status
from tests.web.conftest import Site
from tests.web.serving import Reply

TO, MASKED, TEXT, NOTE = "+447400123456", "+44••••••••56", "the plan is secret ✈", "about Ada Lovelace"
PERSONAL = ("subjects.read", "bodies.read")
OPERATION = [one for one in SCOPES if one not in PERSONAL]


@pytest.fixture
async def sent(site: Site) -> str:
    """A message that was delivered, and answered."""
    await site.house.start_worker()
    asked = {"to": TO, "body": TEXT, "metadata": {"note": NOTE}, "tags": ["spring"]}
    made = await site.ask("POST", "/v1/messages", asked)
    message_id: str = msgspec.json.decode(made.body)["id"]
    await site.house.until(message_id, Status.DELIVERED)
    return message_id


def places(message_id: str) -> list[tuple[str, str]]:
    one = f"/v1/messages/{message_id}"
    return [
        ("GET", "/v1/messages"), ("GET", one), ("GET", f"{one}/events"), ("GET", f"{one}/explain"),
        ("GET", "/v1/events"), ("GET", "/v1/webhook-deliveries"), ("GET", "/v1/privacy/requests"),
        ("GET", "/v1/audit-log"), ("POST", f"{one}/cancel"),
    ]  # fmt: skip


async def answers(site: Site, message_id: str, *scopes: str) -> list[Reply]:
    key = await site.new_key(*scopes)
    return [await site.ask(method, path, key=key) for method, path in places(message_id)]


async def test_a_key_without_personal_scopes_is_told_everything_but_whom_and_what(site: Site, sent: str) -> None:
    for answered in await answers(site, sent, *OPERATION):
        assert answered.status in (200, 409)
        said = answered.body.decode()
        assert not [word for word in (TO, TO[4:], TEXT, "✈", NOTE, "Ada") if word in said], said
    key = await site.new_key(*OPERATION)
    one = msgspec.json.decode((await site.ask("GET", f"/v1/messages/{sent}", key=key)).body)
    assert (one["to"], one["body"], one["metadata"], one["tags"]) == (MASKED, None, {}, ["spring"])
    assert one["masked"] == ["to", "body", "metadata"]
    assert one["status"] == "delivered"


async def test_each_scope_opens_its_own_side_and_nothing_more(site: Site, sent: str) -> None:
    path = f"/v1/messages/{sent}"
    for scope, opened in (("subjects.read", (TO, None, {})), ("bodies.read", (MASKED, TEXT, {"note": NOTE}))):
        key = await site.new_key("messages.read", scope)
        one = msgspec.json.decode((await site.ask("GET", path, key=key)).body)
        assert (one["to"], one["body"], one["metadata"]) == opened
    whole = msgspec.json.decode((await site.ask("GET", path)).body)
    assert (whole["to"], whole["body"], "masked" in whole) == (TO, TEXT, False)


async def test_the_package_of_a_person_needs_both(site: Site) -> None:
    path = "/v1/privacy/requests/prq_01h455vb4pex5vsknk084sn02q/package"
    for lacking in PERSONAL:
        key = await site.new_key(*[one for one in SCOPES if one != lacking])
        answered = await site.ask("GET", path, key=key)
        assert answered.status == 403
        assert lacking in answered.body.decode()
    assert (await site.ask("GET", path)).status == 404


def test_what_keys_and_members_may_has_the_same_words() -> None:
    assert set(SCOPES) <= set(Permission)


async def test_who_reads_about_people_by_a_key_is_on_the_audit_log_before_the_answer(site: Site, sent: str) -> None:
    async def entries() -> list[dict[str, object]]:
        log = msgspec.json.decode((await site.ask("GET", "/v1/audit-log?limit=100")).body)["data"]
        return [one["facts"] for one in log if one["action"] == "personal.read"]

    blind, seeing = await site.new_key(*OPERATION), await site.new_key("messages.read", "subjects.read")
    before = await entries()
    for key in (blind, seeing, seeing, seeing):
        for path in (f"/v1/messages/{sent}", "/v1/messages"):
            assert (await site.ask("GET", path, key=key)).status == 200
    assert (await entries())[: -len(before) or None] == [{"what": ["subjects.read"]}]
