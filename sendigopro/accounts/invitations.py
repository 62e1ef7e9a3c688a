"""Invitations: an account asks somebody, by their address, to join it. The link is good once, for a week, for them."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sendigopro.accounts import coming_store, custom_roles, mails, people, people_store
from sendigopro.accounts.coming_store import StoredInvitation
from sendigopro.accounts.member_log import by_member, note_member
from sendigopro.accounts.newcomers import Credential, Newcomer, link_over, put_newcomer
from sendigopro.accounts.people_store import StoredPerson
from sendigopro.accounts.roles import Permission, need_all, need_permission
from sendigopro.accounts.sessions import TOKEN_LENGTH, Signed, hash_of
from sendigopro.audit.model import Action, Facts
from sendigopro.audit.record import record
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Conflict, NotAllowed, NotFound, TooMany
from sendigopro.foundation.randomness import token as new_token
from sendigopro.mail.outbox import put_mail
from sendigopro.vault.vault import Vault

LIFE: Final = timedelta(days=7)
PENDING_MAX: Final = 100
PREFIX: Final = "inv"
COLUMN: Final = ("invitations", "mail")
OWNER: Final = "owner"
RESEND_PAUSE: Final = timedelta(minutes=1)
"""A mailbox is not filled by somebody who clicks."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """One that waits, in clear."""

    account_id: UUID
    id: UUID
    mail: str = field(repr=False)
    mail_mac: bytes = field(repr=False)
    role: str
    is_mailed: bool
    invited_by: UUID
    created_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Sending:
    """How invitations leave: by mail, or, without a server for it, by the hand of who invites."""

    url: str
    by_mail: bool


async def invite(
    conn: Conn, vault: Vault, signed: Signed, *, mail: str, role: str, account: str, sending: Sending
) -> str | None:
    """In a transaction as the account. The link, when it goes by hand: shown once, for a hash of it is kept."""
    await may_invite(conn, signed, role)
    mail_mac = await people.mail_mac(vault, mail)
    waiting = await coming_store.list_invitations(conn, account_id=signed.account_id, now=clock.now())
    before = next((one for one in waiting if one.mail_mac == mail_mac), None)
    if before is not None:
        await may_invite(conn, signed, before.role)  # who may not make an owner does not take an owner's invitation
        if before.role == role and _left_just_now(before):
            return None  # the same form, sent twice
    elif len(waiting) >= PENDING_MAX:
        raise TooMany("too_many_invitations", f"{PENDING_MAX} invitations wait already. Withdraw some first.")
    now, invitation_id = clock.now(), ids.new()
    row = StoredInvitation(
        signed.account_id, invitation_id, mail_mac,
        await vault.seal_account(signed.account_id, *COLUMN, invitation_id, mail.encode()),
        role, sending.by_mail, signed.person_id, now, now + LIFE,
    )  # fmt: skip
    return await _send(conn, vault, row, mail=mail, account=account, sending=sending)


async def resend(
    conn: Conn, vault: Vault, signed: Signed, invitation_id: UUID, *, account: str, sending: Sending
) -> str | None:
    """A new link for another week; the one before is worth nothing."""
    found = await _changeable(conn, signed, invitation_id)
    if _left_just_now(found):
        raise TooMany("invited_just_now", "This invitation left less than a minute ago. Wait for it to arrive.")
    now = clock.now()
    row = StoredInvitation(
        found.account_id, found.id, found.mail_mac, found.mail, found.role, sending.by_mail, signed.person_id, now,
        now + LIFE,
    )  # fmt: skip
    mail = (await _opened(vault, found)).mail
    return await _send(conn, vault, row, mail=mail, account=account, sending=sending)


async def withdraw(conn: Conn, signed: Signed, invitation_id: UUID) -> None:
    """Its link opens nothing any more. Withdrawn twice is withdrawn."""
    try:
        found = await _changeable(conn, signed, invitation_id)
    except NotFound:
        return
    await coming_store.delete_invitation(conn, account_id=signed.account_id, invitation_id=invitation_id)
    await _note(conn, found, signed.person_id, facts={"role": found.role, "withdrawn": True})


async def pending(conn: Conn, vault: Vault, account_id: UUID) -> list[Invitation]:
    rows = await coming_store.list_invitations(conn, account_id=account_id, now=clock.now())
    return [await _opened(vault, row) for row in rows]


async def find(conn: Conn, vault: Vault, token: str) -> Invitation:
    """By its link alone; `Unauthenticated` when it is over, was withdrawn or used."""
    row = await coming_store.find_invitation_of_anyone(conn, token_hash=hash_of(token), now=clock.now())
    if row is None:
        raise link_over()
    return await _opened(vault, row)


async def accept_as_new(conn: Conn, vault: Vault, *, token: str, name: str, credential: Credential) -> Invitation:
    """Somebody who has no sign-in yet, and gets the invitation's id; in the caller's transaction."""
    found = await _take(conn, vault, token)
    confirmed_at = clock.now() if found.is_mailed else None  # a link that went by hand shows nothing of the address
    newcomer = Newcomer(found.id, found.mail, name, confirmed_at=confirmed_at)
    await put_newcomer(conn, vault, newcomer, credential=credential)
    await _join(conn, vault, found, newcomer.id)
    return found


async def accept_as(conn: Conn, vault: Vault, stored: StoredPerson, *, token: str) -> Invitation:
    """Somebody who is signed in, and whose address is the one that was invited."""
    found = await _take(conn, vault, token)
    if not await is_for(vault, found, stored):
        raise NotAllowed("invited_another", "This invitation is for another address than the one you signed in with.")
    if found.is_mailed:
        await people_store.confirm_person(conn, person_id=stored.id, now=clock.now())
    await _join(conn, vault, found, stored.id)
    return found


async def is_for(vault: Vault, invitation: Invitation, stored: StoredPerson) -> bool:
    own = (await people.opened(vault, stored)).mail
    return await people.mail_mac(vault, own) == invitation.mail_mac


async def may_invite(conn: Conn, signed: Signed, role: str | None = None) -> None:
    """With the role of who invites as it is now: owners alone make owners, nobody gives more than they hold."""
    held = await custom_roles.held_now(conn, signed)
    need_permission(held, Permission.CHANGE_MEMBERS)
    if role == OWNER:
        need_permission(held, Permission.CHANGE_OWNERS)
    if role is not None:
        need_all(held, await custom_roles.granted_in(conn, account_id=signed.account_id, role=role))


async def _changeable(conn: Conn, signed: Signed, invitation_id: UUID) -> StoredInvitation:
    await may_invite(conn, signed)
    found = await coming_store.lock_invitation(conn, account_id=signed.account_id, invitation_id=invitation_id)
    if found is None:
        raise NotFound("invitation_not_found", "There is no such invitation any more.", param="invitation")
    await may_invite(conn, signed, found.role)
    return found


async def _send(
    conn: Conn, vault: Vault, row: StoredInvitation, *, mail: str, account: str, sending: Sending
) -> str | None:
    token = new_token(TOKEN_LENGTH)
    invitation_id = await coming_store.put_invitation(conn, row, token_hash=hash_of(token))
    if sending.by_mail:
        await put_mail(conn, vault, mails.invited(mail, url=sending.url, token=token, account=account, role=row.role))
    await _note(
        conn, replace(row, id=invitation_id), row.invited_by, facts={"role": row.role, "by_mail": row.is_mailed}
    )
    return None if sending.by_mail else f"{sending.url}{mails.INVITATION_PATH}?token={token}"


async def _note(conn: Conn, row: StoredInvitation, by: UUID, *, facts: Facts) -> None:
    """Without the address: of who never comes nothing stays. With who comes it stands beside their entry."""
    await record(
        conn, account_id=row.account_id, actor=by_member(by).actor, action=Action.MEMBER_INVITED,
        target=ids.typed(PREFIX, row.id), facts=facts,
    )  # fmt: skip


async def _take(conn: Conn, vault: Vault, token: str) -> Invitation:
    row = await coming_store.take_invitation_of_anyone(conn, token_hash=hash_of(token), now=clock.now())
    if row is None:
        raise link_over()
    return await _opened(vault, row)


async def _join(conn: Conn, vault: Vault, invitation: Invitation, person_id: UUID) -> None:
    """Who belongs to the account already keeps their role: an invitation takes nothing from anybody."""
    is_new = await people_store.insert_member(
        conn, account_id=invitation.account_id, person_id=person_id, role=invitation.role
    )
    if not is_new:
        raise Conflict("member_already", "You belong to this account already.")
    await note_member(
        conn, vault, Action.MEMBER_ADDED, account_id=invitation.account_id, person_id=person_id,
        by=by_member(person_id),
        facts={"role": invitation.role, "way": "invitation", "invitation": ids.typed(PREFIX, invitation.id)},
        mail=invitation.mail,
    )  # fmt: skip


async def _opened(vault: Vault, row: StoredInvitation) -> Invitation:
    mail = (await vault.open_account(row.account_id, *COLUMN, row.id, row.mail)).decode()
    return Invitation(
        row.account_id, row.id, mail, row.mail_mac, row.role, row.is_mailed, row.invited_by, row.created_at, row.ends_at
    )


def _left_just_now(before: StoredInvitation) -> bool:
    return before.is_mailed and before.created_at > clock.now() - RESEND_PAUSE
