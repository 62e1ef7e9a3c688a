"""Wrapping keys in a security module that speaks PKCS#11 (OASIS, version 2.40): made there, and never outside it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import NoSuchKey, PKCS11Error, UserAlreadyLoggedIn

from sendigopro.foundation.randomness import random_bytes
from sendigopro.vault.keys import KeyStoreError
from sendigopro.vault.root import Level

KEY_BITS = 256
IV_BYTES = 16
NAME_BYTES = 8


class Pkcs11Keeper:
    """One session per process. The module checks nothing of what is wrapped; the root's own tag does."""

    level = Level(
        "pkcs11",
        is_for_production=True,
        days_until_destroyed=0,
        told="Wrapping keys are destroyed inside the security module, at once.",
    )

    def __init__(self, module: Path, *, token: str, pin_file: Path) -> None:
        self._where = f"The security module {module} with the token {token}"
        self._lock = threading.Lock()
        try:
            pin = pin_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise KeyStoreError(f"{pin_file} cannot be read: put the token's PIN there, for us alone.") from error
        with self._told():
            found = pkcs11.lib(str(module)).get_token(token_label=token)
            try:
                self._session = found.open(rw=True, user_pin=pin)
            except UserAlreadyLoggedIn:  # a login holds for the whole process (PKCS#11 2.40, §6.7.4)
                self._session = found.open(rw=True)

    def make(self, label: str) -> str:
        name = f"{label}-{random_bytes(NAME_BYTES).hex()}"
        with self._told():
            self._session.generate_key(
                KeyType.AES,
                KEY_BITS,
                label=name,
                store=True,
                template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
            )
        return name

    def wrap(self, key_name: str, clear: bytes) -> bytes:
        iv = random_bytes(IV_BYTES)
        with self._told():
            sealed = self._key(key_name).encrypt(clear, mechanism=Mechanism.AES_CBC_PAD, mechanism_param=iv)
        return iv + bytes(sealed)

    def unwrap(self, key_name: str, wrapped: bytes) -> bytes:
        iv, sealed = wrapped[:IV_BYTES], wrapped[IV_BYTES:]
        with self._told():
            return bytes(self._key(key_name).decrypt(sealed, mechanism=Mechanism.AES_CBC_PAD, mechanism_param=iv))

    def destroy(self, key_name: str) -> None:
        try:
            with self._told():
                self._key(key_name).destroy()
        except KeyStoreError as error:
            if not isinstance(error.__cause__, NoSuchKey):
                raise

    def _key(self, key_name: str) -> Any:  # noqa: ANN401  # what it can do is known at run time only
        return self._session.get_key(object_class=ObjectClass.SECRET_KEY, label=key_name)

    @contextmanager
    def _told(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except NoSuchKey as error:
                raise KeyStoreError(
                    f"{self._where} has no such wrapping key: the root file is an old copy, or of another store. "
                    "Put the newest files of the key store back, all of one moment."
                ) from error
            except PKCS11Error as error:
                raise KeyStoreError(
                    f"{self._where} does not do it ({type(error).__name__}): see that it runs."
                ) from error
