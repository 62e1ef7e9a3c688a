"""Where boxes, arrows and their numbers stand on the data map. Plain arithmetic: the same every time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sendigopro.privacy.catalogue.flows import FLOWS
from sendigopro.privacy.catalogue.places import DOORS, PEOPLE, RECIPIENTS, STORES, Area, Flow, Place

WIDTH = 1480
TOP = 150
BOX_HEIGHT = 62
GAP = 14
HEAD = 52  # of a frame around stores
PAD = 20
FRAME_GAP = 26
PORT_INSET = 12
DOORS_END_ABOVE = 260  # most of what comes in goes to main, which is above
BADGE_APART = 25
BULGE = 40
COLUMNS: Mapping[Area, tuple[int, int]] = {
    Area.PEOPLE: (40, 204),
    Area.DOORS: (312, 204),
    Area.MAIN: (740, 296),
    Area.VAULT: (740, 296),
    Area.OUTSIDE: (740, 296),
    Area.RECIPIENTS: (1180, 260),
}
ALONG = (0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73, 0.2, 0.8, 0.14, 0.86)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Arrow:
    """A cubic curve and where its number stands."""

    number: int
    flow: Flow
    points: tuple[tuple[float, float], ...]
    badge: tuple[float, float]

    @property
    def path(self) -> str:
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = self.points
        return f"M{x0:.1f} {y0:.1f}C{x1:.1f} {y1:.1f} {x2:.1f} {y2:.1f} {x3:.1f} {y3:.1f}"


@dataclass(frozen=True, slots=True)
class Layout:
    """All of it."""

    boxes: Mapping[str, Box]
    frames: Mapping[Area, Box]
    arrows: tuple[Arrow, ...]
    bottom: float


def lay_out(heights: Mapping[str, float]) -> Layout:
    """`heights`: of recipients' boxes, which grow with what they receive."""
    boxes, frames = stack_stores()
    bottom = max(frame.y + frame.height for frame in frames.values())
    near = bottom - DOORS_END_ABOVE
    boxes |= spread(PEOPLE, {}, near) | spread(DOORS, {}, near) | spread(RECIPIENTS, heights, bottom)
    return Layout(boxes, frames, arrows_between(boxes), bottom)


def stack_stores() -> tuple[dict[str, Box], dict[Area, Box]]:
    """Stores one below the other, framed by where they are kept."""
    boxes, frames = {}, {}
    y = float(TOP)
    for area in (Area.MAIN, Area.VAULT, Area.OUTSIDE):
        x, width = COLUMNS[area]
        top, y = y, y + HEAD
        for place in (store for store in STORES if store.area is area):
            boxes[place.word] = Box(x, y, width, BOX_HEIGHT)
            y += BOX_HEIGHT + GAP
        y += PAD - GAP
        frames[area] = Box(x - PAD, top, width + 2 * PAD + BULGE, y - top)
        y += FRAME_GAP
    return boxes, frames


def spread(places: Sequence[Place], heights: Mapping[str, float], bottom: float) -> dict[str, Box]:
    """Boxes of a column with even room between them."""
    tall = [heights.get(place.word, BOX_HEIGHT) for place in places]
    top = TOP + HEAD
    room = (bottom - top - sum(tall)) / len(places)
    y, boxes = top + room / 2, {}
    for place, height in zip(places, tall, strict=True):
        x, width = COLUMNS[place.area]
        boxes[place.word] = Box(x, y, width, height)
        y += height + room
    return boxes


def arrows_between(boxes: Mapping[str, Box]) -> tuple[Arrow, ...]:
    ports = ports_of(boxes)
    arrows: list[Arrow] = []
    for number, flow in enumerate(FLOWS, 1):
        points = curve(ports[number, "out"], ports[number, "in"])
        badge = free_spot(points, [arrow.badge for arrow in arrows])
        arrows.append(Arrow(number, flow, points, badge))
    return tuple(arrows)


def ports_of(boxes: Mapping[str, Box]) -> dict[tuple[int, str], tuple[float, float]]:
    """Where on the sides of its boxes each arrow begins and ends: in the order of the other ends, so few cross."""
    sides: dict[tuple[str, str], list[tuple[float, int, str]]] = {}
    for number, flow in enumerate(FLOWS, 1):
        source, target = boxes[flow.source], boxes[flow.target]
        leaves = "left" if target.x < source.x else "right"
        enters = "left" if target.x > source.x else "right"
        sides.setdefault((flow.source, leaves), []).append((target.middle, number, "out"))
        sides.setdefault((flow.target, enters), []).append((source.middle, number, "in"))
    ports = {}
    for (word, side), ends in sides.items():
        box = boxes[word]
        step = (box.height - 2 * PORT_INSET) / max(len(ends) - 1, 1)
        first = box.y + PORT_INSET if len(ends) > 1 else box.middle
        for place, (_, number, way) in enumerate(sorted(ends)):
            ports[number, way] = (box.x if side == "left" else box.x + box.width, first + place * step)
    return ports


def curve(start: tuple[float, float], end: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    """Level at both ends; between boxes of one column it bulges into the gutter on their right."""
    (x0, y0), (x3, y3) = start, end
    if x0 == x3:
        out = x0 + min(BULGE + 12, 24 + abs(y3 - y0) / 12)
        return ((x0, y0), (out, y0), (out, y3), (x3, y3))
    half = (x3 - x0) * 0.5
    return ((x0, y0), (x0 + half, y0), (x3 - half, y3), (x3, y3))


def free_spot(points: Sequence[tuple[float, float]], taken: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The first of a few places along the curve that is apart from the numbers already set."""
    spots = [point_at(points, along) for along in ALONG]
    for spot in spots:
        if all(abs(spot[0] - x) ** 2 + abs(spot[1] - y) ** 2 >= BADGE_APART**2 for x, y in taken):
            return spot
    return spots[0]


def point_at(points: Sequence[tuple[float, float]], t: float) -> tuple[float, float]:
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    x = sum(weight * point[0] for weight, point in zip(weights, points, strict=True))
    y = sum(weight * point[1] for weight, point in zip(weights, points, strict=True))
    return (x, y)
