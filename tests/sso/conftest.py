"""A site on which companies sign in, and a browser that keeps its cookies."""

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sendigopro.accounts import people_store
from sendigopro.accounts.create import create_account
from sendigopro.accounts.people import put_person
from sendigopro.audit.model import BY_OPERATOR
from sendigopro.foundation import ids
from sendigopro.foundation.embedded import EmbeddedServer
from sendigopro.sso import connections, domains
from sendigopro.sso.model import PREFIX, Choices, OidcSettings, Settings
from tests.console.test_sign_in_pages import Browser
from tests.databases import Databases, copied
from tests.messages.house import house_of
from tests.sso.providers import CLIENT_ID, CLIENT_SECRET
from tests.web.conftest import Site, site_of

NUMBERS = itertools.count(1)
JOINS = Choices("developer", joins=True, is_required=False, is_unasked=False)


@dataclass(slots=True)
class Company:
    """An account of this test alone, and its connection."""

    site: Site
    account_id: UUID
    connection_id: UUID
    domain: str

    @property
    def id(self) -> str:
        return ids.typed(PREFIX, self.connection_id)

    def browser(self) -> Browser:
        return Browser(self.site)

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        owner = await self.site.databases.main("owner")
        return list(await owner.fetch(query, *args))

    async def add_member(self, mail: str, *, role: str = "viewer", password: str | None = None) -> UUID:
        owner = await self.site.databases.main("owner")
        async with owner.transaction():
            person_id = await put_person(owner, self.site.house.vault, mail=mail, name="Known", password=password)
            await people_store.upsert_member(owner, account_id=self.account_id, person_id=person_id, role=role)
        return person_id

    async def choose(self, choices: Choices) -> None:
        owner = await self.site.databases.main("owner")
        async with owner.transaction():
            await connections.change(
                owner, account_id=self.account_id, connection_id=self.connection_id, choices=choices, by=BY_OPERATOR
            )

    async def log(self) -> list[tuple[str, str, str]]:
        rows = await self.fetch(
            "SELECT action, actor_kind, facts::text FROM main.audit_log WHERE account_id = $1 ORDER BY n",
            self.account_id,
        )
        return [tuple(row) for row in rows]


async def company_of(
    site: Site, settings: Settings, *, domain: str | None = None, choices: Choices = JOINS, is_verified: bool = True
) -> Company:
    """An account with a connection, and a domain that is its own."""
    owner, vault = await site.databases.main("owner"), site.house.vault
    domain = domain or f"company-{next(NUMBERS)}.example.com"
    async with owner.transaction():
        account_id = await create_account(owner, vault, name="Company", currency="EUR")
        assert account_id is not None
        connection_id = await connections.add(
            owner, vault, account_id=account_id, settings=settings, choices=choices, by=BY_OPERATOR
        )
        await domains.claim(owner, vault, account_id=account_id, connection_id=connection_id, domain=domain)
        if is_verified:
            await domains.verified(owner, vault, account_id=account_id, domain=domain)
    return Company(site, account_id, connection_id, domain)


def oidc(issuer: str, *, secret: str = CLIENT_SECRET) -> OidcSettings:
    return OidcSettings(issuer, CLIENT_ID, secret)


@pytest.fixture(scope="module")
def main_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # it migrates
    """One for all tests of a file: each makes an account, and a domain, of its own."""
    yield from copied(server, "main")


@pytest.fixture(scope="module")
def vault_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # it migrates
    """The same."""
    yield from copied(server, "vault")


@pytest.fixture
async def site(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Its providers are on loopback, as the operator allows."""
    folder = keys_folder(databases, tmp_path_factory)
    async with house_of(databases, folder, allow_private_webhooks=True) as house, site_of(house, databases) as built:
        built.web.providers.url = f"http://127.0.0.1:{built.port}"
        yield built


_FOLDERS: dict[str, Path] = {}


def keys_folder(databases: Databases, factory: pytest.TempPathFactory) -> Path:
    """The key store goes with the database that several tests share."""
    if databases.vault_url not in _FOLDERS:
        _FOLDERS[databases.vault_url] = factory.mktemp("keys")
    return _FOLDERS[databases.vault_url]
