"""Making an account: its name sealed, its purse empty and without a limit."""

from uuid import UUID

from sendigopro.accounts import store
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Invalid
from sendigopro.vault.vault import Vault

NAME_MAX = 200
CURRENCY_LETTERS = 3


async def create_account(
    conn: Conn,
    vault: Vault,
    *,
    name: str,
    currency: str = "EUR",
    is_first: bool = False,
    parent_id: UUID | None = None,
) -> UUID | None:
    """Make it within the caller's transaction, as `owner`; None when it was to be the first and there is one."""
    account_id = ids.new()
    check_name(name)
    check_currency(currency)
    sealed = await vault.seal_account(account_id, "accounts", "name", account_id, name.encode())
    is_made = await store.insert_account(
        conn, account_id=account_id, name=sealed, currency=currency, is_first=is_first, parent_id=parent_id
    )
    if not is_made:
        return None
    await store.insert_credit(conn, account_id=account_id, currency=currency)
    return account_id


async def name_of(vault: Vault, account_id: UUID, sealed: bytes) -> str:
    """An account's name in clear."""
    return (await vault.open_account(account_id, "accounts", "name", account_id, sealed)).decode()


def check_name(name: str) -> None:
    if not name.strip() or len(name) > NAME_MAX or not name.isprintable():
        raise Invalid("invalid_name", f"A name has 1 to {NAME_MAX} printable characters.", param="name")


def check_currency(currency: str) -> None:
    if len(currency) != CURRENCY_LETTERS or not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise Invalid("invalid_currency", "A currency has three letters, as ISO 4217: EUR, USD.", param="currency")
