"""Kannel 1.4.5, the peer we are measured beside: configured, started and stopped on free ports."""

import contextlib
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.instance import free_port
from tests.peers import places

START_SECONDS_MAX = 15.0
SETTLE_SECONDS = 1.5  # until both binds stand
PATH = "/cgi-bin/sendsms?username=bench&password=bench&from={from}&to={to}&text={text}&dlr-mask=3&dlr-url={dlr}"

CORE = """\
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = bench
status-password = bench
admin-allow-ip = "127.0.0.1"
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"
log-file = "{folder}/bearerbox.log"
log-level = 2
dlr-storage = internal
sms-incoming-queue-limit = 1000000
sms-outgoing-queue-limit = 1000000
sms-resend-freq = 1
smsbox-max-pending = 1000
{store}

"""
BIND = """\
group = smsc
smsc = smpp
smsc-id = sim
smsc-admin-id = sim{number}
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = kannel
smsc-password = pw
system-type = ""
max-pending-submits = 500
enquire-link-interval = 30
reconnect-delay = 1
log-level = 2

"""
BOX = """\
group = smsbox
bearerbox-host = 127.0.0.1
smsbox-id = box1
sendsms-port = {http}
sendsms-interface = 127.0.0.1
global-sender = BENCH
log-file = "{folder}/smsbox.log"
log-level = 2
max-pending-requests = 512
http-request-retry = 3
http-queue-delay = 1

group = sendsms-user
username = bench
password = bench
concatenation = true
max-messages = 10

group = sms-service
keyword = default
text = ""
omit-empty = true
max-messages = 0
"""


class Kannel:
    """MEMORY keeps accepted messages in RAM only; SPOOL writes a file for each, without fsync."""

    def __init__(self, folder: Path, *, variant: str, smsc_port: int, binds: int = 2) -> None:
        self.folder = folder
        self.variant = variant
        self.smsc_port = smsc_port
        self.binds = binds
        self.port = free_port()
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self.processes]

    def write_configuration(self) -> Path:
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "spool").mkdir(parents=True)
        store = f'store-type = spool\nstore-location = "{self.folder}/spool"' if self.variant == "SPOOL" else ""
        self.boxes_port = free_port()
        core = CORE.format(admin=free_port(), boxes=self.boxes_port, folder=self.folder, store=store)
        binds = [BIND.format(number=number, smsc=self.smsc_port) for number in range(1, self.binds + 1)]
        path = self.folder / "kannel.conf"
        path.write_text("".join([core, *binds, BOX.format(http=self.port, folder=self.folder)]))
        return path

    def __enter__(self) -> Self:
        bearerbox = places.bearerbox()
        if bearerbox is None:
            raise RuntimeError("Kannel is not here: run tests/peers/install.py")
        configuration = self.write_configuration()
        try:
            self.launch(bearerbox, configuration)
            wait_port(self.boxes_port)
            self.launch(bearerbox.with_name("smsbox"), configuration)
            wait_port(self.port)
        except TimeoutError:
            self.stop()
            raise
        time.sleep(SETTLE_SECONDS)
        return self

    def launch(self, program: Path, configuration: Path) -> None:
        with (self.folder / f"{program.name}.out").open("wb") as out:
            command: list[str | Path] = [program, "-v", "4", configuration]
            self.processes.append(
                subprocess.Popen(
                    command,
                    cwd=self.folder,
                    env=places.environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()


def wait_port(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"Kannel does not listen on port {port}.")
