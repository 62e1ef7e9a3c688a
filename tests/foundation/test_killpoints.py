"""A kill point does nothing unless armed, and kills exactly once when it is."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sendigopro.foundation import killpoints

COUNTING = """
import sys
from sendigopro.foundation.killpoints import reach
for number in range(5):
    reach("somewhere.else")
    reach("accept.committed")
    print(number, flush=True)
"""


def run(**environment: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", COUNTING],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.split()


def test_an_unarmed_point_does_nothing() -> None:
    assert run() == (0, ["0", "1", "2", "3", "4"])


def test_the_process_dies_the_nth_time_it_comes_by() -> None:
    assert run(SENDIGOPRO_KILL_AT="accept.committed:3") == (-signal.SIGKILL, ["0", "1"])


def test_the_file_arms_it_once_and_is_gone_afterwards(tmp_path: Path) -> None:
    order = tmp_path / "kill"
    order.write_text("accept.committed:2")

    assert run(SENDIGOPRO_KILL_FILE=str(order)) == (-signal.SIGKILL, ["0"])
    assert not order.exists()
    assert run(SENDIGOPRO_KILL_FILE=str(order)) == (0, ["0", "1", "2", "3", "4"])


def test_another_process_may_be_the_victim(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        order = tmp_path / "kill"
        order.write_text(f"accept.committed:1:{victim.pid}")

        assert run(SENDIGOPRO_KILL_FILE=str(order)) == (0, ["0", "1", "2", "3", "4"])
        assert victim.wait(timeout=10) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("deliver.intent_committed", killpoints.Order("deliver.intent_committed", 1, 0)),
        ("deliver.intent_committed:7", killpoints.Order("deliver.intent_committed", 7, 0)),
        ("settle.committed:2:41\n", killpoints.Order("settle.committed", 2, 41)),
    ],
)
def test_an_order_is_a_name_a_count_and_a_victim(text: str, order: killpoints.Order) -> None:
    assert killpoints.parse_order(text) == order
