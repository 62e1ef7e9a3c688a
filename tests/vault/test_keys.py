"""Keys are on disk before they are used, are never given twice, and are gone when erased."""

import asyncio
import sys
from pathlib import Path

import pytest

from sendigopro.foundation.database_urls import as_role
from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.vault.keys import BLOCK_SLOTS, BLOCKS_PER_SEGMENT, SEGMENT_SLOTS, FileKeys, KeyErasedError
from sendigopro.vault.slots import Slots

TAKER = str(Path(__file__).with_name("slot_taker.py"))
ROOT = str(Path(__file__).parents[2])


def test_every_process_sees_the_same_keys_and_no_two_slots_share_one(tmp_path: Path) -> None:
    here, there = FileKeys(tmp_path / "keys"), FileKeys(tmp_path / "keys")
    here.take_block(0)

    found = [here.key(slot) for slot in range(BLOCK_SLOTS)]

    assert [there.key(slot) for slot in range(BLOCK_SLOTS)] == found
    assert len(set(found)) == BLOCK_SLOTS
    assert {len(key) for key in found} == {32}


def test_an_erased_key_is_gone_for_all_and_its_neighbours_stay(tmp_path: Path) -> None:
    here, there = FileKeys(tmp_path / "keys"), FileKeys(tmp_path / "keys")
    here.take_block(0)
    here.take_block(BLOCKS_PER_SEGMENT)
    before = {slot: here.key(slot) for slot in (4, 5, 6, SEGMENT_SLOTS, SEGMENT_SLOTS + 1)}
    epoch = there.epoch

    here.erase([5, SEGMENT_SLOTS])

    for slot in (5, SEGMENT_SLOTS):
        with pytest.raises(KeyErasedError):
            there.key(slot)
        raw = (tmp_path / "keys" / f"segment-{slot // SEGMENT_SLOTS:06d}").read_bytes()
        assert before[slot] not in raw
    assert {slot: there.key(slot) for slot in (4, 6, SEGMENT_SLOTS + 1)} == {
        slot: before[slot] for slot in (4, 6, SEGMENT_SLOTS + 1)
    }
    assert there.epoch == epoch + 2
    assert sorted(there.erased_since(epoch)) == [5, SEGMENT_SLOTS]


def test_the_key_files_are_for_their_owner_only(tmp_path: Path) -> None:
    FileKeys(tmp_path / "keys").take_block(0)

    modes = {path.name: path.stat().st_mode & 0o777 for path in [tmp_path / "keys", *(tmp_path / "keys").iterdir()]}

    assert modes.pop("keys") == 0o700
    assert set(modes.values()) == {0o600}


def test_a_half_written_key_file_is_never_used(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keys = FileKeys(folder)
    (folder / "segment-000000.unfinished").write_bytes(b"torn")

    keys.take_block(0)

    assert len(keys.key(BLOCK_SLOTS - 1)) == 32


def test_a_key_folder_of_another_instance_is_told_from_an_erasure(tmp_path: Path) -> None:
    with pytest.raises(KeyErasedError, match="data folder"):
        FileKeys(tmp_path / "elsewhere").key(7)


async def test_two_processes_never_get_one_slot(vault_url: str, tmp_path: Path) -> None:
    command = [sys.executable, TAKER, as_role(vault_url, "pipeline"), str(tmp_path / "keys"), "10000"]
    processes = [
        await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env={"PYTHONPATH": ROOT})
        for _ in range(4)
    ]

    answers = await asyncio.gather(*(process.communicate() for process in processes))
    lines = [line.split() for out, _ in answers for line in out.decode().splitlines()]

    assert len(lines) == 40_000
    assert len({slot for slot, _ in lines}) == 40_000
    assert len({key for _, key in lines}) == 40_000


async def test_a_restored_database_does_not_hand_out_slots_again(
    vault_owner: Conn, vault_pool: Pool, key_files: FileKeys
) -> None:
    async with vault_pool.acquire() as conn:
        before = await Slots(vault_pool, key_files).take(conn, 10)
    await vault_owner.execute("DELETE FROM vault.key_blocks")
    await vault_owner.execute("ALTER TABLE vault.key_blocks ALTER COLUMN id RESTART WITH 0")

    async with vault_pool.acquire() as conn:
        after = await Slots(vault_pool, key_files).take(conn, 10)

    assert set(before).isdisjoint(after)


async def test_the_next_block_is_taken_before_this_one_is_used_up(vault_pool: Pool, key_files: FileKeys) -> None:
    slots = Slots(vault_pool, key_files)
    async with vault_pool.acquire() as conn:
        await slots.take(conn, BLOCK_SLOTS // 2 + 1)
    await slots.close()

    assert await vault_pool.fetchval("SELECT count(*) FROM vault.key_blocks") == 2


async def test_many_who_take_at_once_through_a_small_pool_all_get_theirs(vault_pool: Pool, key_files: FileKeys) -> None:
    slots = Slots(vault_pool, key_files)

    async def take() -> list[int]:
        async with vault_pool.acquire() as conn:
            return await slots.take(conn, 1500)

    async with asyncio.timeout(30):
        taken = [slot for some in await asyncio.gather(*(take() for _ in range(20))) for slot in some]
    await slots.close()

    assert len(set(taken)) == 30_000
