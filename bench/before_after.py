"""Whether a change has cost speed: this checkout and another, in turn, by the same load.

    python bench/before_after.py OTHER_CHECKOUT [--count 10000] [--connections 32 128] [--rounds 3]

OTHER_CHECKOUT is a worktree of an earlier commit (`git worktree add --detach FOLDER COMMIT`); it runs with the packages
of this one. Printed are end-to-end rates, receipts included, and the ratio of their medians, this one to the other.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parents[1]
SECONDS_MAX = 600


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--connections", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    if args.measure:
        print(json.dumps(measure(args.count, args.connections)))
        return
    found: dict[tuple[int, Path], list[float]] = defaultdict(list)
    for round_number in range(args.rounds):
        for tree in (args.other.absolute(), HERE):
            for connections, rate in measured_in(tree, args).items():
                found[int(connections), tree].append(rate)
                print(f"round {round_number + 1}, {tree.name}, {connections} connections: {rate:,.0f}/s", flush=True)
    for connections in args.connections:
        before, after = (found[connections, tree] for tree in (args.other.absolute(), HERE))
        ratio = statistics.median(after) / statistics.median(before)
        print(f"{connections} connections: {ratio:.2f} of before (medians of {args.rounds})")


def measured_in(tree: Path, args: argparse.Namespace) -> dict[str, float]:
    """In a process whose every import is the tree's own."""
    words = [sys.executable, __file__, str(tree), "--measure", "--count", str(args.count)]
    words += ["--connections", *map(str, args.connections)]
    env = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(words, cwd=tree, env=env, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    if done.returncode:
        sys.exit(f"{tree}: {done.stderr.strip()[-1500:]}")
    rates: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return rates


def measure(count: int, connections: list[int]) -> dict[int, float]:
    import sendigopro  # noqa: PLC0415  # of the tree, as all of these
    from bench.ours import Ours  # noqa: PLC0415
    from bench.parts import WARM_UP  # noqa: PLC0415
    from bench.stage import Stage  # noqa: PLC0415
    from tests.message_centre import Simulator, Sink  # noqa: PLC0415

    if Path(sendigopro.__file__).parents[1] != Path.cwd():
        sys.exit(f"{sendigopro.__file__} is not of this checkout.")
    rates = {}
    with Simulator() as simulator, Sink() as sink, Ours("before-after", smsc_port=simulator.port) as ours:
        stage = Stage(simulator, sink, is_quick=False, say=lambda _: None)
        stage.run(ours.target(), count=WARM_UP, connections=connections[0])
        for number in connections:
            rates[number] = stage.run(ours.target(), count=count, connections=number)["e2e_dlr_per_s"]
    return rates


if __name__ == "__main__":
    main()
