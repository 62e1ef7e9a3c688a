"""The erasure journal keeps its word: what is damaged, cut, swapped or old is named and refused, never believed."""

import asyncio
import multiprocessing
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.privacy import journal_store
from sendigopro.privacy.journal import (
    FILE,
    Head,
    Intent,
    Journal,
    JournalAheadError,
    JournalDamagedError,
    JournalError,
    JournalShortError,
)
from sendigopro.privacy.journaling import catch_up

ACCOUNT = UUID(int=1)


def intent(n: int) -> Intent:
    return Intent(
        id=UUID(int=n), kind="erase", account_id=ACCOUNT, mode=1, request_id=UUID(int=1000 + n),
        subject_ids=(UUID(int=2000 + n),), key_slots=(n,), mac=bytes([n % 256]) * 16,
        at=datetime(2026, 11, 23, 12, tzinfo=UTC),
    )  # fmt: skip


def filled(folder: Path, count: int = 5) -> tuple[Journal, Head]:
    journal = Journal(folder)
    return journal, journal.write(Head(), [intent(n) for n in range(1, count + 1)])


def test_what_was_written_is_read_back_by_another_process_with_its_chain_intact(tmp_path: Path) -> None:
    _, head = filled(tmp_path)

    entries = Journal(tmp_path).entries_after(0)

    assert [entry.intent for entry in entries] == [intent(n) for n in range(1, 6)]
    assert Journal(tmp_path).head() == head == Head(5, entries[-1].hash)


def test_an_intent_that_stands_in_the_journal_is_not_written_twice(tmp_path: Path) -> None:
    journal, head = filled(tmp_path)

    assert journal.write(Head(), [intent(n) for n in range(1, 6)]) == head
    assert len(journal.entries_after(0)) == 5


def flip_a_bit(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[2].replace(b'"mode":1', b'"mode":0'), *lines[3:]]


def spell_otherwise(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[2].replace(b'"n":3', b'"n": 3'), *lines[3:]]


def swap_two(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[3], lines[2], lines[4]]


def drop_one(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], *lines[3:]]


def repeat_one(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[1], *lines[2:]]


def not_json(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], b"\x00" * len(lines[2]), *lines[3:]]


@pytest.mark.parametrize("harm", [flip_a_bit, spell_otherwise, swap_two, drop_one, repeat_one, not_json])
def test_a_harmed_line_is_named_with_its_file_and_number(
    harm: Callable[[list[bytes]], list[bytes]], tmp_path: Path
) -> None:
    _, head = filled(tmp_path)
    path = tmp_path / FILE
    path.write_bytes(b"".join(line + b"\n" for line in harm(path.read_bytes().splitlines())))
    before = path.read_bytes()

    with pytest.raises(JournalDamagedError, match=f"{path}: entry [34] .*Put the right journal back"):
        Journal(tmp_path).check(head)
    with pytest.raises(JournalDamagedError):
        Journal(tmp_path).write(head, [intent(6)])
    assert path.read_bytes() == before  # nothing that is whole is ever cut off


def test_every_single_flipped_bit_is_noticed(tmp_path: Path) -> None:
    _, head = filled(tmp_path, 2)
    path = tmp_path / FILE
    whole = path.read_bytes()
    believed = []
    for at in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            try:
                Journal(tmp_path).check(head)
            except JournalError:
                continue
            believed.append((at, bit))

    assert believed == []


def test_a_journal_that_ends_too_early_is_missing_or_anothers_is_refused(tmp_path: Path) -> None:
    _, head = filled(tmp_path / "ours")
    filled(tmp_path / "shorter", 3)
    _, _ = filled(tmp_path / "longer", 7)
    other = Journal(tmp_path / "others")
    other.write(Head(), [intent(n) for n in range(11, 20)])

    with pytest.raises(JournalShortError, match="ends with entry 3, but these databases have applied entry 5"):
        Journal(tmp_path / "shorter").check(head)
    with pytest.raises(JournalShortError, match="is missing"):
        Journal(tmp_path / "nowhere").check(head)
    with pytest.raises(JournalShortError, match="entry 5 is not the one"):
        Journal(tmp_path / "others").check(head)
    Journal(tmp_path / "longer").check(head)


