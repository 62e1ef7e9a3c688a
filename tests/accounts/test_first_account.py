"""The account `up` makes can be used at once, and is made once."""

import asyncio

import asyncpg
from argon2 import PasswordHasher

from sendigopro.accounts.create import name_of
from sendigopro.accounts.first import NAME, create_first_account
from sendigopro.accounts.keys import Callers
from sendigopro.foundation.database_urls import as_role
from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.vault.vault import Vault
from tests.vaults import OpenVault


async def test_its_keys_are_callers_and_its_names_are_sealed(main_owner: Conn, main_pool: Pool, vault: Vault) -> None:
    callers = Callers(main_pool)

    first = await create_first_account(main_owner, vault)
    test = await callers.authenticate(f"Bearer {first.test_key}".encode())
    live = await callers.authenticate(f"bearer {first.live_key}")
    stored = await main_owner.fetchrow(
        "SELECT a.name, p.mail, p.password_hash FROM main.accounts a JOIN main.people p ON true"
    )
    assert stored is not None

    assert (test.account_id, live.account_id) == (first.account_id, first.account_id)
    assert (test.mode, live.mode) == (0, 1)
    assert "messages.write" in test.scopes
    assert NAME.encode() not in stored["name"]
    assert await name_of(vault, first.account_id, stored["name"]) == NAME
    assert first.member_email.encode() not in stored["mail"]
    assert PasswordHasher().verify(stored["password_hash"], first.member_password)


async def test_a_second_time_makes_new_keys_for_the_same_account(
    main_owner: Conn, main_pool: Pool, vault: Vault
) -> None:
    callers = Callers(main_pool)

    first = await create_first_account(main_owner, vault)
    again = await create_first_account(main_owner, vault)

    assert first.account_id == again.account_id
    assert len({first.test_key, first.live_key, again.test_key, again.live_key}) == 4
    assert (await callers.authenticate(f"Bearer {again.live_key}")).account_id == first.account_id
    assert await main_owner.fetchval("SELECT count(*) FROM main.accounts") == 1
    assert await main_owner.fetchval("SELECT count(*) FROM main.members") == 1
    stored = await main_owner.fetchval("SELECT password_hash FROM main.people")
    assert PasswordHasher().verify(stored, again.member_password)


async def test_two_nodes_that_make_it_at_once_end_with_one(
    main_owner: Conn, main_url: str, open_vault: OpenVault
) -> None:
    other = await asyncpg.connect(as_role(main_url, "owner"))

    both = await asyncio.gather(
        create_first_account(main_owner, await open_vault()), create_first_account(other, await open_vault())
    )
    await other.close()

    assert both[0].account_id == both[1].account_id
    assert await main_owner.fetchval("SELECT count(*) FROM main.accounts") == 1


async def test_what_is_shown_once_is_not_shown_when_printed(main_owner: Conn, vault: Vault) -> None:
    first = await create_first_account(main_owner, vault)

    for secret in (first.test_key, first.live_key, first.member_password):
        assert secret not in repr(first)
