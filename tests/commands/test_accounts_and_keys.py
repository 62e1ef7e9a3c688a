"""What an operator types about accounts, keys and credit happens, and what cannot be is said in one line."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sendigopro.accounts.keys import Callers
from sendigopro.commands.accounts import micros_of, written
from sendigopro.commands.main import app
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.postgres import Pool
from sendigopro.foundation.problems import Unauthenticated
from tests.databases import Databases

IMPOSSIBLE = [
    ("accounts", "create", " "),
    ("accounts", "create", "Acme", "--currency", "euro"),
    ("accounts", "top-up", "acc_00000000000000000000000000", "1"),
    ("accounts", "top-up", "nonsense", "1"),
    ("keys", "create"),  # whose?
    ("keys", "create", "--mode", "prod"),
    ("keys", "revoke", "key_00000000000000000000000000"),
]


@pytest.fixture
def instance(databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDIGOPRO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", databases.main_url)
    monkeypatch.setenv("VAULT_URL", databases.vault_url)
    monkeypatch.setenv("COLUMNS", "200")


async def say(*words: str) -> Result:
    """As typed; in a thread, because every command runs a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, words)


async def answer(*words: str) -> str:
    result = await say(*words)
    assert result.exit_code == 0, result.output
    return result.output.strip()


@pytest.mark.usefixtures("instance")
async def test_an_account_a_key_and_its_end(main_pool: Pool) -> None:
    callers = Callers(main_pool)
    account = await answer("accounts", "create", "Acme Ltd")

    key = await answer("keys", "create", "--mode", "live", "--scope", "messages.write", "--purpose", "otp")
    caller = await callers.authenticate(f"Bearer {key}")
    listed = await answer("keys", "list", "--account", account)
    key_id = next(word for word in listed.split() if word.startswith("key_"))
    await answer("keys", "revoke", key_id)

    assert (caller.mode, caller.purpose, caller.scopes) == (1, "otp", frozenset({"messages.write"}))
    assert key[-4:] in listed
    assert key not in listed
    assert "Acme Ltd" in await answer("accounts", "list")
    assert "revoked" in await answer("keys", "list")
    with pytest.raises(Unauthenticated):
        await callers.authenticate(f"Bearer {key}")


@pytest.mark.usefixtures("instance")
async def test_credit_is_paid_in_and_limited(main_pool: Pool) -> None:
    account = await answer("accounts", "create", "Acme", "--currency", "USD")

    assert await answer("accounts", "top-up", account, "12.5") == "balance 12.50 USD, held 0.00 USD, limit none"
    assert await answer("accounts", "limit", account, "100") == "balance 12.50 USD, held 0.00 USD, limit 100.00 USD"
    assert await answer("accounts", "limit", account, "none") == "balance 12.50 USD, held 0.00 USD, limit none"
    assert await main_pool.fetchval("SELECT reference FROM main.ledger_entries") == "paid in by the operator"


@pytest.mark.usefixtures("instance")
async def test_what_cannot_be_is_said_in_one_line() -> None:
    for words in IMPOSSIBLE:
        result = await say(*words)

        assert result.exit_code == 1
        assert "Traceback" not in result.output
        assert result.output.startswith("sendigopro: ")
        assert len(result.output.strip().splitlines()) == 1


async def test_without_an_instance_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDIGOPRO_DATA_DIR", str(tmp_path))

    assert "sendigopro up" in (await say("keys", "list")).output


@pytest.mark.parametrize("text", ["", "x", "-1", "NaN", "Infinity", "1e99", "0.0000001"])
def test_amounts_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(OperatorError, match="not an amount"):
        micros_of(text)


def test_amounts_are_read_and_written_without_loss() -> None:
    for text, micros in (("12.50", 12_500_000), ("0.000001", 1), ("0.00", 0), ("1000000000.00", 10**15)):
        assert micros_of(text) == micros
        assert written(micros, "EUR") == f"{text} EUR"
