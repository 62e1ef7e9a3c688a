"""A backup brings back an instance, and nobody who was erased: at both levels, after the loss of the whole machine."""

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.instance import POLL_SECONDS, PROGRAM, ROOT, Instance, passing_folder

ANNA, BEN = "+15005550006", "+15005550007"


class Saved(Instance):
    """An instance whose journal and recovery keys stand beyond its data folder, as they should."""

    def call(self, path: str, key: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(f"http://{self.address}{path}")  # loopback
        request.add_header("Authorization", f"Bearer {key}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # the same
            found: dict[str, Any] = json.load(answer)
        return found

    def until(self, is_so: Callable[[], bool]) -> None:
        """Ask until it is so."""
        deadline = time.monotonic() + 30
        while not is_so():
            assert time.monotonic() < deadline, self.last_words()
            time.sleep(POLL_SECONDS)

    def refusal(self, *words: str) -> str:
        """Run a command that must not succeed; what it said."""
        done = subprocess.run(
            [*PROGRAM, *words], cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture(params=["bounded", "immediate"])
def saved(request: pytest.FixtureRequest) -> Iterator[Saved]:
    with passing_folder() as folder:
        places = {name: str(folder / "elsewhere" / name.lower()) for name in ("JOURNAL", "RECOVERY")}
        environment = {f"SENDIGOPRO_{name}_DIR": place for name, place in places.items()}
        environment["SENDIGOPRO_BACKUP_LEVEL"] = request.param
        (folder / "elsewhere").mkdir()
        if request.param == "immediate":
            environment["SENDIGOPRO_KEYS_COPIES"] = str(folder / "elsewhere" / "keys")
        instance = Saved(folder, environment=environment)
        try:
            yield instance
        finally:
            instance.stop()


def erased(instance: Saved, key: str, identifier: str) -> dict[str, Any]:
    """Erase somebody, to the end; the receipt."""
    made = instance.call("/v1/privacy/requests", key, {"type": "erase", "identifier": identifier})
    instance.until(lambda: instance.call(f"/v1/privacy/requests/{made['id']}", key)["status"] == "completed")
    return instance.call(f"/v1/privacy/requests/{made['id']}/receipt", key)["receipt"]  # type: ignore[no-any-return]


@pytest.mark.slow
def test_after_the_loss_of_the_machine_everybody_is_back_but_the_erased(saved: Saved) -> None:
    key = saved.start()["test_key"]
    sent = {to: saved.call("/v1/messages", key, {"to": to, "body": "Hello"})["id"] for to in (ANNA, BEN)}
    folder = saved.folder / "backup"
    is_bounded = saved.environment["SENDIGOPRO_BACKUP_LEVEL"] == "bounded"

    said = saved.command("backup", str(folder))
    receipt = erased(saved, key, ANNA)
    saved.stop()
    shutil.rmtree(saved.data_dir)
    restored = saved.command("restore", str(folder))
    key = saved.start()["test_key"]

    assert (folder / "keys").exists() == is_bounded
    assert ("snapshot opens until" in said) == is_bounded
    assert receipt["backups"]["level"] == saved.environment["SENDIGOPRO_BACKUP_LEVEL"]
    assert (receipt["backups"]["open_until"] is not None) == is_bounded
    assert "1 erase" in restored
    found = {to: saved.call(f"/v1/messages/{message_id}", key) for to, message_id in sent.items()}
    assert (found[BEN]["to"], found[BEN]["body"]) == (BEN, "Hello")
    assert (found[ANNA]["to"], found[ANNA]["body"]) == (None, None)
    refused = saved.call("/v1/messages", key, {"to": ANNA, "body": "Again"})
    saved.until(lambda: saved.call(f"/v1/messages/{refused['id']}", key)["status"] in {"canceled", "rejected"})


@pytest.mark.slow
def test_what_cannot_be_restored_rightly_is_not_restored_at_all(saved: Saved) -> None:
    key = saved.start()["test_key"]
    saved.call("/v1/messages", key, {"to": ANNA, "body": "Hello"})
    folder = saved.folder / "backup"
    saved.command("backup", str(folder))
    erased(saved, key, ANNA)
    elsewhere = saved.folder / "elsewhere"

    assert "is not empty" in saved.refusal("backup", str(folder))
    assert "holds an instance already" in saved.refusal("restore", str(folder))
    saved.stop()
    shutil.rmtree(saved.data_dir)
    (elsewhere / "journal").rename(elsewhere / "kept")
    assert "people who were erased after the backup would come back" in saved.refusal("restore", str(folder))
    (elsewhere / "kept").rename(elsewhere / "journal")
    dump = folder / "vault.dump"
    whole = dump.read_bytes()
    dump.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "vault.dump is missing, or is not what was backed up" in saved.refusal("restore", str(folder))
    dump.write_bytes(whole)
    for name in ("recovery", "keys"):
        shutil.rmtree(elsewhere / name, ignore_errors=True)
    told = saved.refusal("restore", str(folder))
    assert "does not open" in told or "holds no keys" in told
    assert not (saved.data_dir / "postgres").exists()
