"""Wrapping keys in files, overwritten when they die: for development, and for disks that really overwrite."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sendigopro.foundation.randomness import random_bytes
from sendigopro.vault.copies import overwrite, replace_file, unreachable
from sendigopro.vault.keys import KEY_BYTES, KeyStoreError
from sendigopro.vault.root import Level

NONCE_BYTES = 12
NAME_BYTES = 8


class FileKeeper:
    """In one folder or, like the key store, in several."""

    level = Level(
        "file",
        is_for_production=False,
        days_until_destroyed=0,
        told="Enough for development: a disk or file system may keep old blocks of what is overwritten. "
        "For production set SENDIGOPRO_ROOT to pkcs11 or aws-kms.",
    )

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)

    def make(self, label: str) -> str:
        name = f"{label}-{random_bytes(NAME_BYTES).hex()}"
        key = random_bytes(KEY_BYTES)
        for folder in self._folders:
            with _told(folder):
                folder.mkdir(mode=0o700, exist_ok=True)  # not those above it: a disk that is away stays away
                replace_file(folder / name, key)
        return name

    def wrap(self, key_name: str, clear: bytes) -> bytes:
        nonce = random_bytes(NONCE_BYTES)
        return nonce + AESGCM(self._key(key_name)).encrypt(nonce, clear, key_name.encode())

    def unwrap(self, key_name: str, wrapped: bytes) -> bytes:
        try:
            return AESGCM(self._key(key_name)).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], key_name.encode())
        except (InvalidTag, ValueError) as error:
            raise KeyStoreError(
                f"{self._folders[0] / key_name} does not open the root: it is the wrong one."
            ) from error

    def destroy(self, key_name: str) -> None:
        for folder in self._folders:
            with _told(folder):
                overwrite(folder / key_name)

    def _key(self, key_name: str) -> bytes:
        for folder in self._folders:
            try:
                return (folder / key_name).read_bytes()
            except FileNotFoundError:
                continue
        raise KeyStoreError(
            f"There is no {self._folders[0] / key_name}, which wraps the root: the root file is an old copy, or of "
            "another store. Put the newest files of the key store back, all of one moment."
        )


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unreachable(folder, error) from error
