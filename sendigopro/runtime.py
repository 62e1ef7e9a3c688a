"""What a process holds open: settings, pools, keys, caches. Passed as a plain argument; nothing is global."""

from dataclasses import dataclass

from sendigopro.foundation.postgres import Pool
from sendigopro.settings import Settings


@dataclass(frozen=True, slots=True)
class Runtime:
    """The open things every ring above needs; what belongs to one ring is held by that ring's own objects."""

    name: str
    settings: Settings
    main: Pool
    """Database `main`, role `pipeline`."""
    vault: Pool
    """Database `vault`, role `pipeline`."""
    door: Pool
    """Database `main`, role `door`: every statement is held to one account."""
