"""An account's connections to its providers: added, looked at, changed, taken away; each with its entry in the log."""

from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec

from sendigopro.accounts import company, company_store, people_store
from sendigopro.audit.model import Action, By, Facts
from sendigopro.audit.record import record
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Invalid, NotFound
from sendigopro.foundation.randomness import token
from sendigopro.sso import store
from sendigopro.sso.model import PREFIX, Choices, Connection, Kind, OidcSettings, Settings
from sendigopro.sso.store import StoredConnection
from sendigopro.vault.model import PLATFORM
from sendigopro.vault.vault import Vault

TABLE, COLUMN = "sso_connections", "settings"
TOKEN_PREFIX: Final = "scim_"  # noqa: S105  # how one begins
TOKEN_LENGTH: Final = 43
CLIENT_ID_MAX, SECRET_MAX = 255, 1024
CONNECTIONS_MAX: Final = 20


def read_client(client_id: str, client_secret: str) -> tuple[str, str]:
    client_id, client_secret = client_id.strip(), client_secret.strip()
    if not 0 < len(client_id) <= CLIENT_ID_MAX or not client_id.isprintable():
        raise Invalid("invalid_client_id", "Give the client id, as the provider shows it.", param="client_id")
    if not 0 < len(client_secret) <= SECRET_MAX or not client_secret.isprintable():
        raise Invalid(
            "invalid_client_secret", "Give the client secret, as the provider shows it.", param="client_secret"
        )
    return client_id, client_secret


async def add(conn: Conn, vault: Vault, *, account_id: UUID, settings: Settings, choices: Choices, by: By) -> UUID:
    """In the caller's transaction. It signs nobody in before a domain is verified."""
    if len(await store.list_connections(conn, account_id=account_id)) >= CONNECTIONS_MAX:
        raise Invalid(
            "too_many_connections", f"An account has at most {CONNECTIONS_MAX} connections. Remove one first."
        )
    connection_id = ids.new()
    kind = Kind.OIDC if isinstance(settings, OidcSettings) else Kind.SAML
    sealed = await vault.seal_account(account_id, TABLE, COLUMN, connection_id, msgspec.msgpack.encode(settings))
    await store.insert_connection(
        conn, account_id=account_id, connection_id=connection_id, kind=kind, settings=sealed,
        default_role=choices.default_role, joins=choices.joins, is_required=choices.is_required,
        is_unasked=choices.is_unasked,
    )  # fmt: skip
    facts = {"kind": str(kind), **told(choices)}
    await note(conn, Action.SSO_ADDED, account_id=account_id, connection_id=connection_id, by=by, facts=facts)
    return connection_id


async def change(conn: Conn, *, account_id: UUID, connection_id: UUID, choices: Choices, by: By) -> None:
    """What is decided about it; the provider itself stays."""
    found = await store.update_connection(
        conn, account_id=account_id, connection_id=connection_id, default_role=choices.default_role,
        joins=choices.joins, is_required=choices.is_required, is_unasked=choices.is_unasked,
    )  # fmt: skip
    if not found:
        raise not_found()
    await note(conn, Action.SSO_CHANGED, account_id=account_id, connection_id=connection_id, by=by, facts=told(choices))


async def remove(conn: Conn, *, account_id: UUID, connection_id: UUID, by: By) -> None:
    """With its domains and its SCIM token; who came in by it stays a member."""
    if not await store.delete_connection(conn, account_id=account_id, connection_id=connection_id):
        raise not_found()
    await note(conn, Action.SSO_REMOVED, account_id=account_id, connection_id=connection_id, by=by)


async def new_scim_token(conn: Conn, *, account_id: UUID, connection_id: UUID, by: By) -> str:
    """Shown once; the one before is worth nothing any more."""
    clear = TOKEN_PREFIX + token(TOKEN_LENGTH)
    found = await store.set_scim_token(
        conn, account_id=account_id, connection_id=connection_id, token_hash=hash_of(clear)
    )
    if not found:
        raise not_found()
    facts = {"scim": "token_made"}
    await note(conn, Action.SSO_CHANGED, account_id=account_id, connection_id=connection_id, by=by, facts=facts)
    return clear


async def end_scim_token(conn: Conn, *, account_id: UUID, connection_id: UUID, by: By) -> None:
    if not await store.set_scim_token(conn, account_id=account_id, connection_id=connection_id, token_hash=None):
        raise not_found()
    facts = {"scim": "token_ended"}
    await note(conn, Action.SSO_CHANGED, account_id=account_id, connection_id=connection_id, by=by, facts=facts)


async def end_other_sign_ins(conn: Conn, vault: Vault, *, account_id: UUID) -> int:
    """Once a connection is required: whom it binds is signed out where they came in by a password; how many."""
    ended = 0
    for person_id, _ in await people_store.list_members(conn, account_id=account_id):
        stored = await people_store.read_person(conn, person_id=person_id)
        if stored is None:
            continue
        mail = (await vault.open_account(PLATFORM, "people", "mail", stored.id, stored.mail)).decode()
        if await company.is_required(conn, vault, person_id=person_id, mail=mail):
            ended += await company_store.end_own_sessions(conn, account_id=account_id, person_id=person_id)
    return ended


async def opened(vault: Vault, stored: StoredConnection) -> Connection:
    packed = await vault.open_account(stored.account_id, TABLE, COLUMN, stored.id, stored.settings)
    return Connection(
        stored.account_id, stored.id, Kind(stored.kind), msgspec.msgpack.decode(packed, type=Settings),
        Choices(stored.default_role, stored.joins, stored.is_required, stored.is_unasked), stored.created_at,
        stored.refused, stored.refused_at, stored.scim_made_at,
    )  # fmt: skip


async def find(conn: Conn, vault: Vault, *, connection_id: UUID) -> Connection | None:
    stored = await store.find_connection(conn, connection_id=connection_id)
    return None if stored is None else await opened(vault, stored)


async def find_for(conn: Conn, vault: Vault, *, mail: str) -> Connection | None:
    """Who speaks for the domain of this address."""
    mac = await company.domain_mac(vault, company.domain_of(mail))
    stored = await store.find_by_domain(conn, mac=mac)
    return None if stored is None else await opened(vault, stored)


async def note(
    conn: Conn, action: Action, *, account_id: UUID, connection_id: UUID, by: By, facts: Facts | None = None
) -> None:
    """In the transaction of the change, and last in it."""
    await record(
        conn, account_id=account_id, actor=by.actor, action=action, target=ids.typed(PREFIX, connection_id),
        facts=facts, request_id=by.request_id,
    )  # fmt: skip


def told(choices: Choices) -> dict[str, str | bool]:
    return {
        "default_role": choices.default_role, "joins": choices.joins, "is_required": choices.is_required,
        "is_unasked": choices.is_unasked,
    }  # fmt: skip


def hash_of(clear: str) -> bytes:
    return sha256(clear.encode()).digest()


def not_found() -> NotFound:
    return NotFound("connection_not_found", "There is no such connection in this account.")
