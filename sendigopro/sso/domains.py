"""Whose a mail domain is: shown by a record in the domain name system, or said by whoever runs the installation."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from sendigopro.accounts.company import domain_mac
from sendigopro.foundation.addresses import NAME
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Conflict, Invalid, NotFound
from sendigopro.sso import store
from sendigopro.sso.model import Domain
from sendigopro.vault.model import PLATFORM
from sendigopro.vault.vault import Vault

TextRecords = Callable[[str], Awaitable[Sequence[str]]]
"""Name in, its TXT records out; none where there is no such name."""
LABEL: Final = "_sendigopro"
VALUE: Final = "sendigopro-verification="
RESOLVE_SECONDS: Final = 5.0
TABLE, COLUMN = "sso_domains", "domain"


def read_domain(text: str) -> str:
    domain = text.strip().removeprefix("@").rstrip(".").lower()
    if NAME.fullmatch(domain) is None or "." not in domain:
        raise Invalid(
            "invalid_domain", "This is no mail domain. Write what stands behind the @: example.com.", param="domain"
        )
    return domain


async def record_of(vault: Vault, account_id: UUID, domain: str) -> tuple[str, str]:
    """Name and value of the record that shows whose it is: another one for each account, and nothing to keep."""
    value = await vault.idempotency_mac(PLATFORM, f"sso domain|{account_id}|{domain}")
    return f"{LABEL}.{domain}", VALUE + value.hex()


async def claim(conn: Conn, vault: Vault, *, account_id: UUID, connection_id: UUID, domain: str) -> None:
    """Say that it is ours; good for nothing before it is shown."""
    mac = await domain_mac(vault, domain)
    sealed = await vault.seal_account(account_id, TABLE, COLUMN, connection_id, domain.encode())
    if not await store.insert_domain(conn, account_id=account_id, connection_id=connection_id, mac=mac, domain=sealed):
        raise Conflict(
            "domain_claimed", "The account has this domain already, with this connection or another.", param="domain"
        )


async def is_shown(vault: Vault, text_records: TextRecords, *, account_id: UUID, domain: str) -> bool:
    """Whether the record stands there."""
    name, value = await record_of(vault, account_id, domain)
    return value in [one.strip() for one in await text_records(name)]


async def verified(conn: Conn, vault: Vault, *, account_id: UUID, domain: str) -> None:
    """It was shown, or the operator says so. A domain belongs to one account only: the first that shows it."""
    try:
        found = await store.verify_domain(conn, account_id=account_id, mac=await domain_mac(vault, domain))
    except asyncpg.UniqueViolationError as error:
        raise Conflict(
            "domain_taken", "Another account has shown that this domain is its. Ask whoever runs this installation.",
            param="domain",
        ) from error  # fmt: skip
    if not found:
        raise NotFound("domain_not_found", "The account has not claimed this domain.", param="domain")


async def list_all(conn: Conn, vault: Vault, *, account_id: UUID) -> list[Domain]:
    return [
        Domain(
            connection_id,
            mac,
            (await vault.open_account(account_id, TABLE, COLUMN, connection_id, sealed)).decode(),
            at,
        )
        for connection_id, mac, sealed, at in await store.list_domains(conn, account_id=account_id)
    ]


async def ask_text_records(name: str) -> Sequence[str]:
    """By the machine's own name servers. Raises `Conflict` when none answers: that is not the same as no record."""
    import dns.asyncresolver  # noqa: PLC0415  # for a question now and then, not for every process
    import dns.exception  # noqa: PLC0415  # as above
    import dns.resolver  # noqa: PLC0415  # as above

    try:
        answer = await dns.asyncresolver.resolve(name, "TXT", lifetime=RESOLVE_SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise Conflict(
            "domain_unresolved", "No name server answers for this domain now. Try again in a few minutes."
        ) from error
    return [b"".join(record.strings).decode("ascii", "replace") for record in answer]
