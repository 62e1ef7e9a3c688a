"""`make prove`, its longest part: a thousand people erased, at both levels, and the table of what the attacker finds.

python tests/attack/run.py --erased 1000 --kept 2000
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rich.console import Console
from rich.table import Table

from tests.attack.campaign import Campaign, Level, Verdict
from tests.instance import passing_folder

LEVELS: tuple[Level, ...] = ("immediate", "bounded")


def main() -> int:
    """0 when nobody was recovered and every control succeeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--erased", type=int, default=1000)
    parser.add_argument("--kept", type=int, default=2000)
    args = parser.parse_args()
    console = Console()
    verdicts: dict[str, Verdict] = {}
    for level in LEVELS:
        with passing_folder() as folder:
            said = console.print
            campaign = Campaign(folder, level=level, erased=args.erased, kept=args.kept, say=said)
            verdicts[level] = campaign.run()
    table = Table("What", *LEVELS)
    for name in asdict(verdicts["bounded"]):
        table.add_row(name.replace("_", " "), *(str(getattr(verdict, name)) for verdict in verdicts.values()))
    console.print(table)
    return 0 if all(is_good(verdict) for verdict in verdicts.values()) else 1


def is_good(verdict: Verdict) -> bool:
    """The control with the old root decides whether the run says anything at all."""
    is_real = verdict.with_old_root == verdict.erased
    return (
        is_real
        and not verdict.erased_recovered
        and not verdict.files_in_clear
        and verdict.kept_readable >= 0.99 * verdict.kept
    )


if __name__ == "__main__":
    sys.exit(main())
