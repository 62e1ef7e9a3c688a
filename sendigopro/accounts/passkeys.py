"""Passkeys: to ask a browser for one, and to check what it answers (WebAuthn level 3, §7). One is two factors."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from sendigopro.accounts import passkey_store, people_store
from sendigopro.accounts.passkey_store import StoredPasskey
from sendigopro.accounts.sign_in import read, written
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Conflict, Invalid, Unauthenticated
from sendigopro.foundation.randomness import random_bytes
from sendigopro.vault.model import PLATFORM
from sendigopro.vault.sealing import UnreadableError
from sendigopro.vault.vault import Vault

SIGN_IN, PROOF, REGISTER = "sign_in", "proof", "register"
TICKET: Final = ("passkeys", "ticket")
TICKET_LIFE: Final = timedelta(minutes=5)
CHALLENGE_BYTES: Final = 32
ANSWER_MAX: Final = 16_000
NAME: Final = ("passkeys", "name")
NAME_MAX: Final = 60
PER_PERSON_MAX: Final = 20
PREFIX: Final = "pky"


@dataclass(frozen=True, slots=True)
class Place:
    """Where passkeys are good: browsers hold them to this name, and say at which origin they were used."""

    rp_id: str
    origin: str


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """What was asked; sealed, in the browser, until it answers."""

    use: str
    challenge: bytes
    person_id: UUID | None
    ends_at: int


@dataclass(frozen=True, slots=True)
class Asked:
    """For the browser: what its authenticator is to do, and what it must bring back with the answer."""

    options: str
    ticket: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """One that was just made, and checked."""

    credential_id: bytes = field(repr=False)
    public_key: bytes = field(repr=False)
    sign_count: int
    name: str = field(repr=False)


def place_of(url: str) -> Place | None:
    """None where browsers know no passkeys: at a bare number, and without TLS but on this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        is_safe = parts.scheme == "https" or host == "localhost"
        return Place(host, f"{parts.scheme}://{parts.netloc}".lower()) if host and is_safe else None
    return None


async def ask_to_register(
    vault: Vault, place: Place, *, person_id: UUID, mail: str, name: str, known: Sequence[StoredPasskey] = ()
) -> Asked:
    """For a new one of this person; an authenticator that has one already is not asked again."""
    from webauthn import generate_registration_options, options_to_json  # noqa: PLC0415  # 10 MB saved until then
    from webauthn.helpers import structs  # noqa: PLC0415  # the same

    challenge = random_bytes(CHALLENGE_BYTES)
    options = generate_registration_options(
        rp_id=place.rp_id,
        rp_name="SendiGoPro",
        user_id=person_id.bytes,
        user_name=mail,
        user_display_name=name,
        challenge=challenge,
        timeout=_millis(),
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=one.credential_id) for one in known],
    )
    return Asked(options_to_json(options), await _ticket(vault, REGISTER, challenge, person_id))


