"""Killed anywhere on its way, an erasure comes to the same end: forgotten everywhere, with one receipt."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sendigopro.foundation import ids
from sendigopro.foundation.embedded import EmbeddedServer
from sendigopro.messages.model import Status
from sendigopro.privacy.desk import desk_of
from sendigopro.privacy.erase import ERASE_POINTS
from sendigopro.privacy.journal import FILE, Journal
from tests.databases import Databases, copied
from tests.messages.house import House, house_of
from tests.privacy.conftest import erasures_of, set_aside

SCRIPT = Path(__file__).with_name("erase_until_killed.py")
NUMBERS = {point: f"+49151123456{n}" for n, point in enumerate([*ERASE_POINTS, "nowhere"], start=10)}


@pytest.fixture(scope="module")
def main_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # it migrates
    yield from copied(server, "main")


@pytest.fixture(scope="module")
def vault_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001
    yield from copied(server, "vault")


@pytest.fixture
async def house(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Databases, keys and journal are shared by all cases of this file, as in a life with many crashes."""
    folder = tmp_path_factory.getbasetemp() / "killed"
    await (await databases.main()).execute("DELETE FROM main.carriers")  # each house sets up its own
    async with house_of(databases, folder) as built:
        yield built


async def run_child(house: House, number: str, kill_at: str) -> int | None:
    """The child's exit code, negative when a signal ended it."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), str(house.runtime.settings.data_dir), house.databases.main_url,
        house.databases.vault_url, ids.typed("acc", house.account_id), number,
        env={**os.environ, "SENDIGOPRO_KILL_AT": kill_at},
    )  # fmt: skip
    async with asyncio.timeout(60):
        return await child.wait()


async def assert_forgotten(house: House, message: str) -> None:
    """The same end, wherever it was killed."""
    account = house.account_id
    entries = [
        entry.intent
        for entry in Journal(house.runtime.settings.journal_folder).entries_after(0)
        if entry.intent.account_id == account
    ]
    requests = await house.fetch("SELECT status, receipt FROM main.privacy_requests WHERE account_id = $1", account)
    seen = await house.see(message)
    assert [entry.kind for entry in entries] == ["erase", "erased"]
    assert [(row["status"], row["receipt"] is not None) for row in requests] == [("completed", True)]
    assert (seen.to, seen.body, seen.status) == (None, None, Status.CANCELED)
    assert (
        await house.fetch("SELECT 1 FROM main.messages WHERE account_id = $1 AND subject_id IS NOT NULL", account) == []
    )
    assert await house.fetch("SELECT 1 FROM main.message_bodies WHERE account_id = $1", account) == []
    assert await house.runtime.vault.fetch("SELECT 1 FROM vault.subjects WHERE account_id = $1", account) == []
    assert await house.fetch("SELECT state FROM main.standing WHERE account_id = $1", account) == [("erased",)]
    assert await house.fetch("SELECT 1 FROM main.unmatched_receipts") == []
    assert await house.fetch("SELECT 1 FROM main.journal_intents") == []
    assert len(await house.fetch("SELECT 1 FROM main.outcomes WHERE account_id = $1", account)) == 1


@pytest.mark.parametrize("point", ERASE_POINTS)
async def test_an_erasure_killed_anywhere_comes_to_the_same_end(point: str, house: House) -> None:
    message = (await house.send(to=NUMBERS[point], body="secret", tags=["t"])).id
    await set_aside(house, NUMBERS[point])

    assert await run_child(house, NUMBERS[point], point) == -signal.SIGKILL
    await house.runtime.main.execute("UPDATE main.privacy_requests SET lease_until = '-infinity'")  # as a minute later

    assert await run_child(house, NUMBERS[point], "nowhere") == 0
    await assert_forgotten(house, message)


async def test_what_was_asked_before_the_crash_is_finished_by_any_worker_without_being_asked_again(
    house: House,
) -> None:
    message = (await house.send(to=NUMBERS["nowhere"], body="secret")).id
    assert await run_child(house, NUMBERS["nowhere"], "erase.committed") == -signal.SIGKILL
    desk = desk_of(house.runtime, house.vault, Journal(house.runtime.settings.journal_folder))

    while await erasures_of(house, desk).step():
        pass

    await assert_forgotten(house, message)
    assert (desk.journal.path.parent / FILE).exists()
