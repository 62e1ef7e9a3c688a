"""SendiGoPro as the bench measures it: a fresh instance pointed at the simulator."""

import asyncio
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg

from bench.stage import STATE, Target
from tests.instance import Instance

BINDS = 2
WINDOW = 500
BIND_SECONDS_MAX = 20.0
BODY = '{"to":"+{to}","body":"{text}","callback_url":"{dlr}"}'


class Ours:
    """Fresh data on the disk that holds the repository, one carrier with two binds."""

    def __init__(self, name: str, *, smsc_port: int, options: tuple[str, ...] = ()) -> None:
        self.smsc_port = smsc_port
        self.folder = STATE / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.instance = Instance(self.folder, options=options)
        self.ready: dict[str, Any] = {}

    def __enter__(self) -> Self:
        try:
            self.ready = self.instance.start()
            self.instance.add_smpp_carrier("sim", self.smsc_port, binds=BINDS, window=WINDOW)
            asyncio.run(settle(self.database_url(), self.vault_url()))
        except BaseException:
            self.instance.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.instance.stop()

    @property
    def key(self) -> str:
        return str(self.ready["live_key"])

    @property
    def up_pid(self) -> int:
        return int(self.ready["pids"]["up"])

    def target(self, name: str = "SendiGoPro", *, key: str = "", body: str = BODY) -> Target:
        headers = ("Content-Type: application/json", f"Authorization: Bearer {key or self.key}")
        return Target(
            name,
            self.instance.address,
            "/v1/messages",
            method="POST",
            headers=headers,
            body=body,
            pids=(self.up_pid,),
        )

    def own_pids(self) -> list[int]:
        """Ours without PostgreSQL: supervisor, web and worker."""
        return [pid for name, pid in self.instance.pids().items() if name != "postgres"]

    def database_url(self) -> str:
        words = json.loads((self.instance.data_dir / "instance.json").read_text())
        return str(words["settings"]["database_url"])

    def vault_url(self) -> str:
        words = json.loads((self.instance.data_dir / "instance.json").read_text())
        return str(words["settings"]["vault_url"])


async def settle(*urls: str) -> None:
    """What autovacuum does in the first minute of a new cluster, whose catalogues it has never seen, is done now."""
    for url in urls:
        conn = await asyncpg.connect(url, user="postgres")
        await conn.execute("VACUUM ANALYZE")
        await conn.close()


def memory_mb(pids: list[int]) -> dict[str, float]:
    """Resident and proportional size of processes; PSS counts a page that n share as 1/n for each."""
    resident = proportional = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "Rss":
                resident += int(value.split()[0])
            elif name == "Pss":
                proportional += int(value.split()[0])
    return {"rss_mb": round(resident / 1024, 1), "pss_mb": round(proportional / 1024, 1)}


def wait_until(is_true: Callable[[], bool], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Not within {seconds:g} s: {what}")
        time.sleep(0.1)
