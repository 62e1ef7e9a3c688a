"""What an operator types about retention."""

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from sendigopro.commands.main import app
from sendigopro.foundation import clock, ids
from tests.databases import Databases
from tests.privacy.conftest import Office


@pytest.fixture
def instance(databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDIGOPRO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", databases.main_url)
    monkeypatch.setenv("VAULT_URL", databases.vault_url)
    monkeypatch.setenv("COLUMNS", "200")


async def say(*words: str) -> Result:
    """As typed; in a thread, because every command runs a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, ("retention", *words))


@pytest.mark.usefixtures("instance")
async def test_the_audit_has_a_line_for_each_store_and_ends_with_1_when_something_is_late(
    office: Office, databases: Databases, tmp_path: Path
) -> None:
    await office.house.send(body="hello")
    (tmp_path / "backups" / "one").mkdir(parents=True)
    (tmp_path / "backups" / "one" / "manifest.json").write_text(f'{{"made_at": "{clock.now().isoformat()}"}}')
    content = await say("audit", "--json", "--backups", str(tmp_path / "backups"))
    vault = await databases.vault("owner")
    await vault.execute("UPDATE vault.subjects SET last_seen = $1", clock.today() - timedelta(days=402))
    late = await say("audit")

    found = msgspec.json.decode(content.stdout)
    stores = {one["store"].split(" in ")[0] for one in found}
    assert stores >= {
        "main.messages", "main.message_bodies", "main.events", "main.chunks", "vault.subjects", "vault.buckets",
        "exports", "logs", "metrics", "recovery keys", "backups",
    }  # fmt: skip
    assert [one["store"] for one in found if one["is_late"]] == []
    assert (content.exit_code, late.exit_code) == (0, 1)
    (line,) = [line for line in late.output.splitlines() if "late" in line.split()]
    assert "vault.subjects" in line


@pytest.mark.usefixtures("instance")
async def test_a_simulation_says_how_much_a_term_would_end_and_whether_it_is_allowed(office: Office) -> None:
    await office.house.send(body="hello", purpose="otp")
    account = ids.typed("acc", office.house.account_id)
    of_codes = ("simulate", "--account", account, "--product", "otp")

    kept = await say(*of_codes, "--clock", "body", "--days", "1")
    refused = await say(*of_codes, "--clock", "body", "--days", "31")
    unknown = await say(*of_codes, "--clock", "identifier", "--days", "1")

    assert [one.exit_code for one in (kept, refused, unknown)] == [0, 0, 1]
    assert "texts" in kept.output
    assert "refused: 0 to 30 days are allowed. Storage limitation" in refused.output
    assert "otp has no clock identifier" in unknown.stderr
    assert await office.rows("SELECT count(*) FROM main.retention_terms") == [(0,)]