def test_a_journal_cut_or_replaced_under_a_running_process_is_noticed(tmp_path: Path) -> None:
    journal, head = filled(tmp_path)
    path = tmp_path / FILE
    whole = path.read_bytes()

    path.write_bytes(whole[:-100])
    with pytest.raises(JournalShortError, match="was cut off"):
        journal.head()

    path.write_bytes(whole)
    again = Journal(tmp_path)
    again.check(head)
    path.rename(tmp_path / "aside")
    Journal(tmp_path).write(Head(), [intent(n) for n in range(21, 30)])
    with pytest.raises(JournalShortError, match="entry 5 is not the one"):
        again.head()


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_last_line_that_a_crash_left_half_is_cut_off_by_the_next_writer_and_no_whole_one(
    kept: int, tmp_path: Path
) -> None:
    _, head = filled(tmp_path, 3)
    path = tmp_path / FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:kept])

    second = Journal(tmp_path).head()
    again = Journal(tmp_path).write(second, [intent(3)])

    assert (second.n, again) == (2, head)
    assert path.read_bytes() == b"".join(lines)


def test_databases_older_than_the_journal_are_told_what_to_do(tmp_path: Path) -> None:
    journal, _ = filled(tmp_path)
    entries = journal.entries_after(0)

    with pytest.raises(JournalAheadError, match="sendigopro privacy replay"):
        Journal(tmp_path).write(Head(2, entries[1].hash), [intent(3)])


def append_some(folder: Path, first: int) -> None:
    """A process that knows nothing of the others: each intends what it alone has, and knows what stands there."""
    journal = Journal(folder)
    for n in range(first, first + 20):
        with journal._mutex, journal._locked():  # noqa: SLF001  # as `write` does, without a database's row lock
            journal._catch_up(is_writer=True)  # noqa: SLF001
            journal._append([intent(n)])  # noqa: SLF001


def test_many_processes_append_to_one_chain(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("spawn")
    writers = [fork.Process(target=append_some, args=(tmp_path, 100 * w)) for w in range(1, 4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)

    entries = Journal(tmp_path).entries_after(0)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert sorted(entry.intent.id.int for entry in entries) == [100 * w + n for w in range(1, 4) for n in range(20)]


async def intend(pool: Pool, *intents: Intent) -> None:
    async with pool.acquire() as conn, conn.transaction():
        for one in intents:
            await journal_store.intend(conn, one)


async def applied(pool: Pool) -> Head:
    async with pool.acquire() as conn:
        return await journal_store.read_head(conn)


async def test_intents_of_transactions_reach_the_journal_once_whoever_writes_them(
    main_pool: Pool, tmp_path: Path
) -> None:
    await intend(main_pool, *(intent(n) for n in range(1, 21)))

    await asyncio.gather(*(catch_up(main_pool, Journal(tmp_path)) for _ in range(4)))

    entries = Journal(tmp_path).entries_after(0)
    assert [entry.intent for entry in entries] == [intent(n) for n in range(1, 21)]
    assert await applied(main_pool) == Head(20, entries[-1].hash)
    assert await main_pool.fetchval("SELECT count(*) FROM main.journal_intents") == 0


async def test_a_crash_between_journal_and_database_is_no_restore(main_pool: Pool, tmp_path: Path) -> None:
    """The entry is on disk, its intent still in the database: the process that starts next counts it as applied."""
    await intend(main_pool, intent(1))
    Journal(tmp_path).write(Head(), [intent(1)])

    await catch_up(main_pool, Journal(tmp_path))

    assert (await applied(main_pool)).n == 1
    assert len(Journal(tmp_path).entries_after(0)) == 1


async def test_a_process_refuses_to_serve_databases_older_than_the_journal_or_without_it(
    main_pool: Pool, main_owner: Conn, tmp_path: Path
) -> None:
    await intend(main_pool, intent(1), intent(2))
    await catch_up(main_pool, Journal(tmp_path))
    (first, _) = Journal(tmp_path).entries_after(0)
    (tmp_path / FILE).rename(tmp_path / "lost")
    with pytest.raises(JournalShortError, match="is missing"):
        await catch_up(main_pool, Journal(tmp_path))

    (tmp_path / "lost").rename(tmp_path / FILE)
    await main_owner.execute("UPDATE main.journal_head SET applied_head = 1, hash = $1", first.hash)
    with pytest.raises(JournalAheadError, match="privacy replay"):
        await catch_up(main_pool, Journal(tmp_path))
