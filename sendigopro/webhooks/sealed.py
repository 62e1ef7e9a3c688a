"""Sealing and opening what endpoints keep: URLs, descriptions, signing secrets."""

from collections.abc import Sequence
from uuid import UUID

from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Pool
from sendigopro.vault.vault import Vault
from sendigopro.webhooks import store
from sendigopro.webhooks.model import SECRETS_TABLE, TABLE, Endpoint, EndpointRow, SecretRow
from sendigopro.webhooks.sign import key_of, new_secret


async def seal_text(vault: Vault, account_id: UUID, column: str, endpoint_id: UUID, text: str) -> bytes:
    return await vault.seal_account(account_id, TABLE, column, endpoint_id, text.encode())


async def seal_secret(vault: Vault, account_id: UUID, secret_id: UUID, secret: str) -> bytes:
    return await vault.seal_account(account_id, SECRETS_TABLE, "secret", secret_id, secret.encode())


async def open_url(vault: Vault, row: EndpointRow) -> str:
    return (await vault.open_account(row.account_id, TABLE, "url", row.id, row.url)).decode()


async def open_endpoint(vault: Vault, row: EndpointRow) -> Endpoint:
    """An endpoint as its account may see it."""
    description = ""
    if row.description is not None:
        opened = await vault.open_account(row.account_id, TABLE, "description", row.id, row.description)
        description = opened.decode()
    return Endpoint(
        row.account_id, row.id, row.mode, await open_url(vault, row), row.event_types, description, row.is_enabled,
        row.disabled_reason, row.failing_since, row.created_at,
    )  # fmt: skip


async def open_secret(vault: Vault, account_id: UUID, row: SecretRow) -> str:
    return (await vault.open_account(account_id, SECRETS_TABLE, "secret", row.id, row.secret)).decode()


async def open_keys(vault: Vault, account_id: UUID, rows: Sequence[SecretRow]) -> dict[UUID, tuple[bytes, ...]]:
    """By endpoint, the keys to sign with, the newest first."""
    keys: dict[UUID, tuple[bytes, ...]] = {}
    for row in rows:
        key = key_of(await open_secret(vault, account_id, row))
        keys[row.endpoint_id] = (*keys.get(row.endpoint_id, ()), key)
    return keys


async def ensure_callback(pool: Pool, vault: Vault, *, account_id: UUID, mode: int) -> None:
    """Make the row and secret that sign an account's callbacks, once."""
    endpoint_id, secret_id = ids.new(), ids.new()
    sealed = await seal_secret(vault, account_id, secret_id, new_secret())
    async with pool.acquire() as conn, conn.transaction():
        await store.enter_account(conn, account_id=account_id)
        if await store.insert_callback(conn, account_id=account_id, mode=mode, endpoint_id=endpoint_id):
            await store.insert_secret(
                conn, account_id=account_id, endpoint_id=endpoint_id, secret_id=secret_id, secret=sealed
            )
