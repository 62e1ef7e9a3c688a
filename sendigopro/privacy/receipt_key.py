"""What this installation signs receipts with: made when it is first asked for, sealed under its own key."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Pool
from sendigopro.privacy import requests_store
from sendigopro.privacy.receipts import pem_of, raw_of
from sendigopro.vault.vault import PLATFORM, Vault

TABLE, COLUMN = "receipt_keys", "secret"


async def signing_key(pool: Pool, vault: Vault) -> tuple[bytes, bytes]:
    """(public, secret), 32 bytes each."""
    async with pool.acquire() as conn:
        found = await requests_store.read_receipt_key(conn)
    if found is None:
        fresh, key_id = Ed25519PrivateKey.generate(), ids.new()
        sealed = await vault.seal_account(PLATFORM, TABLE, COLUMN, key_id, fresh.private_bytes_raw())
        async with pool.acquire() as conn:
            await requests_store.insert_receipt_key(
                conn, key_id=key_id, public=raw_of(fresh.public_key()), secret=sealed
            )
            found = await requests_store.read_receipt_key(conn)
    if found is None:
        raise RuntimeError("the key of receipts vanished while it was made")
    key_id, public, sealed = found
    return public, await vault.open_account(PLATFORM, TABLE, COLUMN, key_id, sealed)


async def public_key_pem(pool: Pool, vault: Vault) -> str:
    """What everybody may verify receipts with."""
    public, _ = await signing_key(pool, vault)
    return pem_of(public)
