"""What an operator types about packages happens, and the person's number stands in no list of processes."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sendigopro.commands.main import app
from sendigopro.foundation import ids
from tests.messages.house import House
from tests.privacy.package.letters import ANNA, BERT
from tests.privacy.package.unpacked import unpack


@pytest.fixture
def instance(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setenv("SENDIGOPRO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", house.databases.main_url)
    monkeypatch.setenv("VAULT_URL", house.databases.vault_url)
    return house


async def say(*words: str | Path, typed: str = "") -> Result:
    """As typed; in a thread, because every command runs a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, ["package", *map(str, words)], input=typed)


async def test_a_package_is_made_checked_and_imported_again(instance: House, tmp_path: Path) -> None:
    sent = await instance.send(to=BERT, body="hello")
    out = tmp_path / "bert.zip"
    account = ids.typed("acc", instance.account_id)

    made = await say(
        "build", "--account", account, "--identifier-file", "-", "--mode", "test", "--out", out, typed=BERT
    )

    assert made.exit_code == 0, made.output
    assert [one["id"] for one in unpack(out.read_bytes()).messages] == [sent.id]
    assert out.stat().st_mode & 0o777 == 0o600
    assert not list((tmp_path / "exports").rglob("*.sgx*"))  # no second copy
    assert BERT not in made.output
    checked = await say("check", out)
    assert checked.exit_code == 0, checked.output
    assert "is whole. It holds 1 messages" in checked.output
    again = await say("import", out, "--account", account)
    assert again.exit_code == 0, again.output
    assert "0 messages stored, 1 were there already" in again.output
    noted = await instance.fetch("SELECT action FROM main.audit_log WHERE action LIKE 'privacy.%' ORDER BY n")
    assert [row[0] for row in noted] == ["privacy.package_made", "privacy.package_imported"]


async def test_what_cannot_be_done_is_said_in_one_line_and_leaves_nothing(instance: House, tmp_path: Path) -> None:
    await instance.send(to=BERT)
    number, there = tmp_path / "number", tmp_path / "there.zip"
    number.write_text(f"{BERT}\n")
    there.write_bytes(b"no package")
    build = ("build", "--mode", "test")
    cases = [
        ((*build, "--identifier-file", "-", "--out", tmp_path / "x"), ANNA, "does not know this number"),
        (("build", "--identifier-file", number, "--out", tmp_path / "x"), "", "does not know this number"),  # live
        ((*build, "--identifier-file", "-", "--out", tmp_path / "x"), "nonsense", ""),
        ((*build, "--identifier-file", "-", "--out", tmp_path / "x"), f"{BERT}\n{ANNA}\n", "one phone number"),
        ((*build, "--identifier-file", tmp_path / "no", "--out", tmp_path / "x"), "", "cannot be read"),
        ((*build, "--identifier-file", number, "--out", there), "", "Name a new file"),
        (("build", "--mode", "prod", "--identifier-file", number, "--out", tmp_path / "x"), "", "say live or test"),
        (("import", there), "", "not a whole ZIP"),
        (("check", tmp_path / "no.zip"), "", "There is no file"),
        (("import", there, "--account", "acc_00000000000000000000000000"), "", "There is no account"),
    ]
    for words, typed, told in cases:
        refused = await say(*words, typed=typed)
        assert refused.exit_code == 1, (words, refused.output)
        assert told in refused.output
        assert len(refused.output.strip().splitlines()) == 1, refused.output
        assert BERT not in refused.output

    assert there.read_bytes() == b"no package"
    assert not (tmp_path / "x").exists()
    assert not list((tmp_path / "exports").rglob("*.sgx*"))
