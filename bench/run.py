"""`make bench`: measure us beside Kannel and against our own numbers, and write bench/RESULTS.md.

    python bench/run.py                          # everything, about half an hour
    python bench/run.py --only compare --quick   # one part, small; parts may be named several times

Every part starts fresh instances, so each runs alone. What a part found is kept; RESULTS.md shows the newest.
"""

import argparse
import fcntl
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import report
from bench.parts import PARTS
from bench.stage import STATE, Stage, keep
from tests.message_centre import Simulator, Sink

LOCK = Path(tempfile.gettempdir()) / "sms-bench.lock"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help=f"one of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: does it work at all?")
    parser.add_argument("--dry", action="store_true", help="only write RESULTS.md anew from what is kept")
    return parser.parse_args()


def measure(names: list[str], *, is_quick: bool, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("bench", total=len(names))
        for name in names:
            progress.update(task, description=f"bench: {name}")
            began = time.monotonic()
            with Simulator() as simulator, Sink() as sink:
                stage = Stage(simulator, sink, is_quick=is_quick, say=lambda text: progress.console.print(f"  {text}"))
                words = PARTS[name](stage)
            keep(name, {**words, **report.stamp(), "is_quick": is_quick, "took_s": round(time.monotonic() - began)})
            progress.advance(task)


def main() -> None:
    args = arguments()
    console = Console()
    STATE.mkdir(exist_ok=True)
    if not args.dry:
        with LOCK.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                console.print("Another measurement is running; waiting for its end.")
                fcntl.flock(lock, fcntl.LOCK_EX)
            measure(args.only or list(PARTS), is_quick=args.quick, console=console)
    console.print(f"Written: {report.write()}")


if __name__ == "__main__":
    main()
