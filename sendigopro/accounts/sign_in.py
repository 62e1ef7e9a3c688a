"""Signing in: password, then a second factor where there is one. Nobody learns from it which addresses exist."""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from sendigopro.accounts import people, people_store, second_factor
from sendigopro.accounts.company import refuse_other_ways
from sendigopro.accounts.member_log import by_member, note_member
from sendigopro.accounts.passwords import hash_password, is_outdated, is_right
from sendigopro.accounts.people_store import StoredPerson
from sendigopro.accounts.sessions import NewSession, Place, Sessions
from sendigopro.accounts.throttle import Throttle
from sendigopro.audit.model import Action
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Pool
from sendigopro.foundation.problems import Invalid, NotAllowed, Unauthenticated
from sendigopro.foundation.randomness import random_bytes
from sendigopro.vault.model import PLATFORM
from sendigopro.vault.sealing import UnreadableError
from sendigopro.vault.vault import Vault

HALF_WAY_LIFE: Final = timedelta(minutes=10)
"""How long the second factor may take after the password."""
HALF_WAY: Final = ("sign_in", "half_way")
DEVICE_BYTES: Final = 16
DEVICE_LENGTH_MAX: Final = 200


class HalfWay(msgspec.Struct, frozen=True, array_like=True):
    """That somebody has shown their password; sealed, in the browser, until the second factor comes."""

    person_id: UUID
    password_hash_tag: bytes
    """Of the hash that was right: a password that was changed meanwhile ends it."""
    ends_at: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Done: what the browser is given."""

    person_id: UUID
    session: NewSession
    device: str = field(repr=False)
    """For the next time: a browser that is known is not slowed by what others do."""


@dataclass(frozen=True, slots=True)
class SecondFactorNeeded:
    """Half way: what the browser must bring back with a code."""

    ticket: str = field(repr=False)


class SignIn:
    """One per process."""

    def __init__(self, pool: Pool, vault: Vault, sessions: Sessions) -> None:
        self._pool = pool
        self._vault = vault
        self._sessions = sessions
        self._throttle = Throttle(pool, vault)

    async def by_password(
        self, *, mail: str, password: str, place: Place, peer: str, device: str | None
    ) -> SignedIn | SecondFactorNeeded:
        """The same refusal, after the same time, for an unknown address, a wrong password, and nowhere to go."""
        mac = await people.mail_mac(self._vault, mail)
        counted = await self._throttle.counts_of(mail=mail, peer=peer, device=await self._known(device, mac))
        await self._throttle.refuse_hasty(counted)
        async with self._pool.acquire() as conn:
            stored = await people_store.find_person(conn, mail_mac=mac)
        if not await is_right(password, None if stored is None else stored.password_hash) or stored is None:
            await self._throttle.note_failure(counted)
            raise refused()
        if stored.totp_secret is not None:
            return SecondFactorNeeded(await self._half_way(stored))
        await self._throttle.clear(counted)
        return await self._begin(stored, mac, place, factors=1, password=password)

    async def by_code(
        self, *, ticket: str, code: str, mail: str, place: Place, peer: str, device: str | None
    ) -> SignedIn:
        """The second step: a code of the authenticator, or one of those on paper."""
        half_way = await self._read_half_way(ticket)
        mac = await people.mail_mac(self._vault, mail)
        counted = await self._throttle.counts_of(mail=mail, peer=peer, device=await self._known(device, mac))
        await self._throttle.refuse_hasty(counted)
        async with self._pool.acquire() as conn:
            stored = await people_store.find_person(conn, mail_mac=mac)
        if stored is None or stored.id != half_way.person_id or tag_of(stored) != half_way.password_hash_tag:
            raise begin_again()
        if not await self.is_second_factor(stored, code):
            await self._throttle.note_failure(counted)
            raise Invalid("wrong_code", "This code is wrong, or was used before. Take the next one.", param="code")
        await self._throttle.clear(counted)
        return await self._begin(stored, mac, place, factors=2)

    async def is_second_factor(self, stored: StoredPerson, code: str) -> bool:
        """Whether it is good, and now used up: the same code never opens twice."""
        async with self._pool.acquire() as conn:
            if stored.totp_secret is not None:
                secret = await self._vault.open_account(
                    PLATFORM, people.TABLE, "totp_secret", stored.id, stored.totp_secret
                )
                step = second_factor.step_of(secret, code, now=clock.now(), last_step=stored.totp_step)
                if step is not None:
                    return await people_store.use_totp_step(conn, person_id=stored.id, step=step)
            return await people_store.use_recovery_code(
                conn, person_id=stored.id, code_hash=second_factor.recovery_hash(code)
            )

    async def check_own_password(self, stored: StoredPerson, mail: str, password: str, *, peer: str) -> None:
        """Of who is signed in already, before what is dangerous; guessing is slowed as at the door."""
        counted = await self._throttle.counts_of(mail=mail, peer=peer, device=stored.id.bytes)
        await self._throttle.refuse_hasty(counted)
        if not await is_right(password, stored.password_hash):
            await self._throttle.note_failure(counted)
            raise Invalid("wrong_password", "This is not your password.", param="password")
        await self._throttle.clear(counted)

    async def let_in(self, person_id: UUID, place: Place, *, factors: int) -> SignedIn:
        """Who has proved in another way who they are: by a passkey, or by a link of ours and a new credential."""
        async with self._pool.acquire() as conn:
            stored = await people_store.read_person(conn, person_id=person_id)
        if stored is None:
            raise refused()
        mail = (await people.opened(self._vault, stored)).mail
        return await self._begin(stored, await people.mail_mac(self._vault, mail), place, factors=factors)

    async def _begin(
        self, stored: StoredPerson, mac: bytes, place: Place, *, factors: int, password: str | None = None
    ) -> SignedIn:
        async with self._pool.acquire() as conn, conn.transaction():
            accounts = await people.memberships(conn, person_id=stored.id)
            if not accounts:
                raise NotAllowed("no_account", "You belong to no account any more. Ask its owner to invite you.")
            await refuse_other_ways(conn, self._vault, stored)
            if password is not None and stored.password_hash is not None and is_outdated(stored.password_hash):
                await people_store.set_password(conn, person_id=stored.id, password_hash=await hash_password(password))
            session = await self._sessions.begin(
                conn, person_id=stored.id, account_id=accounts[0].account_id, place=place, factors=factors
            )
            await note_member(
                conn, self._vault, Action.SESSION_STARTED, account_id=accounts[0].account_id, person_id=stored.id,
                by=by_member(stored.id), facts={"session": ids.typed("ses", session.id), "factors": factors},
            )  # fmt: skip
        return SignedIn(stored.id, session, await self._device(mac))

    # What the browser keeps for us

    async def _half_way(self, stored: StoredPerson) -> str:
        ends_at = int((clock.now() + HALF_WAY_LIFE).timestamp())
        packed = msgspec.msgpack.encode(HalfWay(stored.id, tag_of(stored), ends_at))
        return written(await self._vault.seal_account(PLATFORM, *HALF_WAY, PLATFORM, packed))

    async def _read_half_way(self, ticket: str) -> HalfWay:
        try:
            packed = await self._vault.open_account(PLATFORM, *HALF_WAY, PLATFORM, read(ticket))
            half_way = msgspec.msgpack.decode(packed, type=HalfWay)
        except (ValueError, UnreadableError, msgspec.MsgspecError) as error:
            raise begin_again() from error
        if half_way.ends_at < clock.now().timestamp():
            raise begin_again()
        return half_way

    async def _device(self, mail_mac: bytes) -> str:
        number = random_bytes(DEVICE_BYTES)
        return written(number + await self._device_mac(number, mail_mac))

    async def _known(self, device: str | None, mail_mac: bytes) -> bytes | None:
        """The number of a browser in which this person signed in before; of any other, None."""
        if device is None:
            return None
        try:
            raw = read(device)
        except ValueError:
            return None
        number, mac = raw[:DEVICE_BYTES], raw[DEVICE_BYTES:]
        return number if hmac.compare_digest(mac, await self._device_mac(number, mail_mac)) else None

    async def _device_mac(self, number: bytes, mail_mac: bytes) -> bytes:
        return await self._vault.idempotency_mac(PLATFORM, f"device|{number.hex()}|{mail_mac.hex()}")


def tag_of(stored: StoredPerson) -> bytes:
    """Something that changes with the password."""
    return (stored.password_hash or "").encode()[-DEVICE_BYTES:]


def written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read(text: str) -> bytes:
    """`ValueError` for what nobody wrote."""
    if len(text) > DEVICE_LENGTH_MAX:
        raise ValueError("too long")
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError("not ours") from error


def refused() -> Unauthenticated:
    return Unauthenticated("wrong_sign_in", "The address or the password is wrong.")


def begin_again() -> Unauthenticated:
    return Unauthenticated("sign_in_over", "This sign-in took too long, or the password was changed. Begin again.")
