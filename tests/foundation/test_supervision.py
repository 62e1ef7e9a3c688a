"""A part whose supervisor is gone ends, also when it cannot finish."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from sendigopro.foundation import supervision

HANGING = """
import asyncio
from sendigopro.foundation import supervision

async def is_ready():
    return True

async def hang():
    stop = asyncio.Event()
    await supervision.answer(is_ready, stop, grace_seconds=0.2)
    assert stop.is_set()
    await asyncio.Event().wait()

asyncio.run(hang())
"""


def test_a_part_that_hangs_does_not_outlive_its_supervisor() -> None:
    ours, theirs = socket.socketpair()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    environment[supervision.VARIABLE] = str(theirs.fileno())
    with subprocess.Popen([sys.executable, "-c", HANGING], pass_fds=[theirs.fileno()], env=environment) as part:
        theirs.close()
        ours.settimeout(10)
        said = ours.recv(1)
        ours.close()

        assert said == supervision.READY
        assert part.wait(timeout=10) == 1
