"""A key store that is damaged, cut short, swapped or old is named and refused: nothing dead is served."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sendigopro.vault.keys import KeyErasedError, KeyStoreError
from sendigopro.vault.nodes import RECORD_BYTES
from tests.vaults import key_tree

LEAVES = "level-0/00000000"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store in which slot 5 was erased; beside it its copy from before, made whole."""
    folder = tmp_path / "keys"
    tree = key_tree(folder)
    tree.take_block(0)
    shutil.copytree(folder, tmp_path / "before")
    tree.erase([5])
    tree.close()
    return folder


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def open_and_read(folder: Path, slot: int = 6) -> bytes:
    tree = key_tree(folder)
    try:
        return tree.key(slot)
    finally:
        tree.close()


NEWEST = 256 * RECORD_BYTES
"""Where the version in force of the first leaf begins: the second side, written by the erasure."""


def cut_leaf(folder: Path) -> None:
    path = folder / LEAVES
    path.write_bytes(path.read_bytes()[: NEWEST + 4000])


def swap_leaves(folder: Path) -> None:
    path = folder / LEAVES
    content = bytearray(path.read_bytes())
    second = RECORD_BYTES
    content[NEWEST : NEWEST + RECORD_BYTES] = content[second : 2 * second]
    path.write_bytes(content)


def older(name: str) -> Callable[[Path], None]:
    def put_back(folder: Path) -> None:
        shutil.copy(folder.parent / "before" / name, folder / name)

    return put_back


def older_condemned(folder: Path) -> None:
    (folder / "condemned").unlink()


def other_slot_condemned(folder: Path) -> None:
    """As long as the right one, but it names another slot."""
    flip(folder / "condemned", 7)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a flipped bit in a node": (lambda folder: flip(folder / LEAVES, NEWEST + 100), LEAVES),
    "a node cut short": (cut_leaf, LEAVES),
    "two nodes swapped": (swap_leaves, LEAVES),
    "an old node file": (older(LEAVES), LEAVES),
    "an old top": (older("level-3/00000000"), "level-3"),
    "an old root": (older("root"), "root"),
    "a flipped bit in the root": (lambda folder: flip(folder / "root", 60), "root"),
    "no root": (lambda folder: (folder / "root").unlink(), "root"),
    "an empty root": (lambda folder: (folder / "root").write_bytes(b""), "root"),
    "a list of the erased that was lost": (older_condemned, "list of erased keys"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named_and_nothing_is_opened(folder: Path, name: str) -> None:
    damage, told = DAMAGE[name]
    assert len(open_and_read(folder)) == 32

    damage(folder)

    with pytest.raises(KeyStoreError, match=told):
        open_and_read(folder)


def test_a_list_of_the_erased_that_was_changed_is_refused_before_anything_is_destroyed_by_it(folder: Path) -> None:
    tree = key_tree(folder)
    tree.condemn([9])
    tree.close()
    path = folder / "condemned"
    flip(path, 16 + 7)

    with pytest.raises(KeyStoreError, match="condemned is damaged"):
        key_tree(folder)


def test_the_whole_store_of_yesterday_is_refused_because_what_opened_it_was_destroyed(folder: Path) -> None:
    assert len(open_and_read(folder.parent / "before", slot=5)) == 32

    shutil.rmtree(folder.parent / "before" / "keeper")
    shutil.copytree(folder / "keeper", folder.parent / "before" / "keeper")

    with pytest.raises(KeyStoreError, match="old copy"):
        open_and_read(folder.parent / "before")


def test_another_stores_root_is_refused(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    key_tree(other).close()
    shutil.copy(other / "root", folder / "root")
    shutil.copytree(other / "keeper", folder / "keeper", dirs_exist_ok=True)

    with pytest.raises(KeyStoreError):
        open_and_read(folder)


def test_a_root_is_never_made_anew_beside_existing_keys(folder: Path) -> None:
    (folder / "root").unlink()

    with pytest.raises(KeyStoreError, match="missing"):
        key_tree(folder)
    assert not (folder / "root").exists()


def test_what_a_crash_left_of_a_record_is_written_over(folder: Path) -> None:
    with (folder / "condemned").open("ab") as log:
        log.write(b"\0\0\0")
    tree = key_tree(folder)

    tree.erase([7])

    for slot in (5, 7):
        with pytest.raises(KeyErasedError):
            open_and_read(folder, slot)


def test_an_old_node_version_left_by_a_crashed_erasure_is_never_taken_for_the_one_in_force(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its nodes bear the generation that the next erasure, of somebody else, is the first to make true."""
    tree = key_tree(folder)
    tree.take_block(1)
    before = tree.key(4096)

    def die(*_: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr("sendigopro.vault.root.RootFile.replace", die)
        tree.condemn([4097])
        with pytest.raises(InterruptedError):
            tree.destroy()
    again = key_tree(folder)
    again.erase([7])

    assert open_and_read(folder, 4096) == before
    for slot in (5, 7, 4097):
        with pytest.raises(KeyErasedError):
            open_and_read(folder, slot)
