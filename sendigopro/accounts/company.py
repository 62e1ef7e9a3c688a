"""Whose company lets them in by its own provider only: asked at every other way in."""

from uuid import UUID

from sendigopro.accounts import company_store
from sendigopro.accounts.people_store import StoredPerson
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import NotAllowed
from sendigopro.vault.model import PLATFORM
from sendigopro.vault.vault import Vault


def domain_of(mail: str) -> str:
    """Behind the @, in small letters: a domain is no person."""
    return mail.rpartition("@")[2].lower()


async def domain_mac(vault: Vault, domain: str) -> bytes:
    """By which a mail domain is found, in every account alike: it belongs to one of them."""
    return await vault.idempotency_mac(PLATFORM, f"mail domain|{domain}")


async def refuse_other_ways(conn: Conn, vault: Vault, stored: StoredPerson) -> None:
    """`NotAllowed` for who must come by their company's provider; an owner's own credential opens all the same."""
    mail = (await vault.open_account(PLATFORM, "people", "mail", stored.id, stored.mail)).decode()
    if await is_required(conn, vault, person_id=stored.id, mail=mail):
        raise NotAllowed(
            "company_sign_in_needed", "Your company lets you in by its own provider only: sign in with your company."
        )


async def is_required(conn: Conn, vault: Vault, *, person_id: UUID, mail: str) -> bool:
    mac = await domain_mac(vault, domain_of(mail))
    return await company_store.is_bound(conn, person_id=person_id, domain_mac=mac)
