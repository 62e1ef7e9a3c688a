"""People who sign in: found by their address, sealed under the installation's own key, members of accounts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sendigopro.accounts import people_store
from sendigopro.accounts.passwords import check_password, hash_password
from sendigopro.accounts.people_store import StoredPerson
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Invalid
from sendigopro.vault.macs import EMAIL
from sendigopro.vault.model import PLATFORM
from sendigopro.vault.vault import Vault

ROLES: Final = ("owner", "admin", "developer", "billing", "agent", "privacy_officer", "viewer")
MAIL_MAX: Final = 254  # RFC 5321, 4.5.3.1.3, less the brackets
LOCAL_PART_MAX: Final = 64  # 4.5.3.1.1
NAME_MAX: Final = 200
TABLE: Final = "people"


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is, in clear."""

    id: UUID
    mail: str = field(repr=False)
    name: str = field(repr=False)
    has_password: bool
    has_totp: bool
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Membership:
    """An account somebody works for."""

    account_id: UUID
    role: str


def read_mail(text: str, *, param: str = "email") -> str:
    """An address as it is kept and found: RFC 5321's limits, one @, no spaces; its domain in small letters."""
    mail = text.strip()
    local, at, domain = mail.rpartition("@")
    is_address = (
        bool(at and local and domain)
        and len(mail) <= MAIL_MAX
        and len(local) <= LOCAL_PART_MAX
        and mail.isprintable()
        and not any(letter.isspace() or letter in '<>",;' for letter in mail)
        and "." in domain.strip(".")
        and "@" not in local
    )
    if not is_address:
        raise Invalid("invalid_email", "This is no mail address. Write it like name@example.com.", param=param)
    return f"{local}@{domain.lower()}"


def read_name(text: str, *, param: str = "name") -> str:
    name = text.strip()
    if not name or len(name) > NAME_MAX or not name.isprintable():
        raise Invalid("invalid_name", f"A name has 1 to {NAME_MAX} printable characters.", param=param)
    return name


async def mail_mac(vault: Vault, mail: str) -> bytes:
    """By which a person is found: upper and lower case are one."""
    await vault.load_account(PLATFORM)
    return vault.lookup_mac(PLATFORM, EMAIL, mail.casefold())


async def put_person(conn: Conn, vault: Vault, *, mail: str, name: str, password: str | None) -> UUID:
    """Add somebody, or give who has this address this name and password; in the caller's transaction."""
    person_id = ids.new()
    if password is not None:
        check_password(password, about=[mail, name])
    return await people_store.upsert_person(
        conn,
        person_id=person_id,
        mail_mac=await mail_mac(vault, mail),
        mail=await seal(vault, person_id, "mail", mail),
        name=await seal(vault, person_id, "name", name),
        password_hash=None if password is None else await hash_password(password),
    )


async def seal(vault: Vault, person_id: UUID, column: str, text: str) -> bytes:
    return await vault.seal_account(PLATFORM, TABLE, column, person_id, text.encode())


async def totp_secret(vault: Vault, person_id: UUID, sealed: bytes) -> bytes:
    return await vault.open_account(PLATFORM, TABLE, "totp_secret", person_id, sealed)


async def seal_totp_secret(vault: Vault, person_id: UUID, secret: bytes) -> bytes:
    return await vault.seal_account(PLATFORM, TABLE, "totp_secret", person_id, secret)


async def opened(vault: Vault, stored: StoredPerson) -> Person:
    mail = await vault.open_account(PLATFORM, TABLE, "mail", stored.id, stored.mail)
    name = b"" if stored.name is None else await vault.open_account(PLATFORM, TABLE, "name", stored.id, stored.name)
    return Person(
        stored.id,
        mail.decode(),
        name.decode(),
        has_password=stored.password_hash is not None,
        has_totp=stored.totp_secret is not None,
        confirmed_at=stored.confirmed_at,
    )


async def memberships(conn: Conn, *, person_id: UUID) -> Sequence[Membership]:
    """Open accounts that this person works for; the oldest first."""
    return [Membership(*row) for row in await people_store.list_memberships(conn, person_id=person_id)]
