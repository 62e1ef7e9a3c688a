"""Every address of the product, asked by everybody whom it is none of the business of.

The routes come from the API's document and the table of pages, the ids from one object of each kind in an account that
is full of words nobody else may see. A route whose parameter has no kind here fails the sweep, so none is forgotten.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import msgspec

from sendigopro.accounts import passkeys, people_store, staff_store
from sendigopro.accounts.create import create_account
from sendigopro.accounts.grants import SEALED
from sendigopro.accounts.keys import create_key
from sendigopro.accounts.model import SCOPES
from sendigopro.accounts.passkeys import PREFIX, NewPasskey
from sendigopro.accounts.people import put_person
from sendigopro.audit.model import BY_OPERATOR
from sendigopro.foundation import ids
from sendigopro.foundation.operations import Operation
from sendigopro.messages.model import Status
from sendigopro.sso import connections
from sendigopro.sso.model import Choices, OidcSettings
from sendigopro.web.app import PAGES, all_operations
from tests.console.test_sign_in_pages import PASSWORD, Browser
from tests.web.conftest import Site
from tests.web.serving import Reply

NUMBER, TEXT, NOTE, URL = "+447400123456", "the plan is secret", "Ada Lovelace", "https://hooks.secret.example/in"
MARKERS: Final = (NUMBER, NUMBER[4:], TEXT, NOTE, "hooks.secret")
"""Words of the one account that nobody else may read, and of its members only who asks and may."""
KINDS: Final[Mapping[str, str]] = {
    "message_id": "msg", "endpoint_id": "we", "request_id": "prq", "phone": "sub", "member": "mem", "account": "acc",
    "grant": "grt", "review": "rev", "sender": "snd",
    "view": "sv", "export": "exp",
    "invitation": "inv", "passkey": "pky", "connection": "sso",
    "key": "key", "endpoint": "we", "event": "evt", "asked": "req",
}  # fmt: skip
"""What a parameter of a path is the id of."""
NAMES_NOTHING: Final[Mapping[str, str]] = {"product": "otp", "clock": "body", "number": "1", "role": "desk"}
"""Parameters that are words or numbers everybody knows, and a value."""
FORMS: Final[Mapping[str, dict[str, str]]] = {
    "/console/handset/{phone}/reply": {"body": "hello"},
    "/console/team/{member}/role": {"role": "owner"},
    "/console/team/{member}/remove": {},
    "/console/senders/{sender}/default": {},
    "/console/access/{grant}/allow": {"hours": "1"},
    "/console/access/{grant}/end": {},
    "/console/staff/accounts/{account}/ask": {"reason": "to see", "hours": "1"},
    "/console/staff/accounts/{account}/enter": {"grant": "grt_00000000000000000000000000"},
    "/console/staff/reviews/{review}/decide": {"decision": "live", "reason": "fine"},
    "/console/messages/{message_id}": {},
    "/console/messages/{message_id}/cancel": {},
    "/console/messages/{message_id}/redact": {},
    "/console/messages/{message_id}/delete": {},
    "/console/messages/{message_id}/resend": {"once": "a" * 32},
    "/console/messages/views/{view}/rename": {"name": "Mine"},
    "/console/messages/views/{view}/delete": {},
    "/console/exports/{export}/download": {},
    "/console/exports/{export}/delete": {},
    "/console/subaccounts/{account}/limits": {"rate": "1", "limit": "1"},
    "/console/subaccounts/{account}/view": {},
    "/console/privacy/requests/{request_id}/approve": {},
    "/console/privacy/requests/{request_id}/cancel": {},
    "/console/privacy/requests/{request_id}/package": {},
    "/console/team/{member}/transfer": {},
    "/console/team/invitations/{invitation}/resend": {},
    "/console/team/invitations/{invitation}/withdraw": {},
    "/console/security/passkeys/{passkey}/remove": {},
    "/console/sso/{connection}/change": {"default_role": "viewer"},
    "/console/sso/{connection}/remove": {},
    "/console/sso/{connection}/domains": {"domain": "example.com"},
    "/console/sso/{connection}/scim": {},
    "/console/sign-in/saml/{connection}": {"SAMLResponse": "eA=="},
    "/console/keys/{key}/networks": {"networks": "203.0.113.0/24"},
    "/console/keys/{key}/revoke": {},
    "/console/webhooks/{endpoint}/change": {"url": "https://example.com/in"},
    "/console/webhooks/{endpoint}/switch": {"on": "no"},
    "/console/webhooks/{endpoint}/test": {},
    "/console/webhooks/{endpoint}/secret": {},
    "/console/webhooks/{endpoint}/rotate": {},
    "/console/webhooks/{endpoint}/delete": {},
    "/console/webhooks/{endpoint}/replay": {"since": "2026-01-01T00:00"},
    "/console/events/{event}/show": {},
}
"""A right form for each page that changes one object: a wrong one would be refused before the id is looked at."""
LIVE_PAGES: Final = ("/stream",)
"""Such pages go on for ever: what they say at once is read."""
PARAMETER: Final = re.compile(r"\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address."""

    method: str
    path: str
    example: Any = None

    @property
    def parameters(self) -> list[str]:
        return PARAMETER.findall(self.path)

    def address(self, known: Mapping[str, str]) -> str:
        """With ids in it; every kind that it needs is known."""
        return PARAMETER.sub(lambda found: NAMES_NOTHING.get(found[1]) or known[KINDS[found[1]]], self.path)


