"""An instance is robbed before, between and after erasures; then everything that was taken is tried on everything."""

import asyncio
import json
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sendigopro.vault.keepers.file import FileKeeper
from sendigopro.vault.keys import KeyStoreError
from sendigopro.vault.root import Root
from sendigopro.vault.snapshots import expire, registered
from sendigopro.vault.tree import KeyTree
from tests.attack import loot
from tests.attack.tree import History
from tests.instance import POLL_SECONDS, Instance

Level = Literal["bounded", "immediate"]
BATCH = 500
WAIT_SECONDS = 300
PREFIX, BODY = "4915112", "The secret of"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many people each attack recovered, by identifier or body."""

    erased: int
    kept: int
    node_versions: int
    erased_recovered: int
    """With everything that was taken and the root in force."""
    kept_readable: int
    with_old_root: int
    """The control: the same attack, given the root of before as well. All, or the attack is no good."""
    files_in_clear: list[str]
    """Of everything that was taken, what holds a number or a body as it is."""
    with_recovery_key: int | None
    """Level bounded, while the recovery key of the snapshot lives: what receipts say. None at level immediate."""


def numbers(count: int) -> list[str]:
    return [f"+{PREFIX}{n:06d}" for n in range(count)]


def rob(source: Path, target: Path) -> None:
    """A whole copy: write-ahead log, owners and all."""
    subprocess.run(["cp", "-a", source, target], check=True, timeout=WAIT_SECONDS)  # noqa: S607  # every system's


def files_with(folder: Path, needles: list[bytes]) -> list[str]:
    """Files below that hold one of them in clear."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [str(path.relative_to(folder)) for path in found if any(needle in path.read_bytes() for needle in needles)]


def body_of(number: str) -> str:
    return f"{BODY} {number[::-1]}"


class Campaign:
    """One instance, and the attacker's cellar beside it."""

    def __init__(self, folder: Path, *, level: Level, erased: int, kept: int, say: Callable[[str], None]) -> None:
        environment = {
            "SENDIGOPRO_BACKUP_LEVEL": level,
            "SENDIGOPRO_RECOVERY_DIR": str(folder / "recovery"),
            "SENDIGOPRO_JOURNAL_DIR": str(folder / "journal"),
        }
        self.instance = Instance(folder, environment=environment)
        self.cellar = folder / "cellar"
        self.level = level
        people = numbers(erased + kept)
        self.victims, self.others = people[::2][:erased], [*people[::2][erased:], *people[1::2]]
        self.victims += self.others[: erased - len(self.victims)]
        self.others = [number for number in people if number not in set(self.victims)]
        self.say = say

    def run(self) -> Verdict:
        """Rob it, erase, rob it again, attack."""
        self.cellar.mkdir(parents=True)
        self.cellar.chmod(0o711)
        try:
            self.fill_and_erase()
        finally:
            self.instance.stop()
        return self.attack()

    def fill_and_erase(self) -> None:
        words = self.instance.start()
        self.say(f"writing to {len(self.victims) + len(self.others)} people")
        self.write_to([*self.victims, *self.others], words["test_key"])
        self.instance.stop()
        rob(self.instance.data_dir, self.cellar / "before")
        words = self.instance.start()
        if self.level == "bounded":
            self.instance.command("backup", str(self.cellar / "backup"))
        second = self.second_key()
        half = len(self.victims) // 2
        for name, part in (("between", self.victims[:half]), ("after", self.victims[half:])):
            self.say(f"erasing {len(part)}")
            self.erase(part, words["test_key"], second=second)
            rob(self.instance.data_dir / "keys", self.cellar / f"{name}-keys")
        self.instance.stop()
        rob(self.instance.data_dir, self.cellar / "after")

    def attack(self) -> Verdict:
        self.say("attacking")
        before, after = self.root_in("before"), self.root_in("after")
        history = History(after.tree)
        for keys in self.cellar.rglob("keys"):
            history.add(keys)
        for name in ("between-keys", "after-keys"):
            history.add(self.cellar / name)
        people = asyncio.run(loot.take(self.cellar / "before")) + asyncio.run(loot.take(self.cellar / "after"))

        def recovered(roots: list[bytes], wanted: list[str]) -> int:
            found = set().union(*(loot.opened(one, history, roots) for one in people))
            return sum(number in found or body_of(number) in found for number in wanted)

        roots = [after.key, *self.snapshot_roots(is_over=True)]
        return Verdict(
            erased=len(self.victims),
            kept=len(self.others),
            node_versions=history.count,
            erased_recovered=recovered(roots, self.victims),
            kept_readable=recovered(roots, self.others),
            with_old_root=recovered([*roots, before.key], self.victims),
            files_in_clear=files_with(self.cellar, [PREFIX.encode(), BODY.encode()]),
            with_recovery_key=recovered(self.living, self.victims) if self.level == "bounded" else None,
        )

    def root_in(self, name: str) -> Root:
        """The root of a robbed data folder, wrapping key included: files are the level that hides least."""
        folder = self.cellar / name / "keys"
        tree = KeyTree([folder], FileKeeper([folder / "keeper"]))
        tree.close()
        return tree.root

    def snapshot_roots(self, *, is_over: bool) -> list[bytes]:
        """What key snapshots open to: first while their recovery key lives, then after it was destroyed on time."""
        snapshot, recovery = self.cellar / "backup" / "keys", FileKeeper([self.instance.folder / "recovery"])
        if self.level != "bounded":
            return []
        opened = KeyTree([snapshot], recovery)
        opened.close()
        self.living = [opened.root.key]
        assert is_over
        keys = self.instance.data_dir / "keys"
        tree = KeyTree([keys], FileKeeper([keys / "keeper"]))
        expire(tree, recovery, now=max(key.ends for key in registered(tree)))
        tree.close()
        try:
            return [KeyTree([snapshot], recovery).root.key]
        except KeyStoreError:
            return []

    def write_to(self, people: list[str], key: str) -> None:
        sent: list[str] = []
        for start in range(0, len(people), BATCH):
            some = [{"to": number, "body": body_of(number)} for number in people[start : start + BATCH]]
            answer = self.call("/v1/messages/batch", key, {"messages": some})
            sent += [item["message"]["id"] if "message" in item else item["id"] for item in answer["data"]]
        for message_id in (sent[0], sent[-1]):
            self.until(lambda one=message_id: self.call(f"/v1/messages/{one}", key)["status"] == "delivered")  # type: ignore[misc]

    def erase(self, people: list[str], key: str, *, second: str) -> None:
        made = [self.call("/v1/privacy/requests", key, {"type": "erase", "identifier": number}) for number in people]
        for one in made:
            if one["status"] == "awaiting_approval":
                self.call(f"/v1/privacy/requests/{one['id']}/approve", second, {})
        for one in made:
            self.until(
                lambda request=one["id"]: self.call(f"/v1/privacy/requests/{request}", key)["status"] == "completed"  # type: ignore[misc]
            )

    def second_key(self) -> str:
        """Of whoever approves erasures beyond a hundred an hour."""
        return self.instance.command("keys", "create", "--scope", "privacy.approve").strip()

    def call(self, path: str, key: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(f"http://{self.instance.address}{path}")
        request.add_header("Authorization", f"Bearer {key}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # loopback
            found: dict[str, Any] = json.load(answer)
        return found

    def until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not is_so():
            assert time.monotonic() < deadline, self.instance.last_words()
            time.sleep(POLL_SECONDS)
