"""The files by which others find a running instance: instance.json for our commands, the ready file for programs."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from sendigopro.settings import INSTANCE_FILE, Settings, read_instance

REMEMBERED = (
    *("database_url", "vault_url", "host", "port", "base_url", "smpp_port", "keys_dir", "keys_copies"),
    *("root", "pkcs11_module", "pkcs11_token", "pkcs11_pin_file", "backup_level", "recovery_dir"),
    *("webs", "workers", "allow_private_webhooks", "privacy_contact"),
)


def write_instance(chosen: Settings, first: Mapping[str, object]) -> None:
    """Remember where everything is and what the first account was given; for the owner's eyes only."""
    words = {"settings": {name: getattr(chosen, name) for name in REMEMBERED}, "first": first}
    write_whole(chosen.data_dir / INSTANCE_FILE, words)


def first_account(chosen: Settings) -> dict[str, object]:
    """What the first start gave the first account; empty before."""
    return read_instance(chosen.data_dir).get("first", {})


def ready_words(chosen: Settings, first: Mapping[str, object], pids: Mapping[str, int]) -> dict[str, object]:
    """What the ready file says."""
    return {"url": chosen.url, "console_url": f"{chosen.url}/console", **first, "pids": dict(pids)}


def write_whole(path: Path, words: Mapping[str, object]) -> None:
    """Write a file that is either the old one or the new one for whoever reads it, also after a power cut."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(words, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(descriptor)
    unfinished.replace(path)
