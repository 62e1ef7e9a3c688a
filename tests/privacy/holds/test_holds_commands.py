"""What an operator types about legal holds, and what doctor says of one that nobody looks at."""

import asyncio
import stat
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from sendigopro.commands import doctor
from sendigopro.commands.connected import Connected
from sendigopro.commands.main import app
from sendigopro.foundation import ids
from tests.databases import Databases
from tests.privacy.conftest import ANNA, NOBODY, Office

WHY = ("--reason", "claim 7 of 2026", "--authority", "Code 142", "--owner", "Rosa Lind")
WIDTH = "200"


@pytest.fixture
def instance(databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDIGOPRO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", databases.main_url)
    monkeypatch.setenv("VAULT_URL", databases.vault_url)
    monkeypatch.setenv("COLUMNS", WIDTH)


async def say(*words: str) -> Result:
    """As typed; in a thread, because every command runs a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, words)


async def placed(office: Office, tmp_path: Path, number: str = ANNA) -> Result:
    account, identifier = ids.typed("acc", office.house.account_id), tmp_path / "number"
    identifier.write_text(number)
    return await say("holds", "place", "--account", account, "--identifier-file", str(identifier), *WHY)


@pytest.mark.usefixtures("instance")
async def test_a_hold_is_placed_listed_reviewed_exported_and_released_and_nobody_is_shown(
    office: Office, tmp_path: Path
) -> None:
    await office.house.send(to=ANNA, body="The text in dispute")
    unknown, made = await placed(office, tmp_path, NOBODY), await placed(office, tmp_path)
    hold = made.output.split()[0]
    out = tmp_path / "copies.jsonl"

    listed = await say("holds", "list")
    reviewed = await say("holds", "review", hold, "--days", "10")
    exported = await say("holds", "export", hold, "--out", str(out))
    released = await say("holds", "release", hold)
    again = await say("holds", "release", hold)

    assert [one.exit_code for one in (unknown, made, listed, reviewed, exported, released, again)] == [
        1, 0, 0, 0, 0, 0, 1,
    ]  # fmt: skip
    assert "does not know this number" in unknown.stderr
    assert hold in listed.output
    assert "There is no hold" in again.stderr
    told = "".join(one.output + one.stderr for one in (unknown, made, listed, reviewed, exported, released))
    assert not [word for word in (ANNA, NOBODY, "Rosa", "dispute") if word in told]
    items = [msgspec.json.decode(line) for line in out.read_bytes().splitlines()]
    assert {one["type"]: one for one in items}["identifier"]["phone"] == ANNA
    assert {one["type"]: one for one in items}["message"]["record"]["body"] == "The text in dispute"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert await office.rows("SELECT 1 FROM main.held_items") == []
    noted = await office.rows(
        "SELECT action FROM main.audit_log WHERE target = $1 AND actor_kind = 'operator' ORDER BY n", hold
    )
    assert [row[0] for row in noted] == ["hold.placed", "hold.reviewed", "hold.exported", "hold.released"]


@pytest.mark.usefixtures("instance")
async def test_doctor_finds_fault_with_a_hold_whose_review_is_overdue(office: Office, tmp_path: Path) -> None:
    runtime, vault = office.house.runtime, office.house.vault
    instance = Connected(runtime.settings, runtime.main, runtime.vault, vault, vault.keys)
    await office.house.send(to=ANNA)
    await placed(office, tmp_path)
    (before,) = await doctor.check_holds(instance)

    await runtime.main.execute("UPDATE main.holds SET review_at = now() - interval '1 second'")

    (after,) = await doctor.check_holds(instance)
    assert (before.state, after.state) == (doctor.GOOD, doctor.FAULT)
    assert after.what == "legal holds: 1, 1 to be reviewed"
