"""Runs the real supervisor, PostgreSQL and migrations with `part.py` in the place of webs and workers."""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from sendigopro import settings
from sendigopro.commands.supervisor import PROGRAM, Programs, Supervisor
from sendigopro.foundation.operator_errors import OperatorError

PART = (sys.executable, str(Path(__file__).with_name("part.py")))


def main() -> int:
    folder, ready_file, port, webs = sys.argv[1:]
    os.environ["SENDIGOPRO_DATA_DIR"] = folder
    chosen = replace(settings.choose(Path(folder), os.environ, {}), port=int(port), webs=int(webs))
    programs = Programs(prepare=(*PROGRAM, "prepare"), web=PART, worker=PART)
    try:
        asyncio.run(Supervisor(chosen, ready_file=Path(ready_file), programs=programs).run())
    except OperatorError as error:
        sys.stderr.write(f"sendigopro: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
