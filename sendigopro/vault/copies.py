"""Files of the key store, kept in one folder or in several: what is written stands in all of them before it counts."""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from sendigopro.vault.keys import KeyStoreError

LOCK = "lock"
OPEN_FILES_MAX = 128
PRIVATE = 0o600


class Copies:
    """The same files in every folder, read from the first. Not for two threads at once.

    A folder that cannot be written fails the write: an erasure that reaches one copy of two is none.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)
        self._open: dict[str, tuple[int, ...]] = {}
        self._written: set[str] = set()

    def read(self, name: str, *, at: int, size: int) -> bytes:
        """As many bytes as there are; none when there is no such file."""
        descriptors = self._open.get(name) or self._opened(name, os.O_RDWR)
        return os.pread(descriptors[0], size, at) if descriptors else b""

    def write(self, name: str, content: bytes, *, at: int) -> None:
        """Write into every copy; durable after `sync`."""
        descriptors = self._opened(name, os.O_RDWR | os.O_CREAT)
        self._written.add(name)
        # The first comes last: what it has, the others have.
        for folder, descriptor in zip(reversed(self.folders), reversed(descriptors), strict=True):
            try:
                os.pwrite(descriptor, content, at)
            except OSError as error:
                raise unreachable(folder, error) from error

    def sync(self) -> None:
        """Have everything written so far on every disk."""
        for name in sorted(self._written):
            descriptors = self._opened(name, os.O_RDWR | os.O_CREAT)
            for folder, descriptor in zip(reversed(self.folders), reversed(descriptors), strict=True):
                try:
                    os.fsync(descriptor)
                except OSError as error:
                    raise unreachable(folder, error) from error
        self._written.clear()

    def replace(self, name: str, content: bytes) -> None:
        """Put a small file in the place of another, in every copy, whole or not at all, and on disk."""
        for folder in self.folders:
            try:
                replace_file(folder / name, content)
            except OSError as error:
                raise unreachable(folder, error) from error

    def check(self, name: str) -> None:
        """That every folder is where it was: a file that is open goes on being written when its disk was changed."""
        for folder in self.folders:
            try:
                (folder / name).stat()
            except OSError as error:
                raise unreachable(folder, error) from error

    def make_equal(self) -> list[Path]:
        """Bring copies that miss something up to what the first folder holds; returns which. Under the store's lock."""
        wanted = _contents(self.folders[0])
        behind = [folder for folder in self.folders[1:] if _contents(folder) != wanted]
        for folder in behind:
            try:
                for name in _contents(folder).keys() - wanted.keys():
                    overwrite(folder / name)  # a wrapping key that died while this copy was away
                shutil.copytree(self.folders[0], folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(LOCK))
                for path in [folder, *folder.rglob("*")]:
                    sync_folder(path)
            except OSError as error:
                raise unreachable(folder, error) from error
        return behind

    def close(self) -> None:
        for descriptors in self._open.values():
            for descriptor in descriptors:
                os.close(descriptor)
        self._open.clear()

    def _opened(self, name: str, flags: int) -> tuple[int, ...]:
        known = self._open.get(name)
        if known is not None:
            return known
        if len(self._open) >= OPEN_FILES_MAX:
            self.sync()
            for descriptor in self._open.pop(next(iter(self._open))):
                os.close(descriptor)
        descriptors = []
        for folder in self.folders:
            try:
                descriptors.append(_open_file(folder, name, flags))
            except FileNotFoundError as error:
                if not descriptors and not flags & os.O_CREAT:
                    return ()
                raise unreachable(folder, error) from error  # never taken for a file that nobody has
            except OSError as error:
                raise unreachable(folder, error) from error
        self._open[name] = tuple(descriptors)
        return self._open[name]


def make_folder(folder: Path) -> None:
    """For us alone, with the folders above it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unreachable(folder, error) from error


def replace_file(path: Path, content: bytes) -> None:
    """Write beside it, sync, rename over it, sync the folder: after a crash it is the old one or the new one."""
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.rename(path)
    sync_folder(path.parent)


def overwrite(path: Path) -> None:
    """Remove a small secret file, its bytes first."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    path.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder, or the bytes of a file, on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_file(folder: Path, name: str, flags: int) -> int:
    path = folder / name
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC, PRIVATE)
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
    if path.parent != folder:
        path.parent.mkdir(mode=0o700, exist_ok=True)  # not those above it: a disk that is away stays away
    descriptor = os.open(path, flags | os.O_CLOEXEC, PRIVATE)
    sync_folder(path.parent)
    return descriptor


def _contents(folder: Path) -> dict[str, int | bytes]:
    """What tells copies apart: the sizes of nodes' files, and all of what is small and decides."""
    found: dict[str, int | bytes] = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.name != LOCK:
            is_nodes = path.parent != folder
            found[str(path.relative_to(folder))] = path.stat().st_size if is_nodes else path.read_bytes()
    return found


def unreachable(folder: Path, error: OSError) -> KeyStoreError:
    """What is told when a folder of the store cannot be used."""
    reason = errno.errorcode.get(error.errno or 0, type(error).__name__)
    return KeyStoreError(
        f"The copy of the key store in {folder} cannot be used ({reason}). New keys and erasures wait until it can: "
        "bring the folder back, or take it out of SENDIGOPRO_KEYS_COPIES."
    )
