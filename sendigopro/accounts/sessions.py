"""Who is signed in: a token in a cookie, its hash in a row, and what ends it (OWASP ASVS 7)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec

from sendigopro.accounts import grants, people_store, roles_store
from sendigopro.accounts.grants import Guest
from sendigopro.accounts.people_store import StoredSession
from sendigopro.accounts.roles import GUESTS, WHILE_CLOSING, Permission, granted_by
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.foundation.problems import NotAllowed, Unauthenticated
from sendigopro.foundation.randomness import token
from sendigopro.vault.model import PLATFORM
from sendigopro.vault.vault import Vault

TOKEN_LENGTH: Final = 43
"""Letters and digits: 256 bits."""
LIFE: Final = timedelta(days=30)
IDLE: Final = timedelta(days=7)
PROOF_LIFE: Final = timedelta(minutes=10)
"""How long a shown credential is good for what is dangerous."""
SEEN_EVERY: Final = timedelta(minutes=1)
PLACE: Final = ("sessions", "place")


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a session began, so that its owner knows it again; sealed."""

    browser: str
    network: str

    def __repr__(self) -> str:
        return "<Place>"


@dataclass(frozen=True, slots=True)
class Signed:
    """Who asks, by a cookie."""

    session_id: UUID
    person_id: UUID
    account_id: UUID
    role: str
    permissions: frozenset[Permission]
    """What the role grants, as it was when the request came."""
    factors: int
    proved_at: datetime
    guest: Guest | None = None
    """Somebody of the staff, who was let in."""
    is_of_parent: bool = False
    """They belong to the account above this one, and so are here."""
    connection_id: UUID | None = None
    """Whose provider let them in; None for a credential of their own."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session just begun: the one time its token is known."""

    id: UUID
    token: str = field(repr=False)
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class ListedSession:
    """A session as its owner sees it."""

    id: UUID
    place: Place
    factors: int
    created_at: datetime
    seen_at: datetime
    is_this: bool


class Sessions:
    """One per process. Nothing is remembered: who is signed out is out with the next request, in every process."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def begin(
        self, conn: Conn, *, person_id: UUID, account_id: UUID, place: Place, factors: int,
        connection_id: UUID | None = None, proved_at: datetime | None = None,
    ) -> NewSession:  # fmt: skip
        """A new one with a new token, whatever the browser had before: nobody can fix it beforehand."""
        session_id, clear, now = ids.new(), token(TOKEN_LENGTH), clock.now()
        ends_at = now + LIFE
        # A provider that does not say when it asked for a credential may have done so long ago.
        shown_at = now if connection_id is None else proved_at or now - PROOF_LIFE
        sealed = await self._vault.seal_account(PLATFORM, *PLACE, session_id, msgspec.msgpack.encode(place))
        await people_store.insert_session(
            conn,
            session_id=session_id,
            person_id=person_id,
            account_id=account_id,
            token_hash=hash_of(clear),
            place=sealed,
            factors=factors,
            ends_at=ends_at,
            proved_at=min(shown_at, now),
            connection_id=connection_id,
        )
        return NewSession(session_id, clear, ends_at)

    async def read(self, clear: str) -> Signed:
        """Who it is; `Unauthenticated` for a token that is none, is over, or whose owner may come in no more."""
        if len(clear) != TOKEN_LENGTH or not clear.isascii():
            raise signed_out()
        now = clock.now()
        async with self._pool.acquire() as conn:
            found = await people_store.find_session(conn, token_hash=hash_of(clear), now=now, idle_since=now - IDLE)
            if found is None:
                raise signed_out()
            guest = None if found.grant_id is None else await grants.guest_of(conn, found)
            standing = await read_standing(conn, found) if guest is None else Standing(guest.role, GUESTS[guest.role])
            if found.seen_at < now - SEEN_EVERY:
                await people_store.touch_session(conn, person_id=found.person_id, session_id=found.id, now=now)
        return Signed(
            found.id, found.person_id, found.account_id, standing.role, standing.permissions, found.factors,
            found.proved_at, guest, standing.is_of_parent, found.connection_id,
        )  # fmt: skip

    async def prove(self, conn: Conn, signed: Signed, *, factors: int) -> str:
        """A credential was shown again: the new token that replaces the old one."""
        clear = token(TOKEN_LENGTH)
        await people_store.prove_session(
            conn,
            person_id=signed.person_id,
            session_id=signed.session_id,
            token_hash=hash_of(clear),
            factors=factors,
            now=clock.now(),
        )
        return clear

    async def list(self, signed: Signed) -> list[ListedSession]:
        """All of this person's, the one seen last first."""
        now = clock.now()
        async with self._pool.acquire() as conn:
            rows = await people_store.list_sessions(conn, person_id=signed.person_id, now=now, idle_since=now - IDLE)
        return [await self._listed(row, signed) for row in rows]

    async def end(self, conn: Conn, *, person_id: UUID, ids: Sequence[UUID] | None, but: UUID | None = None) -> int:
        """Sign out of these, or of all but one; how many there were."""
        return await people_store.end_sessions(conn, person_id=person_id, ids=ids, but=but)

    async def _listed(self, row: StoredSession, signed: Signed) -> ListedSession:
        packed = await self._vault.open_account(PLATFORM, *PLACE, row.id, row.place)
        place = msgspec.msgpack.decode(packed, type=Place)
        return ListedSession(row.id, place, row.factors, row.created_at, row.seen_at, row.id == signed.session_id)


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody is in the account in view, and so may do."""

    role: str
    permissions: frozenset[Permission]
    is_of_parent: bool = False


async def read_standing(conn: Conn, found: StoredSession) -> Standing:
    """By their membership, and that in the account above; `Unauthenticated` for who has neither any more."""
    granted = await roles_store.read_granted(conn, account_id=found.account_id, person_id=found.person_id)
    if not granted:
        raise signed_out()
    first = granted[0]
    permissions = frozenset[Permission]().union(*(granted_by(one.role, one.custom) for one in granted))
    return Standing(first.role, permissions & WHILE_CLOSING if first.is_closing else permissions, first.is_of_parent)


def need_proof(signed: Signed) -> None:
    """Before what is dangerous: the credential must have been shown within ten minutes."""
    if signed.proved_at < clock.now() - PROOF_LIFE:
        raise NotAllowed("proof_needed", "Show your password or passkey once more before you do this.")


def need_own_proof(signed: Signed) -> None:
    """Before a credential is changed: a company's provider speaks for its account, not for a person's other ones."""
    if signed.connection_id is not None:
        raise NotAllowed(
            "own_sign_in_needed",
            "You signed in with your company. Passwords and authenticators are changed after signing in with your own.",
        )
    need_proof(signed)


def hash_of(clear: str) -> bytes:
    return sha256(clear.encode()).digest()


def signed_out() -> Unauthenticated:
    return Unauthenticated("signed_out", "You are not signed in, or no longer. Sign in again.")
