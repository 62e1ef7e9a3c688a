"""What is personal never reaches PostgreSQL, a log, a printed object or a traceback in clear."""

import io
import json
import shutil
import tempfile
import traceback
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from uuid import uuid4

import asyncpg
import msgspec
import pytest
import structlog

from sendigopro.foundation import logs, migrations, roles
from sendigopro.foundation.database_urls import as_role
from sendigopro.foundation.embedded import EmbeddedServer, Tuning
from sendigopro.foundation.phones import parse_phone
from sendigopro.foundation.postgres import Conn, connect_pool
from sendigopro.vault.sealing import UnreadableError
from sendigopro.vault.vault import Vault
from tests.vaults import OpenVault, key_tree

PREFIX = "4915155"  # no random bytes begin like all our canaries
CANARIES = [parse_phone(f"+{PREFIX}{n:06d}") for n in range(600)]
SECRET = b"https://canary-7d1f.example/hook"
PLANTED = b"planted-in-clear"
KEYS_SEARCHED = 20


@pytest.fixture
async def own_server() -> AsyncIterator[EmbeddedServer]:
    """Nobody else's values stand in its files, and it writes them as in production."""
    folder = Path(tempfile.mkdtemp(prefix="sendigopro-clear-"))
    running = EmbeddedServer(folder, Tuning(shared_buffers_mb=16, max_connections=20))
    await running.start()
    try:
        await migrate_vault(running)
        yield running
    finally:
        await running.stop()
        shutil.rmtree(folder)


async def migrate_vault(server: EmbeddedServer) -> None:
    admin = await asyncpg.connect(server.url("postgres"), user="postgres")
    await roles.ensure_roles(admin)
    await roles.ensure_databases(admin)
    await admin.close()
    conn = await asyncpg.connect(server.url("vault"), user="owner")
    await migrations.migrate(conn, "vault")
    await conn.close()


def files_with(folder: Path, needles: list[bytes]) -> set[str]:
    """Every file below that holds one of them."""
    found: set[str] = set()
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found.update(str(path.relative_to(folder)) for needle in needles if needle in content)
    return found


async def provoke_and_flush(url: str) -> None:
    """An error whose detail would name the row, one value that is really in clear, and everything onto disk."""
    admin = await asyncpg.connect(url, user="postgres")
    with pytest.raises(asyncpg.UniqueViolationError):
        await admin.execute(
            """
            INSERT INTO vault.subjects
                   (account_id, id, mode, kind, lookup, identifier, key_slot, country, first_seen, last_seen)
            SELECT account_id, gen_random_uuid(), mode, kind, lookup, identifier, key_slot, country, first_seen,
                   last_seen
              FROM vault.subjects
            """
        )
    await admin.execute("CREATE TABLE public.planted (value text)")
    await admin.execute(f"INSERT INTO public.planted VALUES ('{PLANTED.decode()}')")  # noqa: S608  # our own constant
    await admin.execute("ANALYZE")
    await admin.execute("CHECKPOINT")
    await admin.close()


async def test_no_file_of_postgresql_holds_a_number_a_secret_or_a_key(
    own_server: EmbeddedServer, tmp_path: Path
) -> None:
    """Tables, indexes, statistics, write-ahead log, server log; what is planted in clear is found, so it searches."""
    account = uuid4()
    url = own_server.url("vault")
    pool = await connect_pool(as_role(url, "pipeline"), size=2, name="test")
    vault = Vault(pool, key_tree(tmp_path / "keys"))
    subjects = await vault.subjects_of(account, 1, CANARIES)
    await vault.find(account, 1, CANARIES[0])
    await vault.seal_account(account, "endpoints", "url", uuid4(), SECRET)
    keys = await vault.load_account(account)
    secrets = [await vault.bucket_key(account, date(2031, 5, 1)), keys.lookup, keys.suppression, keys.seal]
    await vault.close()
    await pool.close()
    await provoke_and_flush(url)

    numbers = [PREFIX.encode(), PREFIX.encode().hex().encode(), PREFIX.encode("utf-16-le")]
    searched = [*numbers, SECRET, *secrets, *(subject.key for subject in subjects[:KEYS_SEARCHED])]
    assert files_with(own_server.folder, searched) == set()
    assert any("base" in name for name in files_with(own_server.folder, [PLANTED]))
    assert any("pg_wal" in name for name in files_with(own_server.folder, [PLANTED]))


async def test_nothing_the_vault_hands_out_can_be_printed_or_packed_by_mistake(vault: Vault) -> None:
    account = uuid4()
    (subject,) = await vault.subjects_of(account, 1, CANARIES[:1])
    keys = await vault.load_account(account)
    shown = [
        form(thing) for form in (repr, str, "{}".format, "{!r:>40}".format) for thing in (subject, keys, CANARIES[0])
    ]

    for text in shown:
        assert PREFIX not in text
        for key in (subject.key, keys.lookup, keys.suppression, keys.seal):
            assert repr(key) not in text
            assert key.hex() not in text
    for pack in (json.dumps, msgspec.json.encode, msgspec.msgpack.encode):
        with pytest.raises(TypeError):
            pack(CANARIES[0].phone)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What is logged."""
    stream = io.StringIO()
    before = structlog.get_config()
    logs.configure(as_json=True, stream=stream)
    yield stream
    structlog.configure(**before)


async def test_neither_a_traceback_nor_a_log_line_of_a_failure_shows_who_it_was_about(
    open_vault: OpenVault, vault_owner: Conn, stream: io.StringIO
) -> None:
    account = uuid4()
    vault = await open_vault()
    (subject,) = await vault.subjects_of(account, 1, CANARIES[:1])
    await vault_owner.execute("UPDATE vault.subjects SET identifier = identifier || 'x'")

    with pytest.raises(UnreadableError) as broken:
        await (await open_vault()).open_subjects(account, [subject.id])
    logs.get("test").error("vault_failed", subject=subject, phone=subject.phone, **logs.told(broken.value))
    told = "".join(traceback.format_exception(broken.value)) + repr(broken.value) + stream.getvalue()

    assert "vault_failed" in told
    for hidden in (PREFIX, subject.key.hex(), repr(subject.key)):
        assert hidden not in told
