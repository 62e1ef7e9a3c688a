"""Charts as rectangles with coordinates: the server reckons, a template draws, nothing runs in the browser. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH, HALF_WIDTH, HEIGHT = 720, 380, 168
LEFT, RIGHT, TOP, BOTTOM = 40, 0, 10, 24
GAP: Final = 0.28
TICKS: Final = 3


@dataclass(frozen=True, slots=True)
class Column:
    """One place on the axis: what it is called, and how much of each tone."""

    label: str
    parts: Sequence[tuple[str, int]]
    """(tone, amount), from below."""
    told: str = ""
    """The same in words."""

    @property
    def total(self) -> int:
        return sum(amount for _, amount in self.parts)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle to draw."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    told: str


@dataclass(frozen=True, slots=True)
class Label:
    """A word to write."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Bars:
    """Columns, ready to be drawn."""

    boxes: Sequence[Box]
    below: Sequence[Label]
    ticks: Sequence[Label]
    told: str
    width: int
    height: int = HEIGHT
    left: int = LEFT
    base: float = HEIGHT - BOTTOM


def bars(columns: Sequence[Column], *, told: str, every: int = 1, width: int = WIDTH) -> Bars:
    """Stacked columns under a round top; each `every`th is named. `width` fits the words to the room on the page."""
    top = round_up(max((one.total for one in columns), default=0))
    room, step = HEIGHT - TOP - BOTTOM, (width - LEFT - RIGHT) / max(1, len(columns))
    boxes, below = [], []
    for at, column in enumerate(columns):
        x, base = LEFT + at * step, float(HEIGHT - BOTTOM)
        for tone, amount in column.parts:
            if amount:
                height = amount / top * room
                base -= height
                boxes.append(Box(r(x + step * GAP / 2), r(base), r(step * (1 - GAP)), r(height), tone, column.told))
        if at % every == 0:
            below.append(Label(r(x + step / 2), HEIGHT - 6, column.label))
    ticks = [
        Label(LEFT - 8, r(HEIGHT - BOTTOM - room * part / TICKS), short(top * part // TICKS))
        for part in range(TICKS + 1)
    ]
    return Bars(boxes, below, ticks, told, width)


def r(number: float) -> float:
    return round(number, 1)


def round_up(most: int) -> int:
    """A top that divides into three whole ticks: 3, 6, 15, 30, 60, 150."""
    scale = 1
    while True:
        for step in (3, 6, 15):
            if most <= step * scale:
                return step * scale
        scale *= 10


def short(number: int) -> str:
    """1200 as 1.2k."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f}".rstrip("0").rstrip(".") + unit
    return str(number)
