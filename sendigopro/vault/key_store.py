"""Opens the key store that the settings describe."""

import importlib
from pathlib import Path
from typing import Any

from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.settings import Settings
from sendigopro.vault.keepers.file import FileKeeper
from sendigopro.vault.keys import KeyStoreError
from sendigopro.vault.root import Keeper
from sendigopro.vault.tree import KeyTree

KEEPER_FOLDER = "keeper"
RECOVERY_FOLDER = "recovery"


def open_key_store(settings: Settings) -> KeyTree:
    """The keys of this installation; what is wrong with them is told in one line."""
    folders = key_folders(settings)
    try:
        return KeyTree(folders, keeper_of(settings, [folder / KEEPER_FOLDER for folder in folders]))
    except KeyStoreError as error:
        raise OperatorError(str(error)) from error


def key_folders(settings: Settings) -> list[Path]:
    """Where the key store stands: the folder that is read, then its copies."""
    copies = [Path(copy) for copy in settings.keys_copies.split(":") if copy]
    return [settings.keys_folder, *copies]


def recovery_keeper(settings: Settings) -> Keeper:
    """Who holds the keys of key snapshots, each for seven days: never in a folder that is backed up."""
    return keeper_of(settings, [settings.recovery_folder])


def keeper_of(settings: Settings, folders: list[Path]) -> Keeper:
    """The keeper named by SENDIGOPRO_ROOT; `folders` are for the one that keeps files."""
    keeper: Keeper
    match settings.root:
        case "file":
            keeper = FileKeeper(folders)
        case "pkcs11":
            module, pin_file = Path(settings.pkcs11_module), Path(settings.pkcs11_pin_file)
            keeper = _module("pkcs11").Pkcs11Keeper(module, token=settings.pkcs11_token, pin_file=pin_file)
        case "aws-kms":
            keeper = _module("aws_kms").AwsKmsKeeper()
        case _:
            raise OperatorError(f"SENDIGOPRO_ROOT is {settings.root!r} but must be file, pkcs11 or aws-kms.")
    return keeper


def _module(name: str) -> Any:  # noqa: ANN401  # a module
    """Loaded only by whoever uses it: their libraries are extras."""
    try:
        return importlib.import_module(f"sendigopro.vault.keepers.{name}")
    except ModuleNotFoundError as error:
        extra = name.replace("_", "-")
        raise OperatorError(f"{error.name} is not installed: pip install 'sendigopro[{extra}]'.") from error
