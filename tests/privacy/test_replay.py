"""Databases restored to before an erasure serve nobody until the journal was replayed; then the erased stay erased."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from typer.testing import CliRunner

from sendigopro.channels.directory import Directory
from sendigopro.commands.main import app
from sendigopro.events.bus import Bus
from sendigopro.foundation import ids
from sendigopro.foundation.embedded import EmbeddedServer
from sendigopro.foundation.postgres import as_everyone, connect_pool
from sendigopro.messages.load import Loader
from sendigopro.messages.view import MessageObject, Viewer
from sendigopro.privacy.desk import Desk, desk_of
from sendigopro.privacy.erase import erase
from sendigopro.privacy.job import Erasures
from sendigopro.privacy.journal import FILE, Journal, JournalAheadError, JournalDamagedError, JournalShortError
from sendigopro.privacy.journaling import catch_up
from sendigopro.privacy.model import Asked, Type
from sendigopro.privacy.replay import replay
from sendigopro.privacy.rights import object_to, rectify, restrict_or_lift
from sendigopro.runtime import Runtime
from sendigopro.settings import Settings
from sendigopro.vault.key_store import open_key_store
from sendigopro.vault.vault import Vault
from tests.databases import Databases, administer
from tests.messages.house import house_of
from tests.privacy.conftest import ANNA, BEN, NOBODY, phone_of


@dataclass(frozen=True, slots=True)
class Opened:
    """One pair of databases with the keys and the journal of this installation."""

    desk: Desk
    erasures: Erasures
    viewer: Viewer

    async def finish(self) -> None:
        while await self.erasures.step():
            pass

    async def standing(self) -> list[tuple[str, int]]:
        rows = await self.desk.main.fetch("SELECT state, scope FROM main.standing ORDER BY 1, 2")
        return [(row["state"], row["scope"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Story:
    """What there was before anybody asked for anything, and a backup of it."""

    folder: Path
    now: tuple[str, str]
    backup: tuple[str, str]
    account_id: UUID
    key_id: UUID
    annas: UUID
    bens: UUID

    def asked(self, type_: Type, number: str, *, is_lift: bool = False, corrected: str | None = None) -> Asked:
        return Asked(
            account_id=self.account_id, mode=0, key_id=self.key_id, type=type_, person=phone_of(number),
            is_lift=is_lift, corrected=phone_of(corrected) if corrected is not None else None,
        )  # fmt: skip

    async def see(self, opened: Opened, message: UUID) -> MessageObject:
        return (await opened.viewer.describe(self.account_id, [message]))[message]


@asynccontextmanager
async def opened(urls: tuple[str, str], folder: Path) -> AsyncIterator[Opened]:
    chosen = Settings(data_dir=folder, database_url=urls[0], vault_url=urls[1])
    places = (chosen.main("pipeline"), chosen.vault("pipeline"), chosen.main("door"))
    runtime = Runtime("test", chosen, *[await connect_pool(place, size=4, name="test") for place in places])
    vault = Vault(runtime.vault, open_key_store(chosen))
    directory = Directory(runtime.main)
    await directory.refresh()
    desk = desk_of(runtime, vault, Journal(chosen.journal_folder))
    loader = Loader(pool=runtime.main, vault=vault, directory=directory)
    viewer = Viewer(reading=partial(as_everyone, runtime.main), vault=vault, directory=directory)
    yield Opened(desk, Erasures(desk, loader=loader, bus=Bus(), owner="test", late_seconds=0.0), viewer)
    await vault.close()
    for pool in (runtime.main, runtime.vault, runtime.door):
        await pool.close()


@pytest.fixture
async def story(server: EmbeddedServer, main_url: str, vault_url: str, tmp_path: Path) -> AsyncIterator[Story]:
    databases = Databases(main_url, vault_url)
    async with house_of(databases, tmp_path) as house:
        sent = [await house.send(to=number, body="secret") for number in (ANNA, BEN)]
        account_id, key_id = house.account_id, house.test.key_id
    await databases.close()
    backup = []
    for url in (main_url, vault_url):
        name = url.partition("?")[0].rpartition("/")[2]
        await until_alone(server, name)
        await administer(server, f"CREATE DATABASE {name}_backup TEMPLATE {name} STRATEGY FILE_COPY OWNER owner")
        backup.append(server.url(f"{name}_backup"))
    annas, bens = (ids.parse("msg", one.id) for one in sent)
    yield Story(tmp_path, (main_url, vault_url), (backup[0], backup[1]), account_id, key_id, annas, bens)
    for url in backup:
        await administer(server, f"DROP DATABASE {url.partition('?')[0].rpartition('/')[2]} WITH (FORCE)")


async def until_alone(server: EmbeddedServer, name: str) -> None:
    """Connections that were terminated take a moment to end, and a database in use is not copied."""
    conn = await asyncpg.connect(server.url("postgres"), user="postgres")
    async with asyncio.timeout(20):
        while await conn.fetchval("SELECT count(*) FROM pg_stat_activity WHERE datname = $1", name):
            await asyncio.sleep(0.02)
    await conn.close()


async def test_a_restored_database_refuses_is_replayed_and_then_forgets_again(story: Story) -> None:
    """The keys come back from a snapshot as well; without replay Anna would be readable again."""
    keys = story.folder / "keys"
    shutil.copytree(keys, story.folder / "snapshot")
    async with opened(story.now, story.folder) as now:
        made, _ = await erase(now.desk, story.asked("erase", ANNA))
        await now.finish()
    shutil.rmtree(keys)
    (story.folder / "snapshot").rename(keys)

    async with opened(story.backup, story.folder) as restored:
        assert (await story.see(restored, story.annas)).to == ANNA
        with pytest.raises(JournalAheadError, match=r"sendigopro privacy replay.*nothing is served"):
            await catch_up(restored.desk.main, restored.desk.journal)
        done = await replay(restored.desk)
        dead = await story.see(restored, story.annas)
        await restored.finish()
        await catch_up(restored.desk.main, restored.desk.journal)

        assert (done["erase"], done["erased"], dead.to) == (1, 1, None)
        seen = await story.see(restored, story.annas)
        assert (seen.to, seen.body, seen.reason) == (None, None, "erased")
        assert (await story.see(restored, story.bens)).body == "secret"
        assert await restored.desk.main.fetch("SELECT 1 FROM main.messages WHERE subject_id IS NULL") != []
        assert await restored.desk.vault_pool.fetchval("SELECT count(*) FROM vault.subjects") == 1
        assert await restored.standing() == [("erased", 0)]
        rows = await restored.desk.main.fetch("SELECT id, status FROM main.privacy_requests")
        assert [tuple(row) for row in rows] == [(made.id, "completed")]


async def test_opt_outs_and_restrictions_stand_again_in_their_order(story: Story) -> None:
    async with opened(story.now, story.folder) as now:
        await object_to(now.desk, story.asked("object", ANNA))
        await restrict_or_lift(now.desk, story.asked("restrict", ANNA))
        await restrict_or_lift(now.desk, story.asked("restrict", BEN))
        await restrict_or_lift(now.desk, story.asked("restrict", BEN, is_lift=True))
        before = await now.standing()

    async with opened(story.backup, story.folder) as restored:
        await replay(restored.desk)
        assert before == await restored.standing() == [("opted_out", 0), ("restricted", 1)]


async def test_replay_may_be_repeated_and_goes_on_where_it_was_ended(story: Story) -> None:
    async with opened(story.now, story.folder) as now:
        for number in (ANNA, BEN, NOBODY):
            await erase(now.desk, story.asked("erase", number))
        await now.finish()

    async with opened(story.backup, story.folder) as restored:
        first = await asyncio.gather(replay(restored.desk), replay(restored.desk))
        again = await replay(restored.desk)
        await restored.finish()

        assert sum(done["erase"] for done in first) == 3
        assert not sum(again.values())
        assert await restored.desk.vault_pool.fetchval("SELECT count(*) FROM vault.subjects") == 0


@pytest.mark.parametrize("harm", ["flipped", "cut", "lost"])
async def test_with_a_harmed_journal_nothing_is_replayed(harm: str, story: Story) -> None:
    async with opened(story.now, story.folder) as now:
        for number in (ANNA, BEN):
            await erase(now.desk, story.asked("erase", number))
    path = story.folder / "journal" / FILE
    whole = path.read_bytes()
    if harm == "lost":
        path.unlink()
    else:
        path.write_bytes(whole.replace(b'"mode":0', b'"mode":1', 1) if harm == "flipped" else whole[: len(whole) // 2])

    expected = JournalDamagedError if harm == "flipped" else JournalShortError
    async with opened(story.now, story.folder) as again:
        with pytest.raises(expected):
            await replay(again.desk)
        with pytest.raises(expected):
            await catch_up(again.desk.main, again.desk.journal)


async def test_the_operator_is_told_once_in_one_line_and_replays_by_one_command(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(story.now, story.folder) as now:
        await erase(now.desk, story.asked("erase", ANNA))
        await rectify(now.desk, story.asked("rectify", BEN, corrected=NOBODY))
        await now.finish()
    monkeypatch.setenv("SENDIGOPRO_DATA_DIR", str(story.folder))
    monkeypatch.setenv("DATABASE_URL", story.backup[0])
    monkeypatch.setenv("VAULT_URL", story.backup[1])

    refused = [await typed(word) for word in (["worker"], ["web", "--port", "0"], ["prepare"])]
    replayed = await asyncio.to_thread(CliRunner().invoke, app, ["privacy", "replay"])

    for code, told in refused:
        assert code == 1
        (line,) = told.strip().splitlines()
        assert line.startswith("sendigopro: These databases are older than the erasure journal")
        assert "sendigopro privacy replay" in line
    assert (replayed.exit_code, replayed.output.splitlines()[0]) == (0, "Replayed: 1 erase, 1 erased, 1 rectify.")
    assert "correct those persons once more" in replayed.output
    async with opened(story.backup, story.folder) as restored:
        await catch_up(restored.desk.main, restored.desk.journal)
        assert (await story.see(restored, story.annas)).to is None


async def typed(words: list[str]) -> tuple[int | None, str]:
    """A command in a process of its own, which takes signals: (exit code, what it says as an error)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sendigopro", *words, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        _, told = await process.communicate()
    return process.returncode, told.decode()
