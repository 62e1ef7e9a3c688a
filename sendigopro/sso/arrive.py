"""Who comes in by a provider: found by the connection and its subject, the first time by a verified address."""

from uuid import UUID

from sendigopro.accounts import people, people_store
from sendigopro.accounts.company import domain_mac, domain_of
from sendigopro.accounts.member_log import by_member, note_member
from sendigopro.accounts.people import NAME_MAX, read_mail
from sendigopro.accounts.sessions import NewSession, Place, Sessions
from sendigopro.audit.model import Action, Actor, ActorKind, By, Facts
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Invalid
from sendigopro.sso import scim_store, store
from sendigopro.sso.model import PREFIX, Connection, Identity, refused
from sendigopro.vault.macs import EMAIL
from sendigopro.vault.vault import Vault


async def let_in(
    conn: Conn, vault: Vault, sessions: Sessions, connection: Connection, identity: Identity, *, place: Place
) -> NewSession:
    """A session of the connection's account; in the caller's transaction. `Refused` says why not."""
    mail = await checked_mail(conn, vault, connection, identity)
    await refuse_who_was_let_go(conn, vault, connection, mail)
    person_id = await find_person(conn, vault, connection, identity, mail)
    await make_member(conn, vault, connection, person_id, mail)
    session = await sessions.begin(
        conn, person_id=person_id, account_id=connection.account_id, place=place, factors=identity.factors,
        connection_id=connection.id, proved_at=identity.proved_at,
    )  # fmt: skip
    facts: Facts = {
        "session": ids.typed("ses", session.id), "factors": identity.factors,
        "connection": ids.typed(PREFIX, connection.id),
    }  # fmt: skip
    await note_member(
        conn, vault, Action.SESSION_STARTED, account_id=connection.account_id, person_id=person_id,
        by=by_member(person_id), facts=facts,
    )  # fmt: skip
    return session


async def checked_mail(conn: Conn, vault: Vault, connection: Connection, identity: Identity) -> str:
    """Their address, if the connection speaks for its domain."""
    try:
        mail = read_mail(identity.mail)
    except Invalid as error:
        raise refused("sso_no_mail") from error
    mac = await domain_mac(vault, domain_of(mail))
    if not await store.speaks_for(conn, account_id=connection.account_id, connection_id=connection.id, mac=mac):
        raise refused("sso_foreign_domain")
    return mail


async def refuse_who_was_let_go(conn: Conn, vault: Vault, connection: Connection, mail: str) -> None:
    """Whom SCIM ended stays out, also while the provider itself still lets them in."""
    name_mac = await scim_name_mac(vault, connection.account_id, mail)
    is_active = await scim_store.lock_active(
        conn, account_id=connection.account_id, connection_id=connection.id, name_mac=name_mac
    )
    if is_active is False:
        raise refused("sso_let_go")


async def find_person(conn: Conn, vault: Vault, connection: Connection, identity: Identity, mail: str) -> UUID:
    """By subject; else by address, and from then on by subject. Who is nobody yet is made, if that is allowed."""
    account_id, connection_id = connection.account_id, connection.id
    subject_mac = await vault.idempotency_mac(account_id, f"sso subject|{connection_id}|{identity.subject}")
    known = await store.find_identity(conn, account_id=account_id, connection_id=connection_id, subject_mac=subject_mac)
    if known is not None:
        return known
    stored = await people_store.find_person(conn, mail_mac=await people.mail_mac(vault, mail))
    if stored is not None:
        person_id = stored.id
    elif connection.choices.joins:
        person_id = await make_person(conn, vault, mail=mail, name=identity.name)
    else:
        raise refused("sso_not_a_member")
    role = await people_store.role_of(conn, account_id=account_id, person_id=person_id)
    if role is None and not connection.choices.joins:
        raise refused("sso_not_a_member")
    is_new = await store.insert_identity(
        conn, account_id=account_id, connection_id=connection_id, subject_mac=subject_mac, person_id=person_id
    )
    if not is_new:
        # The provider gave the address to somebody else: they are not who had it before.
        raise refused("sso_other_subject")
    return person_id


async def make_person(conn: Conn, vault: Vault, *, mail: str, name: str) -> UUID:
    """Somebody without a credential of their own."""
    person_id = ids.new()
    sealed_mail = await people.seal(vault, person_id, "mail", mail)
    sealed_name = await people.seal(vault, person_id, "name", shown_name(name, mail))
    mac = await people.mail_mac(vault, mail)
    if await store.insert_person(conn, person_id=person_id, mail_mac=mac, mail=sealed_mail, name=sealed_name):
        return person_id
    stored = await people_store.find_person(conn, mail_mac=mac)
    if stored is None:  # there, but may sign in no more
        raise refused("sso_let_go")
    return stored.id


async def make_member(conn: Conn, vault: Vault, connection: Connection, person_id: UUID, mail: str) -> None:
    """Who is one stays as they are; who is none becomes one, if the account wants that."""
    account_id = connection.account_id
    if await people_store.role_of(conn, account_id=account_id, person_id=person_id) is not None:
        return
    if not connection.choices.joins or await people_store.read_person(conn, person_id=person_id) is None:
        raise refused("sso_not_a_member")
    await join(conn, vault, connection, person_id, mail)


async def join(conn: Conn, vault: Vault, connection: Connection, person_id: UUID, mail: str) -> None:
    role = connection.choices.default_role
    if await store.insert_member(conn, account_id=connection.account_id, person_id=person_id, role=role):
        await note_member(
            conn, vault, Action.MEMBER_ADDED, account_id=connection.account_id, person_id=person_id,
            by=by_connection(connection), facts={"role": role}, mail=mail,
        )  # fmt: skip


async def scim_name_mac(vault: Vault, account_id: UUID, mail: str) -> bytes:
    await vault.load_account(account_id)
    return vault.lookup_mac(account_id, EMAIL, mail.casefold())


def by_connection(connection: Connection, request_id: str | None = None) -> By:
    return By(Actor(ActorKind.CONNECTION, connection.id), request_id)


def shown_name(name: str, mail: str) -> str:
    """What the provider calls them; where it says nothing that can be shown, what stands before the @."""
    name = " ".join(name.split())
    return name if 0 < len(name) <= NAME_MAX and name.isprintable() else mail.rpartition("@")[0]
