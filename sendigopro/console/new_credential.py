"""How somebody new, or back, chooses what to sign in with: a passkey, or a password. Read from the form they send."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from litestar import Request, Response
from litestar.enums import MediaType

from sendigopro.accounts import passkeys
from sendigopro.accounts.newcomers import Credential, PasswordHash
from sendigopro.accounts.passkeys import Asked, Place
from sendigopro.accounts.passwords import check_password, hash_password
from sendigopro.console import visitor
from sendigopro.foundation.problems import NotFound
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

FIELDS = ("password", "passkey", "passkey_name")
"""Of the form, beside what it is about."""

AnyRequest = Request[Any, Any, Any]


async def read_credential(
    request: AnyRequest, runtime: Runtime, vault: Vault, typed: Mapping[str, str], *, about: Sequence[str],
    person_id: UUID,
) -> Credential:  # fmt: skip
    """`Invalid` for a password that is soon guessed, or a passkey that is none."""
    if not typed["passkey"]:
        return await read_password(typed["password"], about=about)
    async with runtime.main.acquire() as conn, conn.transaction():
        return await passkeys.read_new(
            conn, vault, place_of(runtime), ticket=ticket_of(request), answer=typed["passkey"], person_id=person_id,
            name=typed["passkey_name"] or visitor.place_of(request).browser,
        )  # fmt: skip


async def read_password(password: str, *, about: Sequence[str]) -> PasswordHash:
    check_password(password, about=about)
    return PasswordHash(await hash_password(password))


def place_of(runtime: Runtime) -> Place:
    place = passkeys.place_of(runtime.settings.url)
    if place is None:
        raise NotFound("no_passkeys", "Passkeys need an address with a name and TLS. This installation has another.")
    return place


def has_passkeys(runtime: Runtime) -> bool:
    return passkeys.place_of(runtime.settings.url) is not None


def ticket_of(request: AnyRequest) -> str:
    return request.cookies.get(visitor.cookie_name(request, visitor.PASSKEY), "")


def asked(request: AnyRequest, question: Asked) -> Response[str]:
    """What the script hands to the authenticator."""
    seconds = int(passkeys.TICKET_LIFE.total_seconds())
    return Response(
        question.options, media_type=MediaType.JSON, headers={"cache-control": "no-store"},
        cookies=[visitor.cookie(request, visitor.PASSKEY, question.ticket, seconds=seconds)],
    )  # fmt: skip
