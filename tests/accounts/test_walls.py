"""Through `door` an account sees itself alone, whatever is asked; and nobody may do more than their role needs."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from sendigopro.accounts import keys
from sendigopro.accounts.create import create_account
from sendigopro.accounts.model import LIVE, SCOPES
from sendigopro.foundation.embedded import EmbeddedServer
from sendigopro.foundation.postgres import Conn
from sendigopro.vault.vault import Vault
from tests.databases import Databases, copied

OURS = [
    "accounts",
    "members",
    "api_keys",
    "credit",
    "ledger_entries",
    "standing",
    "subjects",
    "buckets",
    "account_keys",
]
GUARDED = """
    SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS is_forced,
           EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND 'door'::regrole = ANY(p.polroles)
                      AND pg_get_expr(p.polqual, p.polrelid) LIKE '%sendigopro.account_id%') AS has_policy
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname IN ('main', 'vault') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND (c.relname = ANY($1)
            OR (EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'account_id')
                AND (has_any_column_privilege('door', c.oid, 'SELECT, INSERT, UPDATE')
                     OR has_table_privilege('door', c.oid, 'DELETE'))))
"""


@pytest.fixture(scope="module")
def main_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # it migrates
    """One for all: each test makes an account of its own."""
    yield from copied(server, "main")


async def make_two(owner: Conn, vault: Vault) -> tuple[UUID, UUID]:
    made = [await create_account(owner, vault, name=name) for name in ("Acme", "Zenith")]
    for account_id in made:
        assert account_id is not None
        await keys.create_key(owner, account_id=account_id, mode=LIVE, scopes=SCOPES, purpose="otp")
        await owner.execute(
            "INSERT INTO main.standing (account_id, mac, state) VALUES ($1, $2, 'opted_out')", account_id, bytes(16)
        )
        await owner.execute(
            """
            WITH person AS (
                INSERT INTO main.people (id, mail_mac, mail) VALUES ($2, $3, '') RETURNING id
            )
            INSERT INTO main.members (account_id, person_id, role) SELECT $1, id, 'owner' FROM person
            """,
            account_id,
            uuid4(),
            uuid4().bytes,
        )
    assert made[0] is not None
    assert made[1] is not None
    return made[0], made[1]


async def test_every_table_of_accounts_that_door_may_touch_is_held_to_one_account(databases: Databases) -> None:
    for conn in (await databases.main("owner"), await databases.vault("owner")):
        rows = await conn.fetch(GUARDED, OURS)

        assert rows
        assert [row["relname"] for row in rows if not (row["is_forced"] and row["has_policy"])] == []


async def test_door_sees_and_changes_its_own_account_only(databases: Databases, vault: Vault) -> None:
    mine, other = await make_two(await databases.main("owner"), vault)
    door = await databases.main("door")

    async with door.transaction():
        await door.execute(f"SET LOCAL sendigopro.account_id = '{mine}'")
        seen = {
            table: {row[0] for row in await door.fetch(f"SELECT {column} FROM main.{table}")}  # noqa: S608  # of this test
            for table, column in {
                "accounts": "id",
                "api_keys": "account_id",
                "members": "account_id",
                "credit": "account_id",
                "standing": "account_id",
            }.items()
        }
        changed = await door.execute("UPDATE main.api_keys SET revoked_at = now()")
        deleted = await door.execute("DELETE FROM main.standing WHERE account_id = $1", other)

    assert set().union(*seen.values()) == {mine}
    assert all(seen.values())
    assert (changed, deleted) == ("UPDATE 1", "DELETE 0")


async def test_door_cannot_write_into_another_account(databases: Databases, vault: Vault) -> None:
    mine, other = await make_two(await databases.main("owner"), vault)
    door = await databases.main("door")

    await door.execute(f"SET sendigopro.account_id = '{mine}'")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await door.execute(
            "INSERT INTO main.standing (account_id, mac, state) VALUES ($1, $2, 'erased')", other, b"1" * 16
        )


async def test_door_without_an_account_sees_nothing(databases: Databases, vault: Vault) -> None:
    await make_two(await databases.main("owner"), vault)
    door = await databases.main("door")

    assert await door.fetch("SELECT id FROM main.accounts") == []


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("pipeline", "INSERT INTO main.accounts (id, name, currency) VALUES (gen_random_uuid(), '', 'EUR')"),
        ("pipeline", "UPDATE main.accounts SET closed_at = now()"),
        ("pipeline", "SELECT name FROM main.accounts"),
        ("door", "SELECT mail FROM main.people"),
        ("door", "SELECT hash FROM main.sessions"),
        ("pipeline", "UPDATE main.members SET role = 'owner'"),
        ("pipeline", "DELETE FROM main.people"),
        ("pipeline", "UPDATE main.api_keys SET revoked_at = NULL"),
        ("pipeline", "UPDATE main.credit SET limit_micros = 0"),
        ("door", "SELECT hash FROM main.api_keys"),
        ("door", "UPDATE main.credit SET balance_micros = 1"),
        ("door", "INSERT INTO main.ledger_entries DEFAULT VALUES"),
        ("door", "UPDATE main.accounts SET currency = 'USD'"),
    ],
)
async def test_each_role_may_only_what_it_needs(databases: Databases, role: str, statement: str) -> None:
    conn = await databases.main(role)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.execute(statement)


@pytest.mark.parametrize("table", ["subjects", "buckets", "account_keys", "key_blocks"])
async def test_door_may_not_look_into_the_vault(databases: Databases, table: str) -> None:
    conn = await databases.vault("door")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.fetch(f"SELECT 1 FROM vault.{table}")  # noqa: S608  # one of four names
