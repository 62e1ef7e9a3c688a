"""What an operator types about people who sign in."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sendigopro.accounts.sessions import Place, Sessions
from sendigopro.accounts.sign_in import SignedIn, SignIn
from sendigopro.commands.main import app
from sendigopro.foundation.problems import Unauthenticated
from tests.databases import Databases
from tests.messages.house import House, house_of

MAIL = "Rosa.Lind@example.com"


@pytest.fixture
async def house(databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setenv("SENDIGOPRO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", databases.main_url)
    monkeypatch.setenv("VAULT_URL", databases.vault_url)
    monkeypatch.setenv("COLUMNS", "200")
    async with house_of(databases, tmp_path) as house:
        yield house


async def say(*words: str) -> Result:
    """As typed; in a thread, because every command runs a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, ("members", *words))


async def test_who_is_added_signs_in_with_the_printed_password_and_who_is_removed_is_out_and_forgotten(
    house: House,
) -> None:
    sessions = Sessions(house.runtime.main, house.vault)
    way_in = SignIn(house.runtime.main, house.vault, sessions)
    added = await say("add", MAIL, "--name", "Rosa Lind", "--role", "developer")
    again = await say("add", MAIL.lower(), "--name", "Rosa Lind", "--role", "owner")
    password = added.output.split(": ")[-1].strip()

    place = Place("Firefox on Linux", "192.0.2.0/24")
    done = await way_in.by_password(mail=MAIL, password=password, place=place, peer="192.0.2.1", device=None)
    assert isinstance(done, SignedIn)
    assert (await sessions.read(done.session.token)).role == "owner"
    assert "password" not in again.output  # who has one keeps it
    listed = await say("list")
    assert [MAIL in listed.output, "Rosa Lind" in listed.output, "owner" in listed.output] == [True] * 3

    removed = await say("remove", MAIL)
    assert "out, and forgotten" in removed.output
    with pytest.raises(Unauthenticated):
        await sessions.read(done.session.token)
    log = await house.fetch("SELECT action, actor_kind, facts->>'role' FROM main.audit_log ORDER BY n")
    assert [tuple(row) for row in log if row[0] != "key.created"] == [
        ("member.added", "operator", "developer"), ("member.changed", "operator", "owner"),
        ("session.started", "member", None), ("member.removed", "operator", None),
    ]  # fmt: skip
    for table in ("people", "members", "sessions", "audit_personal"):
        assert await house.fetch(f"SELECT count(*) FROM main.{table}") == [(0,)]  # noqa: S608  # the three above


async def test_somebody_is_signed_out_everywhere(house: House) -> None:
    sessions = Sessions(house.runtime.main, house.vault)
    way_in = SignIn(house.runtime.main, house.vault, sessions)
    password = (await say("add", MAIL, "--name", "Rosa Lind")).output.split(": ")[-1].strip()
    place = Place("Firefox on Linux", "192.0.2.0/24")
    for _ in range(2):
        await way_in.by_password(mail=MAIL, password=password, place=place, peer="192.0.2.1", device=None)

    assert (await say("end-sessions", MAIL)).output.strip() == "2 sign-ins ended."
    assert (await say("end-sessions", "nobody@example.com")).output.strip() == "0 sign-ins ended."


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "rosa", "--name", "Rosa"), "This is no mail address"),
        (("add", MAIL, "--name", " "), "A name has 1 to 200"),
        (("add", MAIL, "--name", "Rosa", "--role", "king"), "There is no role 'king'"),
        (("add", MAIL, "--name", "Rosa", "--account", "acc_00000000000000000000000000"), "There is no account"),
        (("remove", MAIL), "Nobody with this address belongs"),
    ],
)
async def test_what_cannot_be_done_is_said_with_what_may(house: House, words: tuple[str, ...], told: str) -> None:
    said = await say(*words)

    assert said.exit_code == 1
    assert told in said.stderr
    assert await house.fetch("SELECT count(*) FROM main.people") == [(0,)]


async def test_who_has_forgotten_a_password_is_given_another_and_is_signed_out(house: House) -> None:
    sessions = Sessions(house.runtime.main, house.vault)
    way_in = SignIn(house.runtime.main, house.vault, sessions)
    place = Place("Firefox on Linux", "192.0.2.0/24")
    first = (await say("add", MAIL, "--name", "Rosa Lind")).output.split(": ")[-1].strip()
    before = await way_in.by_password(mail=MAIL, password=first, place=place, peer="192.0.2.1", device=None)
    second = (await say("new-password", MAIL)).output.split(": ")[-1].strip()
    nobody = await say("new-password", "nobody@example.com")

    assert isinstance(before, SignedIn)
    with pytest.raises(Unauthenticated):
        await sessions.read(before.session.token)
    with pytest.raises(Unauthenticated):
        await way_in.by_password(mail=MAIL, password=first, place=place, peer="192.0.2.1", device=None)
    done = await way_in.by_password(mail=MAIL, password=second, place=place, peer="192.0.2.1", device=None)
    assert isinstance(done, SignedIn)
    assert nobody.exit_code != 0
