"""A forgotten password: a link by mail, good once and for an hour; with the new one every sign-in before is over."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sendigopro.accounts import coming_store, mails, passkey_store, people, people_store
from sendigopro.accounts.member_log import by_member, note_member
from sendigopro.accounts.newcomers import PasswordHash, link_over
from sendigopro.accounts.people import Person
from sendigopro.accounts.sessions import TOKEN_LENGTH, hash_of
from sendigopro.accounts.throttle import Throttle
from sendigopro.audit.model import Action
from sendigopro.foundation import clock
from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.foundation.randomness import token as new_token
from sendigopro.mail.outbox import put_mail
from sendigopro.vault.vault import Vault

LIFE: Final = timedelta(hours=1)


async def ask(pool: Pool, vault: Vault, *, mail: str, url: str, peer: str) -> None:
    """Send a link to who is known; to others nothing. Nobody can tell from the answer."""
    throttle = Throttle(pool, vault)
    network, address = await throttle.counts_of_mails(mail=mail, peer=peer)
    await throttle.refuse_hasty([network])
    is_flooded = await throttle.wait_of([address]) > 0
    await throttle.note_failure([network, address])
    mac, token = await people.mail_mac(vault, mail), new_token(TOKEN_LENGTH)
    async with pool.acquire() as conn, conn.transaction():
        known = await people_store.find_person(conn, mail_mac=mac)
        if known is None or is_flooded:
            return
        # To the address as its owner wrote it, never as it was typed now: two spellings may be two mailboxes.
        address_kept = (await people.opened(vault, known)).mail
        await coming_store.insert_reset(conn, person_id=known.id, token_hash=hash_of(token), ends_at=clock.now() + LIFE)
        await put_mail(conn, vault, mails.reset(address_kept, url=url, token=token))


async def find(conn: Conn, vault: Vault, token: str) -> Person:
    """Whose link it is; `Unauthenticated` when it is over."""
    return await _person(conn, vault, await coming_store.find_reset(conn, token_hash=hash_of(token), now=clock.now()))


async def reset(conn: Conn, vault: Vault, *, token: str, password: PasswordHash, url: str) -> None:
    """In the caller's transaction. Who never showed before that the address is theirs loses what was set up for it.

    Else somebody who was given a link in their place, on an installation without mail, could have left a passkey there.
    """
    now = clock.now()
    person = await _person(conn, vault, await coming_store.take_reset(conn, token_hash=hash_of(token), now=now))
    await people_store.set_password(conn, person_id=person.id, password_hash=password.text)
    if person.confirmed_at is None:
        await passkey_store.delete(conn, person_id=person.id, passkey_ids=None)
        await people_store.set_totp(conn, person_id=person.id, secret=None, step=0)
        await people_store.replace_recovery_codes(conn, person_id=person.id, hashes=[])
        await people_store.confirm_person(conn, person_id=person.id, now=now)
    await people_store.end_sessions(conn, person_id=person.id, ids=None)
    await put_mail(conn, vault, mails.was_reset(person.mail, url=url))
    # In one order, because each entry keeps its account's chain locked until the commit.
    for account_id, _ in sorted(await people_store.list_memberships(conn, person_id=person.id)):
        await note_member(
            conn, vault, Action.MEMBER_SECURED, account_id=account_id, person_id=person.id, by=by_member(person.id),
            facts={"what": "password_reset"},
        )  # fmt: skip


async def _person(conn: Conn, vault: Vault, person_id: UUID | None) -> Person:
    stored = None if person_id is None else await people_store.lock_person(conn, person_id=person_id)
    if stored is None:
        raise link_over()
    return await people.opened(vault, stored)
