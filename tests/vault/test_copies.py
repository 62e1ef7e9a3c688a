"""A key store in several folders: every write reaches all of them, and none is left behind in silence."""

import shutil
from pathlib import Path

import pytest

from sendigopro.vault.keepers.file import FileKeeper
from sendigopro.vault.keys import KeyErasedError, KeyStoreError
from sendigopro.vault.tree import KeyTree


def open_store(*folders: Path) -> KeyTree:
    return KeyTree(folders, FileKeeper([folder / "keeper" for folder in folders]))


def contents(folder: Path) -> dict[Path, bytes]:
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return tmp_path / "one"


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return tmp_path / "two"


def test_the_copies_are_equal_byte_for_byte_and_either_opens_alone(one: Path, two: Path) -> None:
    tree = open_store(one, two)
    tree.take_block(0)
    tree.erase([5])
    before = tree.key(6)
    tree.close()

    assert contents(one) == contents(two)
    shutil.rmtree(one)
    survivor = open_store(two)
    assert survivor.key(6) == before
    with pytest.raises(KeyErasedError):
        survivor.key(5)


def test_an_erasure_that_does_not_reach_a_copy_is_an_error_until_it_does(one: Path, two: Path, tmp_path: Path) -> None:
    tree = open_store(one, two)
    tree.take_block(0)
    tree.condemn([5])
    two.rename(tmp_path / "unplugged")

    for attempt in (tree.destroy, tree.destroy, lambda: tree.condemn([6])):
        with pytest.raises(KeyStoreError, match=r"The copy of the key store in .*two.* cannot be used"):
            attempt()
    with pytest.raises(KeyErasedError):
        tree.key(5)
    (tmp_path / "unplugged").rename(two)
    again = open_store(one, two)
    again.destroy()

    assert again.root.dying == ""
    assert contents(one) == contents(two)
    with pytest.raises(KeyErasedError):
        open_store(two).key(5)


def test_a_new_copy_is_filled_and_one_that_fell_behind_catches_up(one: Path, two: Path, tmp_path: Path) -> None:
    alone = open_store(one)
    alone.take_block(0)
    open_store(one, two).close()
    shutil.copytree(two, tmp_path / "behind")
    alone.take_block(1)
    alone.erase([5])

    open_store(one, tmp_path / "behind").close()

    assert contents(tmp_path / "behind") == contents(one)


def test_a_copy_that_cannot_be_a_folder_is_named(one: Path, two: Path) -> None:
    two.write_text("a file")

    with pytest.raises(KeyStoreError, match="two"):
        open_store(one, two)
