"""What an operator types about people's requests."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sendigopro.commands.main import app
from sendigopro.foundation import ids
from sendigopro.privacy.model import HOURLY_MAX
from tests.databases import Databases
from tests.privacy.conftest import ANNA, Office, decoded


@pytest.fixture
def instance(databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDIGOPRO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", databases.main_url)
    monkeypatch.setenv("VAULT_URL", databases.vault_url)
    monkeypatch.setenv("COLUMNS", "200")


async def say(*words: str) -> Result:
    """As typed; in a thread, because every command runs a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, words)


@pytest.mark.usefixtures("instance")
async def test_a_named_operator_is_the_second_person_and_nobody_is_shown(office: Office) -> None:
    owner = await office.site.databases.main("owner")
    await office.house.send(to=ANNA)
    await owner.execute(
        """
        INSERT INTO main.privacy_requests (account_id, id, mode, type, status, due_at)
        SELECT $1, unnest($2::uuid[]), 0, 'erase', 'completed', now()
        """,
        office.house.account_id,
        [ids.new() for _ in range(HOURLY_MAX)],
    )
    made = await office.asked("erase")
    assert made["status"] == "awaiting_approval"

    nameless = await say("privacy", "approve", made["id"], "--by", " ")
    unknown = await say("privacy", "approve", "prq_00000000000000000000000000", "--by", "Rosa Lind")
    approved = await say("privacy", "approve", made["id"], "--by", "Rosa Lind")
    again = await say("privacy", "approve", made["id"], "--by", "Rosa Lind")
    listed = await say("privacy", "requests")

    assert [one.exit_code for one in (nameless, unknown, approved, again, listed)] == [1, 1, 0, 1, 0]
    assert "There is no request" in unknown.stderr
    assert "nothing to approve" in again.stderr
    assert approved.output.strip() == f"{made['id']} is erasing."
    assert made["id"] in listed.output
    assert ANNA not in listed.output
    (row,) = await office.rows("SELECT approver FROM main.request_approvals")
    assert b"Rosa" not in row["approver"]
    async with asyncio.timeout(5):
        while await office.subject_of(ANNA) is not None:  # who looks each 0.3 s
            await asyncio.sleep(0.02)
    await office.finish()
    assert decoded(await office.get(made["id"]))["status"] == "completed"


@pytest.mark.usefixtures("instance")
async def test_how_long_a_carrier_keeps_messages_is_noted_for_receipts(office: Office) -> None:
    noted, missing = await say("carriers", "keeps", "sandbox", "90"), await say("carriers", "keeps", "nobody", "90")

    assert (noted.exit_code, missing.exit_code) == (0, 1)
    assert await office.rows("SELECT keeps_days FROM main.carriers WHERE name = 'sandbox'") == [(90,)]


@pytest.mark.usefixtures("instance")
async def test_replaying_where_nothing_is_missing_says_so(office: Office) -> None:
    await office.asked("erase")

    assert (await say("privacy", "replay")).output.strip() == "Replayed: nothing was missing."


@pytest.mark.usefixtures("instance")
async def test_the_doctor_says_how_the_journal_is(office: Office) -> None:
    await office.asked("erase")
    well = await say("doctor")
    path = office.desk.journal.path
    path.write_bytes(path.read_bytes().replace(b'"mode":0', b'"mode":1'))
    ill = await say("doctor")

    assert "erasure journal: applied to entry 1" in well.output
    assert "erasure journal: applied" not in ill.output
    assert "entry 1 is" in " ".join(ill.output.split())
