"""Keys are on disk before they are used, are never given twice, and are gone when erased."""

import asyncio
import sys
from pathlib import Path

import pytest

from sendigopro.foundation.database_urls import as_role
from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.vault.keys import BLOCK_SLOTS, KeyErasedError, KeyStoreError
from sendigopro.vault.nodes import FANOUT
from sendigopro.vault.slots import Slots
from sendigopro.vault.tree import AHEAD_SLOTS, KeyTree
from tests.vaults import key_tree

TAKER = str(Path(__file__).with_name("slot_taker.py"))
ROOT = str(Path(__file__).parents[2])
FAR_BLOCK = 70_000  # in another file on every level


def test_every_process_sees_the_same_keys_and_no_two_slots_share_one(tmp_path: Path) -> None:
    here, there = key_tree(tmp_path), key_tree(tmp_path)
    here.take_block(0)
    here.take_block(FAR_BLOCK)
    slots = [*range(BLOCK_SLOTS), *range(FAR_BLOCK * BLOCK_SLOTS, (FAR_BLOCK + 1) * BLOCK_SLOTS)]

    found = [here.key(slot) for slot in slots]

    assert [there.key(slot) for slot in slots] == found
    assert len(set(found)) == 2 * BLOCK_SLOTS
    assert {len(key) for key in found} == {32}


def test_an_erased_key_is_gone_for_all_and_its_neighbours_stay(tmp_path: Path) -> None:
    here, there = key_tree(tmp_path), key_tree(tmp_path)
    here.take_block(0)
    here.take_block(FAR_BLOCK)
    far = FAR_BLOCK * BLOCK_SLOTS
    neighbours = (4, 6, FANOUT, far - 1 + BLOCK_SLOTS, far + 1)
    before = {slot: there.key(slot) for slot in (5, far, *neighbours)}
    epoch = there.epoch

    here.erase([5, far])
    there.look()

    for slot in (5, far):
        for tree in (here, there, key_tree(tmp_path)):
            with pytest.raises(KeyErasedError):
                tree.key(slot)
    assert {slot: there.key(slot) for slot in neighbours} == {slot: before[slot] for slot in neighbours}
    assert there.epoch == epoch + 2
    assert sorted(there.erased_since(epoch)) == [5, far]


def test_a_condemned_key_is_handed_out_by_nobody_although_it_is_not_destroyed_yet(tmp_path: Path) -> None:
    here, there = key_tree(tmp_path), key_tree(tmp_path)
    here.take_block(0)
    before = there.key(6)
    there.key(5)

    here.condemn([5])
    there.look()

    for tree in (here, there, key_tree(tmp_path)):
        with pytest.raises(KeyErasedError):
            tree.key(5)
        assert tree.key(6) == before
    assert here.root.epoch == 0
    there.destroy()
    assert there.root.epoch == 1


def test_many_erasures_share_one_new_root_and_none_is_needed_for_new_keys(tmp_path: Path) -> None:
    tree = key_tree(tmp_path)
    for block in range(3):
        tree.take_block(block)
    assert tree.root.generation == 1

    tree.erase(range(0, 3 * BLOCK_SLOTS, 7))
    tree.destroy()

    assert tree.root.generation == 2
    kept = [slot for slot in range(3 * BLOCK_SLOTS) if slot % 7]
    assert len({tree.key(slot) for slot in kept}) == len(kept)


def test_what_was_erased_twice_or_never_given_out_harms_nobody(tmp_path: Path) -> None:
    tree = key_tree(tmp_path)
    tree.take_block(0)
    before = tree.key(1)

    tree.erase([5])
    tree.erase([5, 5, FAR_BLOCK * BLOCK_SLOTS])

    assert key_tree(tmp_path).key(1) == before


def test_a_process_that_looked_long_ago_looks_before_it_hands_out_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = key_tree(tmp_path), key_tree(tmp_path)
    here.take_block(0)
    there.key(5)
    here.erase([5])

    monkeypatch.setattr("sendigopro.vault.tree.clock.monotonic", lambda: there._look_at)  # noqa: SLF001  # that moment
    with pytest.raises(KeyErasedError):
        there.key(5)


def test_a_reader_whose_root_was_replaced_twice_meanwhile_finds_what_still_lives(tmp_path: Path) -> None:
    here, there = key_tree(tmp_path), key_tree(tmp_path)
    here.take_block(0)
    before = here.key(1)

    here.erase([5])
    here.erase([6])

    assert there.key(1) == before


def test_a_million_slots_are_made_ahead_of_the_last_block_and_none_twice(tmp_path: Path) -> None:
    tree = key_tree(tmp_path)
    tree.take_block(0)

    made = tree.grow_ahead()

    assert made >= AHEAD_SLOTS
    assert len(tree.key(BLOCK_SLOTS + AHEAD_SLOTS - 1)) == 32
    assert tree.grow_ahead() == 0
    assert tree.root.generation == 1


def test_the_key_files_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    tree = key_tree(folder)
    tree.take_block(0)
    tree.erase([1])

    found = [folder, *folder.rglob("*")]

    assert {path.stat().st_mode & 0o777 for path in found if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in found if path.is_file()} == {0o600}


def test_a_key_folder_of_another_instance_is_told_from_an_erasure(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError, match="data folder"):
        key_tree(tmp_path / "elsewhere").key(7)


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
    vault_owner: Conn, vault_pool: Pool, keys: KeyTree
) -> None:
    async with vault_pool.acquire() as conn:
        before = await Slots(vault_pool, keys).take(conn, 10)
    await vault_owner.execute("DELETE FROM vault.key_blocks")
    await vault_owner.execute("ALTER TABLE vault.key_blocks ALTER COLUMN id RESTART WITH 0")

    async with vault_pool.acquire() as conn:
        after = await Slots(vault_pool, keys).take(conn, 10)

    assert set(before).isdisjoint(after)


async def test_the_next_block_is_taken_before_this_one_is_used_up(vault_pool: Pool, keys: KeyTree) -> None:
    slots = Slots(vault_pool, keys)
    async with vault_pool.acquire() as conn:
        await slots.take(conn, BLOCK_SLOTS // 2 + 1)
    await slots.close()

    assert await vault_pool.fetchval("SELECT count(*) FROM vault.key_blocks") == 2


async def test_many_who_take_at_once_through_a_small_pool_all_get_theirs(vault_pool: Pool, keys: KeyTree) -> None:
    slots = Slots(vault_pool, keys)

    async def take() -> list[int]:
        async with vault_pool.acquire() as conn:
            return await slots.take(conn, 1500)

    async with asyncio.timeout(30):
        taken = [slot for some in await asyncio.gather(*(take() for _ in range(20))) for slot in some]
    await slots.close()

    assert len(set(taken)) == 30_000
