"""One supervised process: started, asked how it is, started again under its old name when it dies."""

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence

from sendigopro.foundation import clock, supervision

PAUSES_SECONDS = (0.0, 0.1, 0.3, 1.0, 2.0, 5.0)  # before the next start, one step longer with each early death
LONG_LIFE_SECONDS = 10.0  # whoever lived this long starts again at once


class Part:
    """A web or a worker. `on_change` is called when it says something or ends."""

    def __init__(
        self, name: str, command: Sequence[str], *, descriptors: Sequence[int] = (), on_change: Callable[[], None]
    ) -> None:
        self.name = name
        self.command = command
        self.descriptors = descriptors
        self.on_change = on_change
        self.process: subprocess.Popen[bytes] | None = None
        self.link: socket.socket | None = None
        self.is_ready = False
        self.early_deaths = 0
        self.started_at = 0.0

    def start(self) -> None:
        """Start the process; it hears us through one end of a socket pair, and sees our death as its closing."""
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        environment = {**os.environ, supervision.VARIABLE: str(theirs.fileno())}
        with theirs:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno(), *self.descriptors],
                env=environment,
                start_new_session=True,  # a Ctrl-C is for us, who end everything in order
            )
        self.link = ours
        self.started_at = clock.monotonic()
        asyncio.get_running_loop().add_reader(ours, self.listen)

    def listen(self) -> None:
        """Note the newest word; a closed link only means that the process is ending."""
        if self.link is None:
            return
        words = self.receive(self.link)
        if words:
            self.is_ready = words.endswith(supervision.READY)
        else:
            self.unlink()
        self.on_change()

    def receive(self, link: socket.socket) -> bytes:
        try:
            return link.recv(4096)
        except ConnectionError:
            return b""

    def ask(self) -> None:
        """Do not believe what it said before."""
        self.is_ready = False
        if self.link is not None:
            try:
                self.link.send(supervision.ASK)
            except OSError:
                self.unlink()

    def has_ended(self) -> bool:
        """True once for each end of the process, which is reaped by the question."""
        if self.process is None or self.process.poll() is None:
            return False
        self.is_ready = False
        self.unlink()
        return True

    def pause_seconds(self) -> float:
        """How long to wait before the next start, after an end."""
        lived_long = clock.monotonic() - self.started_at > LONG_LIFE_SECONDS
        self.early_deaths = 0 if lived_long else self.early_deaths + 1
        return PAUSES_SECONDS[min(max(self.early_deaths - 1, 0), len(PAUSES_SECONDS) - 1)]

    def how_it_ended(self) -> str:
        code = self.process.returncode if self.process else 0
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def send(self, sign: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(sign)

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def unlink(self) -> None:
        if self.link is not None:
            asyncio.get_running_loop().remove_reader(self.link)
            self.link.close()
            self.link = None
        self.is_ready = False