@dataclass(slots=True)
class Scene:
    """An account with one of everything, and a stranger."""

    site: Site
    ids: dict[str, str]
    """Kind → the public id of the account's one object."""
    stranger: UUID
    strangers_key: str
    strangers_browser: Browser
    people: dict[str, UUID]
    tally: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(who asked, what they were told) → how often."""


def api_routes() -> list[Route]:
    return [Route(one.method, one.path, example_of(one)) for one in all_operations()]


def example_of(operation: Operation) -> Any:
    return operation.request_example if operation.method != "GET" else None


def page_routes() -> Iterator[Route]:
    for place in PAGES:
        for route in place.routes:
            for path in sorted(route.paths):
                plain = PARAMETER.sub(lambda found: f"{{{found[1]}}}", path)
                yield from (Route(method, plain) for method in sorted(route.http_methods - {"HEAD", "OPTIONS"}))


async def scene_of(site: Site) -> Scene:
    """Fill the one account, and make the other."""
    await site.house.start_worker()
    sent = await told(site, "POST", "/v1/messages", {"to": NUMBER, "body": TEXT, "metadata": {"note": NOTE}})
    await site.house.until(sent["id"], Status.DELIVERED)
    endpoint = await told(site, "POST", "/v1/webhook-endpoints", {"url": URL, "description": NOTE})
    request = await told(site, "POST", "/v1/privacy/requests", {"type": "access", "identifier": NUMBER, "reason": NOTE})
    owner = await site.databases.main("owner")
    subject = await owner.fetchval("SELECT subject_id FROM main.messages LIMIT 1")
    async with owner.transaction():
        stranger = await create_account(owner, site.house.vault, name="Stranger", currency="EUR")
        assert stranger is not None
        key = await create_key(owner, account_id=stranger, mode=0, scopes=SCOPES, purpose="transactional")
        child = await create_account(owner, site.house.vault, name="Child", parent_id=site.house.account_id)
        assert child is not None
    people = {
        "owner": await member(site, site.house.account_id, "owner"),
        "stranger": await member(site, stranger, "owner", name="stranger"),
    }
    known = {
        "msg": sent["id"], "we": endpoint["id"], "prq": request["id"], "sub": ids.typed("sub", subject),
        "mem": ids.typed("mem", people["owner"]), **await taken_away(site), "inv": await invited(site),
        "pky": await with_passkey(site, people["owner"]), "sso": await connected(site),
        "key": ids.typed("key", await owner.fetchval("SELECT id FROM main.api_keys WHERE account_id <> $1", stranger)),
        **await asked_about_events(site),
        **await asked_for(site, people["owner"]), "acc": ids.typed("acc", child),
    }  # fmt: skip
    browser = Browser(site)
    assert (await browser.sign_in(mail="stranger@example.com")).status == 303
    return Scene(site, known, stranger, key.token, browser, people)


async def asked_about_events(site: Site) -> dict[str, str]:
    """An event, and the request that told of it: it is in the request log."""
    answered = await site.ask("GET", "/v1/events")
    assert site.web.root.requests is not None
    await site.web.root.requests.write()
    event: str = msgspec.json.decode(answered.body)["data"][0]["id"]
    return {"evt": event, "req": answered.headers["request-id"]}


async def asked_for(site: Site, person_id: UUID) -> dict[str, str]:
    """A request of the staff for leave to look in, and one of the account to go live."""
    owner, house = await site.databases.main("owner"), site.house
    grant_id = ids.new()
    await staff_store.insert_grant(
        owner, account_id=house.account_id, grant_id=grant_id, person_id=person_id,
        reason=await house.vault.seal_account(house.account_id, *SEALED, grant_id, b"to see"), hours=1,
    )  # fmt: skip
    sender_id = await owner.fetchval("SELECT id FROM main.senders WHERE account_id = $1", house.account_id)
    return {
        "grt": ids.typed("grt", grant_id),
        "rev": ids.typed("rev", ids.new()), "snd": ids.typed("snd", sender_id),
    }  # fmt: skip


async def taken_away(site: Site) -> dict[str, str]:
    """A saved view and an export of the owner."""
    browser, owner = Browser(site), await site.databases.main("owner")
    assert (await browser.sign_in(mail="owner@example.com")).status == 303
    await browser.post("/console/messages/views", name=NOTE, query="status=delivered")
    await browser.post("/console/exports", query="", format="csv", subjects="yes", bodies="yes")
    view = await owner.fetchval("SELECT id FROM main.saved_views")
    export = await owner.fetchval("SELECT id FROM main.message_exports")
    async with asyncio.timeout(20):  # the worker writes it
        while await owner.fetchval("SELECT count(*) FROM main.message_exports WHERE state = 'ready'") == 0:
            await asyncio.sleep(0.02)
    return {"sv": ids.typed("sv", view), "exp": ids.typed("exp", export)}


async def member(site: Site, account_id: UUID, role: str, *, name: str = "") -> UUID:
    owner = await site.databases.main("owner")
    async with owner.transaction():
        person_id = await put_person(
            owner, site.house.vault, mail=f"{name or role}@example.com", name=f"Somebody {role}", password=PASSWORD
        )
        await people_store.upsert_member(owner, account_id=account_id, person_id=person_id, role=role)
    return person_id


async def invited(site: Site) -> str:
    browser = Browser(site)
    await browser.sign_in(mail="owner@example.com")
    page = await browser.post("/console/team/invitations", email="invited@example.com", role="viewer")
    (found,) = {one[0] for one in re.finditer(r"inv_[0-9a-z]{26}", page.body.decode())}
    return found


async def with_passkey(site: Site, person_id: UUID) -> str:
    owner = await site.databases.main("owner")
    made = NewPasskey(b"an authenticator's number", b"a key", 0, "My phone")
    return ids.typed(PREFIX, await passkeys.put(owner, site.house.vault, person_id=person_id, passkey=made))


async def connected(site: Site) -> str:
    """A provider of the account."""
    owner, house = await site.databases.main("owner"), site.house
    settings = OidcSettings("https://login.secret.example", "client", "hush")
    choices = Choices("viewer", joins=False, is_required=False, is_unasked=False)
    async with owner.transaction():
        made = await connections.add(
            owner, house.vault, account_id=house.account_id, settings=settings, choices=choices, by=BY_OPERATOR
        )
    return ids.typed("sso", made)


async def told(site: Site, method: str, path: str, body: object) -> dict[str, Any]:
    answered = await site.ask(method, path, body)
    assert answered.status < 300, (path, answered.body)
    decoded: dict[str, Any] = msgspec.json.decode(answered.body)
    return decoded


async def visit(browser: Browser, route: Route, known: Mapping[str, str]) -> Reply:
    """As a browser would, with a form that is right."""
    address = route.address(known)
    if route.method == "GET" and address.endswith(LIVE_PAGES):
        return await first_words(browser, address)
    if route.method == "GET":
        return await browser.get(address)
    return await browser.post(address, **FORMS.get(route.path, {}))


async def first_words(browser: Browser, address: str) -> Reply:
    """What a page that goes on for ever says in its first half second."""
    asked = asyncio.create_task(browser.get(address, Accept="text/event-stream"))
    done, _ = await asyncio.wait([asked], timeout=0.5)
    if done:
        return asked.result()
    asked.cancel()
    return Reply(200, {}, b"")


def leaks_in(answered: Reply, *, known: Mapping[str, str] | None = None) -> list[str]:
    """Words, and ids that were not in the question, that an answer must not hold."""
    said = answered.body.decode("utf-8", "replace") + " ".join(answered.headers.values())
    return [word for word in (*MARKERS, *(known or {}).values()) if word in said]


async def state_of(site: Site, account_id: UUID) -> dict[str, str]:
    """A digest of everything an account has, but for when it was looked at last."""
    owner = await site.databases.main("owner")
    tables = await owner.fetch(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'main'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND a.attname = 'account_id' AND NOT a.attisdropped ORDER BY 1"
    )
    # An answer of a provider that was refused is noted: its admin looks there, and anybody may send one.
    passing = "'seen_at', 'last_used_at', 'proved_at', 'updated_at', 'refused', 'refused_at'"
    state = {}
    for (table,) in tables:
        state[table] = await owner.fetchval(
            f"SELECT md5(coalesce(string_agg((to_jsonb(t) - ARRAY[{passing}])::text, '|' ORDER BY t::text), ''))"  # noqa: S608  # names from the catalogue
            f" FROM main.{table} t WHERE account_id = $1",
            account_id,
        )
    return state
