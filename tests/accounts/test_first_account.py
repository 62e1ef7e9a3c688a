"""The account `up` makes can be used at once, and is made once."""

from pathlib import Path

import asyncpg
from argon2 import PasswordHasher

from sendigopro.accounts.first import create_first_account
from sendigopro.accounts.keys import Callers
from sendigopro.vault.keys import FileKeys
from sendigopro.vault.vault import Vault
from tests.databases import Databases


async def test_its_keys_are_callers_and_a_second_time_makes_new_keys_for_the_same_account(
    databases: Databases, tmp_path: Path
) -> None:
    owner = await databases.main("owner")
    main = await asyncpg.create_pool(databases.main_url, user="pipeline", min_size=1, max_size=2)
    pool = await asyncpg.create_pool(databases.vault_url, user="pipeline", min_size=1, max_size=2)
    vault = Vault(pool, FileKeys(tmp_path / "keys"))
    callers = Callers(main)

    first = await create_first_account(owner, vault)
    again = await create_first_account(owner, vault)
    test = await callers.authenticate(f"Bearer {first.test_key}".encode())
    live = await callers.authenticate(f"bearer {again.live_key}")
    password_hash = await owner.fetchval("SELECT password_hash FROM main.members")

    assert first.account_id == again.account_id == test.account_id == live.account_id
    assert (test.mode, live.mode) == (0, 1)
    assert "messages.write" in test.scopes
    assert live.account.body_retention_days == 30
    assert PasswordHasher().verify(password_hash, again.member_password)
    assert first.test_key not in repr(first)
    await vault.close()
    await pool.close()
    await main.close()