async def ask(
    vault: Vault, place: Place, use: str, *, person_id: UUID | None = None, known: Sequence[StoredPasskey] = ()
) -> Asked:
    """To show one: whichever the browser has for us, or one of these."""
    from webauthn import generate_authentication_options, options_to_json  # noqa: PLC0415  # as above
    from webauthn.helpers import structs  # noqa: PLC0415  # the same

    challenge = random_bytes(CHALLENGE_BYTES)
    options = generate_authentication_options(
        rp_id=place.rp_id,
        challenge=challenge,
        timeout=_millis(),
        allow_credentials=[structs.PublicKeyCredentialDescriptor(id=one.credential_id) for one in known],
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return Asked(options_to_json(options), await _ticket(vault, use, challenge, person_id))


async def read_new(
    conn: Conn, vault: Vault, place: Place, *, ticket: str, answer: str, person_id: UUID, name: str
) -> NewPasskey:
    """Check what an authenticator made for this person; in the caller's transaction, which uses the challenge up."""
    from webauthn import verify_registration_response  # noqa: PLC0415  # as above
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415  # the same

    asked = await _read_ticket(vault, ticket, REGISTER)
    if asked is None or asked.person_id != person_id or len(answer) > ANSWER_MAX:
        raise not_made()
    try:
        made = verify_registration_response(
            credential=answer,
            expected_challenge=asked.challenge,
            expected_rp_id=place.rp_id,
            expected_origin=place.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise not_made() from error
    await _use(conn, asked, not_made())
    return NewPasskey(made.credential_id, made.credential_public_key, made.sign_count, read_name(name))


async def put(conn: Conn, vault: Vault, *, person_id: UUID, passkey: NewPasskey) -> UUID:
    """Keep it, in the caller's transaction."""
    passkey_id = ids.new()
    is_new = await passkey_store.insert(
        conn,
        person_id=person_id,
        passkey_id=passkey_id,
        credential_id=passkey.credential_id,
        public_key=passkey.public_key,
        sign_count=passkey.sign_count,
        name=await vault.seal_account(PLATFORM, *NAME, passkey_id, passkey.name.encode()),
    )
    if not is_new:
        raise Conflict("passkey_known", "This passkey is in use already.", param="passkey")
    return passkey_id


async def refuse_too_many(conn: Conn, *, person_id: UUID) -> None:
    """In the transaction that adds one."""
    await people_store.lock_person(conn, person_id=person_id)
    if len(await passkey_store.list_of(conn, person_id=person_id)) >= PER_PERSON_MAX:
        raise Conflict("too_many_passkeys", f"{PER_PERSON_MAX} passkeys are enough. Remove one first.")


async def remove(conn: Conn, *, person_id: UUID, passkey_id: UUID) -> bool:
    """False when there was none. Never the last thing somebody can sign in with; two at once take turns."""
    stored = await people_store.lock_person(conn, person_id=person_id)
    known = [one.id for one in await passkey_store.list_of(conn, person_id=person_id)]
    if known == [passkey_id] and (stored is None or stored.password_hash is None):
        raise Conflict("last_credential", "You sign in with this one alone. Set a password first.")
    return await passkey_store.delete(conn, person_id=person_id, passkey_ids=[passkey_id]) > 0


async def name_of(vault: Vault, stored: StoredPasskey) -> str:
    return (await vault.open_account(PLATFORM, *NAME, stored.id, stored.name)).decode()


async def read_shown(conn: Conn, vault: Vault, place: Place, use: str, *, ticket: str, answer: str) -> UUID:
    """Whose passkey was shown; in the caller's transaction, in which its counter and the challenge are used up.

    The same refusal for one that is unknown, of another origin, answered before, or whose counter went back.
    """
    from webauthn import verify_authentication_response  # noqa: PLC0415  # as above
    from webauthn.helpers import parse_authentication_credential_json  # noqa: PLC0415  # the same
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415  # the same

    asked = await _read_ticket(vault, ticket, use)
    if asked is None or len(answer) > ANSWER_MAX:
        raise refused()
    try:
        shown = parse_authentication_credential_json(answer)
        stored = await passkey_store.lock(conn, credential_id=shown.raw_id)
        if stored is None or asked.person_id not in (None, stored.person_id):
            raise refused()
        if shown.response.user_handle not in (None, stored.person_id.bytes):
            raise refused()
        done = verify_authentication_response(
            credential=shown,
            expected_challenge=asked.challenge,
            expected_rp_id=place.rp_id,
            expected_origin=place.origin,
            credential_public_key=stored.public_key,
            credential_current_sign_count=stored.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise refused() from error
    await _use(conn, asked, refused())
    await passkey_store.note_use(
        conn, person_id=stored.person_id, passkey_id=stored.id, sign_count=done.new_sign_count, now=clock.now()
    )
    return stored.person_id


def read_name(text: str) -> str:
    """What its owner calls it."""
    name = text.strip() or "Passkey"
    if len(name) > NAME_MAX or not name.isprintable():
        raise Invalid("invalid_name", f"A passkey's name has up to {NAME_MAX} printable characters.", param="name")
    return name


def refused() -> Unauthenticated:
    return Unauthenticated("wrong_passkey", "This passkey opens nothing here. Try again, or sign in another way.")


def not_made() -> Invalid:
    return Invalid("passkey_not_made", "The passkey was not made. Try again.", param="passkey")


# What the browser keeps for us


async def _ticket(vault: Vault, use: str, challenge: bytes, person_id: UUID | None) -> str:
    ends_at = int((clock.now() + TICKET_LIFE).timestamp())
    packed = msgspec.msgpack.encode(Ticket(use, challenge, person_id, ends_at))
    return written(await vault.seal_account(PLATFORM, *TICKET, PLATFORM, packed))


async def _read_ticket(vault: Vault, text: str, use: str) -> Ticket | None:
    """None for one that is over, for something else, or not ours."""
    try:
        packed = await vault.open_account(PLATFORM, *TICKET, PLATFORM, read(text))
        ticket = msgspec.msgpack.decode(packed, type=Ticket)
    except (ValueError, UnreadableError, msgspec.MsgspecError):
        return None
    return ticket if ticket.use == use and ticket.ends_at >= clock.now().timestamp() else None


async def _use(conn: Conn, ticket: Ticket, problem: Invalid | Unauthenticated) -> None:
    ends_at = clock.now() + TICKET_LIFE
    if not await passkey_store.use_challenge(conn, challenge_hash=sha256(ticket.challenge).digest(), ends_at=ends_at):
        raise problem


def _millis() -> int:
    return int(TICKET_LIFE.total_seconds() * 1000)
