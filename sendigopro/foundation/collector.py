"""The garbage collector, told what a server is like: much that stays, and many small things that end by themselves."""

import gc

YOUNG = 50_000
"""Objects made before the collector looks at the young ones; Python's 700 is for programs that hold little."""


def tune() -> None:
    """Leave out of all later collections what has been built so far, and look rarely at the rest."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)
