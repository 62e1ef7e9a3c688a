"""`make prove`, the long form: a hundred thousand marked messages, and a table of where they were looked for.

python tests/canary/run.py --messages 100000
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rich.console import Console
from rich.table import Table

from tests.canary.flight import Flight
from tests.canary.search import hits, needles, size_mb
from tests.instance import passing_folder


def main() -> int:
    """0 when nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    args = parser.parse_args()
    console = Console()
    with passing_folder() as folder:
        Flight(folder, say=console.print).fly(args.messages)
        table = Table("Store", "Files", "MB", "Hits")
        total = 0
        for place in sorted(path for path in (*folder.iterdir(), *(folder / "data").iterdir()) if path.is_dir()):
            if place == folder / "data":
                continue
            found = hits([place])
            total += len(found)
            files = sum(path.is_file() for path in place.rglob("*"))
            table.add_row(str(place.relative_to(folder)), str(files), f"{size_mb([place]):,.1f}", str(len(found)))
        loose = hits([folder]) if not total else {}
        console.print(table)
        console.print(
            f"{args.messages:,} messages, {len(needles())} forms sought; files with hits: {total + len(loose)}"
        )
    return 1 if total or loose else 0


if __name__ == "__main__":
    sys.exit(main())
