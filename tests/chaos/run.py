"""`make chaos`: kill by kill through episodes on fresh instances; a progress line, then a table, then the verdict.

python tests/chaos/run.py --kills 500          # about half an hour
python tests/chaos/run.py --kills 40 --seed 7  # the same plan again
"""

import argparse
import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from tests.chaos.checker import count_by_status, count_doubt
from tests.chaos.episode import Episode, run_episode
from tests.chaos.history import Cancel, Verdict

EPISODE_KILLS = 100  # long enough for scheduled messages to become due
SHAPES = [(), ("--webs", "2", "--workers", "2"), ("--workers", "2")]
SHOWN_MAX = 30


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1000)
    parser.add_argument("--keep", action="store_true", help="keep the instances' folders, for looking into them")
    args = parser.parse_args()
    console = Console()
    folder = Path(tempfile.mkdtemp(prefix="sendigopro-chaos-"))
    folder.chmod(0o755)  # as root the embedded server is another user
    episodes: list[Episode] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("chaos", total=args.kills)
        while (done := sum(len(episode.kills) for episode in episodes)) < args.kills:
            number = len(episodes)
            episode = asyncio.run(
                run_episode(
                    folder / str(number),
                    kills=min(EPISODE_KILLS, args.kills - done),
                    seed=args.seed + number,
                    options=SHAPES[number % len(SHAPES)],
                    say=lambda killed: progress.update(task, advance=1, description=f"killed {killed.kill.title}"),
                )
            )
            episodes.append(episode)
            for violation in episode.violations[:SHOWN_MAX]:
                progress.console.print(f"[red]{violation.invariant}[/] {violation.text}", soft_wrap=True)
            if not episode.kills:
                break
    report(episodes, console, seed=args.seed)
    if not args.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if any(episode.violations for episode in episodes) else 0


def report(episodes: list[Episode], console: Console, *, seed: int) -> None:
    console.print(kills_table(episodes))
    console.print(messages_table(episodes))
    errors = Counter(error for episode in episodes for error in episode.errors)
    if errors:
        console.print(f"Refused on the way: {dict(errors)}")
    for left in filter(None, (episode.left for episode in episodes)):
        console.print(f"[red]Never came to rest:[/] {left}", soft_wrap=True)
    violations = Counter(violation.invariant for episode in episodes for violation in episode.violations)
    total = sum(len(episode.kills) for episode in episodes)
    verdict = f"[red]{dict(violations)}" if violations else "[green]no violation"
    console.print(f"{total} kills, seed {seed}: {verdict}")


def kills_table(episodes: list[Episode]) -> Table:
    table = Table("killed", "times", "reached", "recovery s: median", "longest", title="Kills")
    groups = defaultdict(list)
    for episode in episodes:
        for killed in episode.kills:
            groups[killed.kill.title].append(killed)
    for title, its in sorted(groups.items()):
        seconds = [killed.recovery_seconds for killed in its]
        reached = sum(killed.was_reached for killed in its)
        table.add_row(title, str(len(its)), str(reached), f"{statistics.median(seconds):.1f}", f"{max(seconds):.1f}")
    return table


def messages_table(episodes: list[Episode]) -> Table:
    table = Table("what", "n", title="Messages")
    asked = [one for episode in episodes for one in episode.history.asked.values()]
    for verdict in Verdict:
        table.add_row(f"asked for, {verdict}", str(sum(one.verdict is verdict for one in asked)))
    for cancel in (Cancel.DONE, Cancel.TOO_LATE, Cancel.UNCLEAR):
        table.add_row(f"cancel, {cancel}", str(sum(one.cancel is cancel for one in asked)))
    ends: Counter[str] = Counter()
    for episode in episodes:
        ends.update(count_by_status(episode.history, episode.facts))
    doubts = [count_doubt(episode.history, episode.facts) for episode in episodes]
    table.add_row(
        "unknown, at the carrier / never there", " / ".join(str(sum(column)) for column in zip(*doubts, strict=True))
    )
    table.add_row("receipts that match no message", str(sum(episode.facts.unmatched for episode in episodes)))
    for status, count in ends.most_common():
        table.add_row(f"accepted, then {status}", str(count))
    table.add_row("keys asked several times", str(sum(len(episode.history.keys) for episode in episodes)))
    table.add_row("webhooks taken", str(sum(len(episode.history.webhooks) for episode in episodes)))
    rest = [episode.history.quiescence_seconds for episode in episodes]
    table.add_row("seconds until all was done", ", ".join("never" if s is None else f"{s:.0f}" for s in rest))
    return table


if __name__ == "__main__":
    sys.exit(main())
