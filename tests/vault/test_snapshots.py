"""A key snapshot opens a backup for seven days; after that nobody can, and who was erased before it was made never."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from sendigopro.vault.keepers.file import FileKeeper
from sendigopro.vault.keys import KeyErasedError, KeyStoreError
from sendigopro.vault.snapshots import LIFE_DAYS, expire, opens_until, registered, restore_snapshot, take_snapshot
from sendigopro.vault.tree import KeyTree
from tests.vaults import key_tree

DAY = date(2031, 5, 1)


@pytest.fixture
def recovery(tmp_path: Path) -> FileKeeper:
    return FileKeeper([tmp_path / "recovery"])


@pytest.fixture
def tree(tmp_path: Path) -> KeyTree:
    tree = key_tree(tmp_path / "keys")
    tree.take_block(0)
    tree.erase([4])
    return tree


def restored(tmp_path: Path, recovery: FileKeeper, name: str) -> KeyTree:
    return restore_snapshot(
        tmp_path / name,
        recovery,
        into=[tmp_path / f"{name}-back"],
        keeper=FileKeeper([tmp_path / f"{name}-back/keeper"]),
    )


def test_a_store_comes_back_as_it_was_and_forgets_on(tmp_path: Path, tree: KeyTree, recovery: FileKeeper) -> None:
    before = [tree.key(5), tree.key(6)]
    take_snapshot(tree, recovery, tmp_path / "snapshot", today=DAY)
    shutil.rmtree(tmp_path / "keys")

    back = restored(tmp_path, recovery, "snapshot")

    assert [back.key(5), back.key(6)] == before
    with pytest.raises(KeyErasedError):
        back.key(4)
    back.erase([5])
    with pytest.raises(KeyErasedError):
        back.key(5)
    assert back.key(6) == before[1]
    assert back.take_block(0) is False


def test_who_is_erased_after_a_snapshot_is_opened_by_it_until_its_key_dies_and_then_by_nothing(
    tmp_path: Path, tree: KeyTree, recovery: FileKeeper
) -> None:
    key = tree.key(5)
    take_snapshot(tree, recovery, tmp_path / "snapshot", today=DAY)
    tree.erase([5])
    until = opens_until(tree, recovery)
    assert until == datetime(2031, 5, 1 + LIFE_DAYS, tzinfo=UTC)

    assert expire(tree, recovery, now=until - timedelta(seconds=1)) == []
    assert restored(tmp_path, recovery, "snapshot").key(5) == key
    assert [one.day for one in expire(tree, recovery, now=until)] == [DAY]

    shutil.rmtree(tmp_path / "snapshot-back")
    with pytest.raises(KeyStoreError):
        restored(tmp_path, recovery, "snapshot")
    assert registered(tree) == []
    assert opens_until(tree, recovery) is None


def test_snapshots_of_one_day_share_a_key_and_those_of_two_do_not(
    tmp_path: Path, tree: KeyTree, recovery: FileKeeper
) -> None:
    for name, day in (("a", DAY), ("b", DAY), ("c", DAY + timedelta(days=1))):
        take_snapshot(tree, recovery, tmp_path / name, today=day)

    assert [one.day for one in registered(tree)] == [DAY, DAY + timedelta(days=1)]
    expire(tree, recovery, now=registered(tree)[0].ends)
    for name in ("a", "b"):
        with pytest.raises(KeyStoreError):
            restored(tmp_path, recovery, name)
    assert len(restored(tmp_path, recovery, "c").key(6)) == 32


def test_a_snapshot_holds_neither_the_root_nor_what_wraps_it(
    tmp_path: Path, tree: KeyTree, recovery: FileKeeper
) -> None:
    take_snapshot(tree, recovery, tmp_path / "snapshot", today=DAY)
    secrets = [tree.root.key, *(path.read_bytes() for path in (tmp_path / "keys" / "keeper").iterdir())]
    secrets += [path.read_bytes() for path in (tmp_path / "recovery").iterdir()]

    for path in (tmp_path / "snapshot").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [secret for secret in secrets if secret in content or secret.hex().encode() in content]


def test_a_snapshot_is_never_put_over_a_store_that_is_there(
    tmp_path: Path, tree: KeyTree, recovery: FileKeeper
) -> None:
    take_snapshot(tree, recovery, tmp_path / "snapshot", today=DAY)

    with pytest.raises(KeyStoreError, match="already"):
        restore_snapshot(
            tmp_path / "snapshot", recovery, into=[tmp_path / "keys"], keeper=FileKeeper([tmp_path / "keys/keeper"])
        )


def test_a_register_that_is_damaged_is_named(tmp_path: Path, tree: KeyTree, recovery: FileKeeper) -> None:
    take_snapshot(tree, recovery, tmp_path / "snapshot", today=DAY)
    (tmp_path / "keys" / "snapshots").write_bytes(b"[{")

    with pytest.raises(KeyStoreError, match="snapshots is damaged"):
        opens_until(tree, recovery)
