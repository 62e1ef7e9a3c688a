"""Somebody new: a person with their first credential, which they choose once their address is known to be theirs."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sendigopro.accounts import passkeys, people, people_store
from sendigopro.accounts.passkeys import NewPasskey
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Conflict, Unauthenticated
from sendigopro.vault.vault import Vault


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """Of a password that was good enough."""

    text: str = field(repr=False)


Credential: TypeAlias = PasswordHash | NewPasskey


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who they are, in clear."""

    id: UUID
    mail: str = field(repr=False)
    name: str = field(repr=False)
    job: str | None = field(default=None, repr=False)
    of_age_at: datetime | None = None
    confirmed_at: datetime | None = None


def factors_of(credential: Credential) -> int:
    """A passkey is what somebody has, and was opened by what they know or are."""
    return 2 if isinstance(credential, NewPasskey) else 1


async def put_newcomer(conn: Conn, vault: Vault, newcomer: Newcomer, *, credential: Credential) -> None:
    """In the caller's transaction. Whoever has this address is not touched: `Conflict`."""
    is_new = await people_store.insert_person(
        conn,
        person_id=newcomer.id,
        mail_mac=await people.mail_mac(vault, newcomer.mail),
        mail=await people.seal(vault, newcomer.id, "mail", newcomer.mail),
        name=await people.seal(vault, newcomer.id, "name", newcomer.name),
        job=None if newcomer.job is None else await people.seal(vault, newcomer.id, "job", newcomer.job),
        password_hash=credential.text if isinstance(credential, PasswordHash) else None,
        of_age_at=newcomer.of_age_at,
        confirmed_at=newcomer.confirmed_at,
    )
    if not is_new:
        raise Conflict("person_known", "This address has a sign-in already. Sign in with it.")
    if isinstance(credential, NewPasskey):
        await passkeys.put(conn, vault, person_id=newcomer.id, passkey=credential)


def link_over() -> Unauthenticated:
    """One answer for a link that is too old, was used, was withdrawn, or never was."""
    return Unauthenticated("link_over", "This link is over: it is too old, or was used already.")
