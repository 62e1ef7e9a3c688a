"""What a provider's SCIM client may do: say who belongs to the account, and who does not any more.

Whoever is not active is no member, and signed out, with the same commit. Their other accounts stay; who belongs to none
any more is forgotten by the hourly job, with what SCIM told of them.
"""

import json
import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from sendigopro.accounts import people, people_store
from sendigopro.accounts.member_log import note_member
from sendigopro.audit.model import Action, By
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn, as_account
from sendigopro.foundation.problems import Conflict, NotFound
from sendigopro.runtime import Runtime
from sendigopro.sso import arrive, scim_store, store
from sendigopro.sso.model import Connection, Identity, Refused
from sendigopro.sso.scim_store import StoredUser
from sendigopro.sso.scim_user import User, full_name, is_active, wrong
from sendigopro.vault.vault import Vault

PREFIX: Final = "usr"
TABLE, COLUMN = "scim_users", "content"
PAGE_MAX: Final = 200
FILTER: Final = re.compile(r'\s*userName\s+eq\s+("(?:[^"\\]|\\.)*")\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Listed:
    """A user, and when it was made and changed."""

    stored: StoredUser
    user: User


class Scim:
    """One per process; every method takes the connection first, and sees nothing of any other."""

    def __init__(self, runtime: Runtime, vault: Vault) -> None:
        self._runtime = runtime
        self._vault = vault

    async def create(self, connection: Connection, user: User, *, by: By) -> Listed:
        """A person and, if they are active, a member; who is one already stays as they are."""
        account_id, user_id = connection.account_id, ids.new()
        content = await self._sealed(account_id, user_id, user)
        async with self._runtime.main.acquire() as conn, conn.transaction():
            mail = await self._own_mail(conn, connection, user)
            person_id = await self._person(conn, mail, full_name(user))
            stored = await scim_store.insert_user(
                conn, account_id=account_id, user_id=user_id, connection_id=connection.id, person_id=person_id,
                name_mac=await arrive.scim_name_mac(self._vault, account_id, mail), content=content,
                is_active=is_active(user),
            )  # fmt: skip
            if stored is None:
                raise Conflict("not_unique", "There is a user of this userName already: look with a filter.")
            if is_active(user):
                await self._join(conn, connection, person_id, mail, by=by)
        if not is_active(user):
            await self._end_or_undo(connection, stored, by=by)
        return Listed(stored, user)

    async def read(self, connection: Connection, user_id: UUID) -> Listed:
        async with as_account(self._runtime.door, connection.account_id) as conn:
            stored = await self._stored(conn, connection, user_id)
        return await self._opened(connection, stored)

    async def page(
        self, connection: Connection, *, filter_: str | None, start: int, count: int
    ) -> tuple[int, list[Listed]]:
        """How many there are, and a page of them."""
        if filter_ is not None:
            found = await self._find(connection, filter_)
            page = found[start - 1 : start - 1 + count]
            return len(found), [await self._opened(connection, one) for one in page]
        async with as_account(self._runtime.door, connection.account_id) as conn:
            total, rows = await scim_store.list_users(
                conn, account_id=connection.account_id, connection_id=connection.id, skip=start - 1,
                limit=min(count, PAGE_MAX),
            )  # fmt: skip
        return total, [await self._opened(connection, one) for one in rows]

    async def change(self, connection: Connection, listed: Listed, user: User, *, by: By) -> Listed:
        """As it is now; who is active no more is out with this transaction."""
        account_id, user_id = connection.account_id, listed.stored.id
        content = await self._sealed(account_id, user_id, user)
        async with as_account(self._runtime.door, account_id) as conn:
            stored = await self._stored(conn, connection, user_id, is_locked=True)
            if stored.changed_at != listed.stored.changed_at:
                raise Conflict("changed_meanwhile", "This user was changed meanwhile. Read it, then change it.")
            changed = await scim_store.update_user(
                conn, account_id=account_id, user_id=user_id, content=content, is_active=is_active(user)
            )
            if changed is None:
                raise not_found()
            if is_active(user):
                await self._join(conn, connection, stored.person_id, user["userName"], by=by)
            else:
                await self._end(conn, connection, stored.person_id, by=by, how="deactivated")
        await self._rename(connection, stored.person_id, listed.user, user)
        return Listed(changed, user)

    async def delete(self, connection: Connection, user_id: UUID, *, by: By) -> None:
        async with as_account(self._runtime.door, connection.account_id) as conn:
            stored = await self._stored(conn, connection, user_id, is_locked=True)
            await scim_store.delete_user(conn, account_id=connection.account_id, user_id=user_id)
            await self._end(conn, connection, stored.person_id, by=by, how="deleted")

    # Parts

    async def _own_mail(self, conn: Conn, connection: Connection, user: User) -> str:
        try:
            return await arrive.checked_mail(conn, self._vault, connection, Identity("", user["userName"], "", 1, None))
        except Refused as error:
            raise wrong("invalid_value", "userName is of a domain that is not verified for this connection.") from error

    async def _person(self, conn: Conn, mail: str, name: str) -> UUID:
        stored = await people_store.find_person(conn, mail_mac=await people.mail_mac(self._vault, mail))
        if stored is not None:
            return stored.id
        try:
            return await arrive.make_person(conn, self._vault, mail=mail, name=name)
        except Refused as error:
            raise Conflict("let_go", "This person may sign in no more. Ask whoever runs this installation.") from error

    async def _join(self, conn: Conn, connection: Connection, person_id: UUID, mail: str, *, by: By) -> None:
        role = connection.choices.default_role
        if await store.insert_member(conn, account_id=connection.account_id, person_id=person_id, role=role):
            await note_member(
                conn, self._vault, Action.MEMBER_ADDED, account_id=connection.account_id, person_id=person_id, by=by,
                facts={"role": role, "scim": "activated"}, mail=mail,
            )  # fmt: skip

    async def _end(self, conn: Conn, connection: Connection, person_id: UUID, *, by: By, how: str) -> None:
        """The membership; the database ends their sessions in this account with it (migration 0018)."""
        account_id = connection.account_id
        owners = await people_store.lock_owners(conn, account_id=account_id)
        role = await people_store.lock_role(conn, account_id=account_id, person_id=person_id)
        if role is None:
            return
        if owners == [person_id]:
            raise Conflict("last_owner", "An account needs an owner. Make somebody else one first, in the console.")
        await people_store.delete_member(conn, account_id=account_id, person_id=person_id)
        await store.delete_identities(conn, account_id=account_id, person_id=person_id)
        await note_member(
            conn, self._vault, Action.MEMBER_REMOVED, account_id=account_id, person_id=person_id, by=by,
            facts={"before": role, "scim": how},
        )  # fmt: skip

    async def _end_or_undo(self, connection: Connection, stored: StoredUser, *, by: By) -> None:
        """Who was a member before and is told of as inactive; where that cannot be, nothing was told."""
        try:
            async with as_account(self._runtime.door, connection.account_id) as conn:
                await self._end(conn, connection, stored.person_id, by=by, how="deactivated")
        except Conflict:
            async with as_account(self._runtime.door, connection.account_id) as conn:
                await scim_store.delete_user(conn, account_id=connection.account_id, user_id=stored.id)
            raise

    async def _rename(self, connection: Connection, person_id: UUID, before: User, user: User) -> None:
        """What the team sees, unless the person works for others too: their name is not this account's to change."""
        name = full_name(user)
        if not name or name == full_name(before):
            return
        sealed = await people.seal(self._vault, person_id, "name", arrive.shown_name(name, user["userName"]))
        async with self._runtime.main.acquire() as conn:
            await scim_store.rename(conn, account_id=connection.account_id, person_id=person_id, name=sealed)

    async def _find(self, connection: Connection, filter_: str) -> list[StoredUser]:
        match = FILTER.fullmatch(filter_)
        if match is None:
            raise wrong("invalid_filter", 'The one filter here is: userName eq "name@example.com".')
        try:
            name = json.loads(match[1])
        except ValueError as error:
            raise wrong("invalid_filter", "The value of the filter is no JSON string.") from error
        mac = await arrive.scim_name_mac(self._vault, connection.account_id, str(name))
        async with as_account(self._runtime.door, connection.account_id) as conn:
            stored = await scim_store.find_user(
                conn, account_id=connection.account_id, connection_id=connection.id, name_mac=mac
            )
        return [] if stored is None else [stored]

    async def _stored(
        self, conn: Conn, connection: Connection, user_id: UUID, *, is_locked: bool = False
    ) -> StoredUser:
        stored = await scim_store.read_user(
            conn, account_id=connection.account_id, connection_id=connection.id, user_id=user_id, is_locked=is_locked
        )
        if stored is None:
            raise not_found()
        return stored

    async def _sealed(self, account_id: UUID, user_id: UUID, user: User) -> bytes:
        return await self._vault.seal_account(account_id, TABLE, COLUMN, user_id, msgspec.json.encode(user))

    async def _opened(self, connection: Connection, stored: StoredUser) -> Listed:
        clear = await self._vault.open_account(connection.account_id, TABLE, COLUMN, stored.id, stored.content)
        return Listed(stored, msgspec.json.decode(clear, type=dict))


def not_found() -> NotFound:
    return NotFound("user_not_found", "There is no such user in this connection.")
