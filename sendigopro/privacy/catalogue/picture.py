"""The data map as a picture: one SVG file that asks nobody for anything, for light and dark."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from xml.sax.saxutils import escape

from sendigopro.privacy.catalogue import layout
from sendigopro.privacy.catalogue.layout import Arrow, Box, Layout
from sendigopro.privacy.catalogue.map import check, counted, in_plain_words, received, title_of, whose
from sendigopro.privacy.catalogue.model import Column
from sendigopro.privacy.catalogue.places import AREAS, INSIDE, PLACES, RECIPIENTS, Area, Of, Place

LOOK = """
svg { color-scheme: light dark; font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
.ground { fill: #f6f7f9; } .frame { fill: #eceef2; stroke: #dde1e8; } .box { fill: #ffffff; stroke: #d5dae3; }
.ink { fill: #14171f; } .soft { fill: #545c6b; } .users { fill: #4f46e5; stroke: #4f46e5; }
.team { fill: #0d7f77; stroke: #0d7f77; } .none { fill: #79808d; stroke: #79808d; } .badge text { fill: #ffffff; }
.h1 { font-size: 28px; font-weight: 700; letter-spacing: -0.4px; } .h2 { font-size: 15px; font-weight: 700; }
.title { font-size: 14.5px; font-weight: 600; } .text { font-size: 12px; } .lead { font-size: 14px; }
.badge text { font-size: 10.5px; font-weight: 700; text-anchor: middle; } .badge circle { stroke-width: 2; }
.badge circle { stroke: #f6f7f9; } .line { fill: none; stroke-width: 1.7; } .planned { stroke-dasharray: 5 4; }
.bar { stroke: none; } .head { stroke: none; }
@media (prefers-color-scheme: dark) {
  .ground { fill: #0d0f14; } .frame { fill: #14171e; stroke: #232835; } .box { fill: #1c212b; stroke: #323949; }
  .ink { fill: #eceef3; } .soft { fill: #a9b1c0; } .users { fill: #9d97ff; stroke: #9d97ff; }
  .team { fill: #4cc9bd; stroke: #4cc9bd; } .none { fill: #8b93a3; stroke: #8b93a3; } .badge text { fill: #0d0f14; }
  .badge circle { stroke: #0d0f14; }
}
.line { fill: none; } .badge text { stroke: none; }
"""
COLOUR: Mapping[Of, str] = {Of.END_USERS: "users", Of.MEMBERS: "team", Of.NOBODY: "none"}
LETTER_WIDTH = 6.9  # of a 12 px letter, taken wide: fonts differ
LINE_HEIGHT = 16
SECTION_GAP = 7  # between what a recipient is and what it receives
KEY_ROW = 46
KEY_COLUMNS = 2


def picture(columns: Sequence[Column]) -> str:
    """Draw it; `CatalogueError` when the map does not fit the catalogue."""
    check(columns)
    told = {place.word: lines_of(place, columns) for place in PLACES}
    heights = {place.word: box_height(place, told[place.word]) for place in RECIPIENTS}
    plan = layout.lay_out(heights)
    key_top = plan.bottom + 56
    height = key_top + 40 + -(-len(plan.arrows) // KEY_COLUMNS) * KEY_ROW + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.WIDTH} {height:.0f}" role="img">',
        '<title id="title">Where data about people is, and how it moves</title>',
        '<desc id="about">People, doors, stores and recipients, with every flow between them.</desc>',
        f"<style>{LOOK}</style>",
        f'<rect class="ground" width="{layout.WIDTH}" height="{height:.0f}"/>',
        *heading(columns),
        *frames(plan),
        *(line(arrow) for arrow in plan.arrows),
        *(drawn for place in PLACES for drawn in box(place, plan.boxes[place.word], told[place.word], columns)),
        *(badge(arrow.number, *arrow.badge, arrow.flow.of) for arrow in plan.arrows),
        *key(plan, key_top),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def lines_of(place: Place, columns: Sequence[Column]) -> list[str]:
    """What stands under a box's title."""
    about = place.about + (" (planned)" if place.is_planned else "")
    if place.tables:
        size = counted(place, columns)
        n = len(place.tables)
        share = f"{size['personal_columns']} of {size['columns']} columns personal"
        return [about, f"{n} table{'s' if n > 1 else ''}, {share}"]
    if place.area is Area.RECIPIENTS:
        width = int((layout.COLUMNS[place.area][1] - 32) / LETTER_WIDTH)
        return [about, *wrap(in_plain_words(received(place.word, columns)), width)]
    return [about]


def box_height(place: Place, lines: Sequence[str]) -> float:
    return max(layout.BOX_HEIGHT, 38 + len(lines) * LINE_HEIGHT + (SECTION_GAP if is_list(place, lines) else 0))


def is_list(place: Place, lines: Sequence[str]) -> bool:
    """Whether what it receives stands below what it is."""
    return place.area is Area.RECIPIENTS and len(lines) > 1


def heading(columns: Sequence[Column]) -> Iterable[str]:
    yield text(40, 54, "Where data about people is, and how it moves", "h1 ink")
    inside = in_plain_words(received(INSIDE, columns)).lower()
    drawn = f"Drawn from the comments of {len(columns)} columns and the list of flows. Stays inside: {inside}."
    yield text(40, 82, drawn, "lead soft")
    x = 40
    for of in Of:
        told = f"about {of.value}"
        yield f'<rect class="{COLOUR[of]} bar" x="{x}" y="101" width="22" height="6" rx="3"/>'
        yield text(x + 30, 108, told, "text ink")
        x += 60 + int(len(told) * LETTER_WIDTH)
    yield f'<path class="line none planned" d="M{x} 104h26"/>'
    yield text(x + 34, 108, "planned", "text ink")
    for area in (Area.PEOPLE, Area.DOORS, Area.RECIPIENTS):
        left, _ = layout.COLUMNS[area]
        yield text(left, layout.TOP + 22, AREAS[area][0], "h2 ink")
        yield text(left, layout.TOP + 40, AREAS[area][1], "text soft")


def frames(plan: Layout) -> Iterable[str]:
    for area, frame in plan.frames.items():
        yield rectangle(frame, "frame", 16)
        yield text(frame.x + layout.PAD, frame.y + 24, AREAS[area][0], "h2 ink")
        yield text(frame.x + layout.PAD, frame.y + 41, AREAS[area][1], "text soft")


def box(place: Place, frame: Box, lines: Sequence[str], columns: Sequence[Column]) -> Iterable[str]:
    yield rectangle(frame, "box planned" if place.is_planned else "box", 10)
    left = frame.x + 16
    if place.tables:
        colour = COLOUR[whose(place, columns)]
        yield rectangle(Box(frame.x + 8, frame.y + 12, 4, frame.height - 24), f"{colour} bar", 2)
        left += 6
    apart = SECTION_GAP if is_list(place, lines) else 0
    top = frame.middle - (len(lines) * LINE_HEIGHT + apart) / 2 + 4
    yield text(left, top, place.title, "title ink")
    for row, told in enumerate(lines, 1):
        yield text(left, top + row * LINE_HEIGHT + 1 + (apart if row > 1 else 0), told, "text soft")


def line(arrow: Arrow) -> str:
    """The curve and its head."""
    colour = COLOUR[arrow.flow.of]
    (x2, _), (x3, y3) = arrow.points[2], arrow.points[3]
    back = -9 if x3 > x2 else 9
    head = f"M{x3:.1f} {y3:.1f}l{back} -4.5v9z"
    dashes = " planned" if arrow.flow.is_planned else ""
    return f'<path class="line {colour}{dashes}" d="{arrow.path}"/><path class="{colour} head" d="{head}"/>'


def badge(number: int, x: float, y: float, of: Of) -> str:
    disc = f'<circle class="{COLOUR[of]}" cx="{x:.1f}" cy="{y:.1f}" r="10"/>'
    return f'<g class="badge">{disc}{text(x, y + 3.8, str(number), "")}</g>'


def key(plan: Layout, top: float) -> Iterable[str]:
    """Every number and what it stands for."""
    yield text(40, top, "Flows", "h2 ink")
    rows = -(-len(plan.arrows) // KEY_COLUMNS)
    width = (layout.WIDTH - 80) / KEY_COLUMNS
    for arrow in plan.arrows:
        column, row = divmod(arrow.number - 1, rows)
        x, y = 50 + column * width, top + 34 + row * KEY_ROW
        flow = arrow.flow
        yield badge(arrow.number, x, y, flow.of)
        ends = f"{title_of(flow.source)} → {title_of(flow.target)}" + (" (planned)" if flow.is_planned else "")
        yield text(x + 22, y - 1, ends, "title ink")
        yield text(x + 22, y + 16, f"{flow.what}. Guarded: {flow.guarded}.", "text soft")


def rectangle(frame: Box, kind: str, radius: int) -> str:
    return (
        f'<rect class="{kind}" x="{frame.x:.1f}" y="{frame.y:.1f}" width="{frame.width:.1f}" '
        f'height="{frame.height:.1f}" rx="{radius}"/>'
    )


def text(x: float, y: float, words: str, kind: str) -> str:
    marked = f' class="{kind}"' if kind else ""
    return f'<text{marked} x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'
