"""What an operator asks of the catalogue is answered from the live databases, and a gap in it ends with 1."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sendigopro.commands.main import app
from tests.databases import Databases
from tests.privacy.catalogue.regenerate import FOLDER


@pytest.fixture
def instance(databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDIGOPRO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", databases.main_url)
    monkeypatch.setenv("VAULT_URL", databases.vault_url)


async def say(*words: str) -> Result:
    """As typed; in a thread, because every command runs a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, ("catalogue", *words))


@pytest.mark.usefixtures("instance")
async def test_coverage_is_every_column_until_one_says_nothing(databases: Databases) -> None:
    whole = await say("coverage")
    owner = await databases.main("owner")
    await owner.execute("ALTER TABLE main.accounts ADD COLUMN nickname text")
    gap = await say("coverage")

    assert whole.exit_code == 0
    assert whole.output.endswith("columns say what they hold: 100.00 %\n")
    assert gap.exit_code == 1
    assert "nothing is said of main.accounts.nickname: give it a profile" in gap.output


@pytest.mark.usefixtures("instance")
async def test_what_is_printed_is_what_is_committed(tmp_path: Path) -> None:
    printed = {
        "record.json": await say("record", "--format", "json"),
        "record.html": await say("record", "--format", "html"),
        "map.svg": await say("map", "--format", "svg"),
        "map.json": await say("map", "--format", "json"),
        "plans.md": await say("plans"),
    }
    written = await say("write", str(tmp_path / "made"))

    assert written.exit_code == 0
    for name, result in printed.items():
        assert result.output == (FOLDER / name).read_text(encoding="utf-8"), name
        assert result.output == (tmp_path / "made" / name).read_text(encoding="utf-8"), name


@pytest.mark.usefixtures("instance")
async def test_the_record_carries_who_the_settings_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDIGOPRO_OPERATOR_NAME", "Example Ltd")
    record = json.loads((await say("record")).output)

    assert record["controller_and_processor"]["name"] == "Example Ltd"
    assert "SENDIGOPRO_OPERATOR_NAME" not in record["open"]


@pytest.mark.usefixtures("instance")
async def test_the_tables_of_the_notice_come_in_three_forms() -> None:
    rows = json.loads((await say("notice", "--format", "json")).output)
    fragment = (await say("notice", "--format", "html")).output
    text = (await say("notice")).output

    assert fragment.count('<th scope="row">') == len(rows)
    assert text in (FOLDER / "notice-tables.md").read_text(encoding="utf-8")


async def test_without_an_instance_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDIGOPRO_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    result = await say("coverage")

    assert result.exit_code == 1
    assert "There is no instance in" in result.output


@pytest.mark.usefixtures("instance")
async def test_map_and_plans_that_do_not_fit_are_refused_in_one_line(databases: Databases, tmp_path: Path) -> None:
    owner = await databases.main("owner")
    await owner.execute("DROP TABLE main.standing")
    result = await say("write", str(tmp_path / "made"))

    assert result.exit_code == 1
    assert "main.standing is not in the database: take it out of catalogue/places.py" in result.output
    assert not (tmp_path / "made" / "map.svg").exists()
