"""Sends marked messages through an instance, in every way in which a customer hands something in, right and wrong."""

import http.client
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.canary.search import NUMBER, WORDS
from tests.instance import POLL_SECONDS, Instance

BATCH = 1000
WAIT_SECONDS = 600.0


class Flight:
    """One instance with temporary files of its own; what it left behind is below `folder`."""

    def __init__(self, folder: Path, *, say: Callable[[str], None] = lambda _: None) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir(mode=0o777)
        self.temporary.chmod(0o777)
        self.instance = Instance(folder, environment={"TMPDIR": str(self.temporary)})
        self.folder = folder
        self.key = ""
        self.say = say
        self.answers: set[int] = set()
        self.core_limits: set[str] = set()

    def fly(self, messages: int) -> None:
        """All of it, a kill of a web and a worker, a backup; stopped at the end."""
        try:
            self.key = self.instance.start()["test_key"]
            self.core_limits = {core_limit(pid) for pid in self.instance.pids().values()}
            self.ask("POST", "/v1/webhook-endpoints", self.endpoint())
            for start in range(0, messages, BATCH):
                self.say(f"{start:,} of {messages:,} sent")
                some = [self.message(n) for n in range(start, min(start + BATCH, messages))]
                sent = self.ask(
                    "POST", "/v1/messages/batch", {"messages": some}, {"Idempotency-Key": f"{WORDS['Key']}{start}"}
                )
            self.wait_for(sent["data"][-1])
            self.ask_wrongly()
            for identifier in (f"+{NUMBER}000001", f"+{NUMBER}000002"):
                for kind in ("access", "restrict", "erase"):
                    self.ask(
                        "POST",
                        "/v1/privacy/requests",
                        {"type": kind, "identifier": identifier, "reason": WORDS["Note"]},
                    )
            self.save_metrics()
            self.crash()
            self.instance.command("backup", str(self.folder / "backup"))
        finally:
            self.instance.stop()

    def message(self, n: int) -> dict[str, Any]:
        return {
            "to": f"+{NUMBER}{n:06d}",
            "body": f"{WORDS['Body']}{n} code {WORDS['Code']}{n}",
            "purpose": ("otp", "transactional", "marketing")[n % 3],
            "metadata": {f"{WORDS['Meta']}{n % 7}": f"{WORDS['Meta']}{n}"},
            "tags": [f"{WORDS['Tag']}{n}"],
            "callback_url": f"http://127.0.0.1:9/{WORDS['Path']}{n % 50}",
        }

    def endpoint(self) -> dict[str, Any]:
        return {
            "url": f"http://127.0.0.1:9/{WORDS['Path']}",
            "event_types": ["message.delivered"],
            "description": WORDS["Note"],
        }

    def ask_wrongly(self) -> None:
        """Mistakes tend to be written down."""
        good, field = self.message(0), WORDS["Field"]
        for body in (
            {**good, field: field},
            {**good, "to": f"+{NUMBER}"},
            {**good, "to": f"00{NUMBER}000003 {field}"},
            {**good, "purpose": field},
            {**good, "metadata": {field: 7}},
            {**good, "callback_url": f"ftp://{field}/"},
            {**good, "body": WORDS["Body"] * 5000},
        ):
            self.ask("POST", "/v1/messages", body)
        self.ask("POST", "/v1/messages", raw=f'{{"to": "+{NUMBER}000004", "{field}'.encode())
        self.ask("GET", f"/v1/messages/{field}")
        self.ask("GET", f"/v1/messages?tag={WORDS['Tag']}1")
        self.ask("GET", f"/v1/messages?{field}=+{NUMBER}000005")
        self.ask(
            "GET", f"/{field}/{NUMBER}", headers={"User-Agent": field, "Referer": f"http://x/{NUMBER}", "Cookie": field}
        )
        self.ask("GET", "/v1/messages", headers={"Authorization": f"Bearer {field}", "Request-Id": f"x {field}"})

    def wait_for(self, last: dict[str, Any]) -> None:
        message_id = last["message"]["id"] if "message" in last else last["id"]
        deadline = time.monotonic() + WAIT_SECONDS
        while self.ask("GET", f"/v1/messages/{message_id}")["status"] != "delivered":
            assert time.monotonic() < deadline, self.instance.last_words()
            time.sleep(POLL_SECONDS)

    def save_metrics(self) -> None:
        """What is offered to whoever scrapes it."""
        connection = http.client.HTTPConnection(self.instance.address, timeout=30)
        connection.request("GET", "/metrics")
        (self.folder / "metrics.txt").write_bytes(connection.getresponse().read())
        connection.close()

    def crash(self) -> None:
        """One dies at once, one as by a fault that would leave a core file; `up` starts both again."""
        pids = self.instance.pids()
        os.kill(pids["web-1"], signal.SIGABRT)
        os.kill(pids["worker-1"], signal.SIGKILL)
        deadline = time.monotonic() + WAIT_SECONDS
        while (
            not (again := self.instance.pids())
            or again["web-1"] == pids["web-1"]
            or again["worker-1"] == pids["worker-1"]
        ):
            assert time.monotonic() < deadline, self.instance.last_words()
            time.sleep(POLL_SECONDS)

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None, *, raw: bytes = b""
    ) -> dict[str, Any]:
        """One request, whatever its answer."""
        sent = raw or (b"" if body is None else json.dumps(body).encode())
        given = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **(headers or {})}
        connection = http.client.HTTPConnection(self.instance.address, timeout=60)
        connection.request(method, path, body=sent or None, headers=given)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        self.answers.add(answer.status)
        found: dict[str, Any] = json.loads(text) if text.startswith(b"{") else {}
        return found


def core_limit(pid: int) -> str:
    """How large a core file this process may leave, with all that is in its memory."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith("Max core file size")).split()[4]
