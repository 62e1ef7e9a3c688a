"""Whether a change has cost speed: this checkout and another, in turn, by the same load.

    python bench/before_after.py OTHER_CHECKOUT [--count 10000] [--connections 32 128] [--rounds 3]

OTHER_CHECKOUT is a worktree of an earlier commit (`git worktree add --detach FOLDER COMMIT`); it runs with the packages
of this one. Printed are end-to-end rates, receipts included, and processor seconds for a thousand messages, those of
PostgreSQL among them; then the ratios of their medians, this one to the other. Where others use the machine too, rates
say little and processor time more.
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

Measured = tuple[float, float]
"""Messages a second, processor seconds for a thousand."""


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
    found: dict[tuple[int, Path], list[Measured]] = defaultdict(list)
    for round_number in range(args.rounds):
        for tree in (args.other.absolute(), HERE):
            for connections, (rate, seconds) in measured_in(tree, args).items():
                found[int(connections), tree].append((rate, seconds))
                said = f"{rate:,.0f}/s, {seconds:.3f} processor s/1000"
                print(f"round {round_number + 1}, {tree.name}, {connections} connections: {said}", flush=True)
    for connections in args.connections:
        before, after = (found[connections, tree] for tree in (args.other.absolute(), HERE))
        rate, seconds = (median(after, place) / median(before, place) for place in (0, 1))
        print(f"{connections} connections: rate {rate:.2f}, processor time {seconds:.2f} of before")


def median(runs: list[Measured], place: int) -> float:
    return statistics.median(run[place] for run in runs)


def measured_in(tree: Path, args: argparse.Namespace) -> dict[str, Measured]:
    """In a process whose every import is the tree's own."""
    words = [sys.executable, __file__, str(tree), "--measure", "--count", str(args.count)]
    words += ["--connections", *map(str, args.connections)]
    env = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(words, cwd=tree, env=env, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    if done.returncode:
        sys.exit(f"{tree}: {done.stderr.strip()[-1500:]}")
    found: dict[str, Measured] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def measure(count: int, connections: list[int]) -> dict[int, Measured]:
    import sendigopro  # noqa: PLC0415  # of the tree, as all of these
    from bench.ours import Ours  # noqa: PLC0415
    from bench.parts import WARM_UP  # noqa: PLC0415
    from bench.stage import Stage  # noqa: PLC0415
    from tests.message_centre import Simulator, Sink  # noqa: PLC0415

    if Path(sendigopro.__file__).parents[1] != Path.cwd():
        sys.exit(f"{sendigopro.__file__} is not of this checkout.")
    found = {}
    with Simulator() as simulator, Sink() as sink, Ours("before-after", smsc_port=simulator.port) as ours:
        stage = Stage(simulator, sink, is_quick=False, say=lambda _: None)
        stage.run(ours.target(), count=WARM_UP, connections=connections[0])
        for number in connections:
            run = stage.run(ours.target(), count=count, connections=number)
            found[number] = run["e2e_dlr_per_s"], run["sut_cpu_s_per_1000"]
    return found


if __name__ == "__main__":
    main()
