"""What an operator types about the staff, and who is of it from the start."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sendigopro.accounts.first import MEMBER_EMAIL, create_first_account
from sendigopro.commands.main import app
from tests.commands.test_members import house as house  # noqa: PLC0414  # the fixture, by its own name
from tests.commands.test_members import say as members
from tests.databases import Databases
from tests.messages.house import House, house_of

MAIL = "rosa.lind@example.com"


async def say(*words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ("staff", *words))


async def test_who_is_added_is_listed_by_the_id_of_audit_logs_and_removed_again(house: House) -> None:
    await members("add", MAIL, "--name", "Rosa Lind", "--role", "viewer")
    assert (await say("add", MAIL, "--role", "support")).exit_code == 0
    assert (await say("add", MAIL)).exit_code == 0
    listed = (await say("list")).output
    assert [MAIL in listed, "stf_" in listed, "operator" in listed] == [True] * 3
    assert (await say("remove", MAIL)).exit_code == 0
    assert MAIL not in (await say("list")).output
    log = await house.fetch(
        "SELECT action, actor_kind, facts->>'role' FROM main.audit_log WHERE action LIKE 'staff.%' ORDER BY n"
    )
    assert [tuple(row) for row in log] == [
        ("staff.added", "operator", "support"), ("staff.added", "operator", "operator"),
        ("staff.removed", "operator", "operator"),
    ]  # fmt: skip


async def test_what_cannot_be_done_is_said_with_what_may(house: House) -> None:
    await members("add", MAIL, "--name", "Rosa Lind", "--role", "viewer")
    for words, told in (
        (("add", "nobody@example.com"), "Nobody signs in with this address"),
        (("add", "rosa"), "This is no mail address"),
        (("add", MAIL, "--role", "king"), "There is no role 'king' of the staff"),
        (("remove", MAIL), "This person is not of the staff"),
    ):
        said = await say(*words)
        assert (said.exit_code, told in said.stderr) == (1, True), words
    assert await house.fetch("SELECT count(*) FROM main.staff") == [(0,)]


async def test_who_is_forgotten_is_of_the_staff_no_more(house: House) -> None:
    await members("add", MAIL, "--name", "Rosa Lind", "--role", "viewer")
    await say("add", MAIL)
    await members("remove", MAIL)
    assert await house.fetch("SELECT count(*) FROM main.staff") == [(0,)]


@pytest.mark.parametrize("times", [1, 2])
async def test_the_first_member_runs_the_installation_and_stands_in_the_audit_log(
    databases: Databases, tmp_path: Path, times: int
) -> None:
    async with house_of(databases, tmp_path) as house:
        owner = await databases.main("owner")
        for _ in range(times):
            first = await create_first_account(owner, house.vault)
        assert first.member_email == MEMBER_EMAIL
        assert await house.fetch("SELECT role FROM main.staff") == [("operator",)]
        log = await house.fetch(
            "SELECT action FROM main.audit_log WHERE account_id = $1 AND action NOT LIKE 'key.%' ORDER BY n",
            first.account_id,
        )
        again = ["member.secured"] if times > 1 else []
        assert [row[0] for row in log] == ["member.added", "staff.added", *again]
