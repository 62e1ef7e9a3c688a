"""The data map as data: places and flows from the code, what they hold and hand on from the live catalogue."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from sendigopro.foundation import catalogue, migrations
from sendigopro.privacy import wording
from sendigopro.privacy.catalogue.flows import FLOWS
from sendigopro.privacy.catalogue.model import CatalogueError, Column, personal, tables_of
from sendigopro.privacy.catalogue.places import (
    BY_WORD,
    INSIDE,
    PLACES,
    SCHEMAS,
    Area,
    Flow,
    Of,
    Place,
)

PACKAGE = Path(__file__).parents[2]
OUR_SCHEMAS = tuple(schema for schemas in migrations.SCHEMAS.values() for schema in schemas)


def map_of(columns: Sequence[Column]) -> dict[str, object]:
    """The whole map as JSON knows it; `CatalogueError` when it does not fit the catalogue."""
    check(columns)
    return {
        "format": "sendigopro-data-map/1",
        "places": [described(place, columns) for place in PLACES],
        "flows": [
            {
                "number": number,
                "from": flow.source,
                "to": flow.target,
                "of": flow.of.value,
                "what": flow.what,
                "guarded": flow.guarded,
                "code": list(flow.code),
                "planned": flow.is_planned,
            }
            for number, flow in enumerate(FLOWS, 1)
        ],
        "stays_inside": received(INSIDE, columns),
    }


def check(columns: Sequence[Column]) -> None:
    if wrong := faults(columns):
        raise CatalogueError("; ".join(wrong))


def described(place: Place, columns: Sequence[Column]) -> dict[str, object]:
    words: dict[str, object] = {
        "word": place.word,
        "area": place.area.value,
        "title": place.title,
        "about": place.about,
        "planned": place.is_planned,
    }
    if place.area is Area.RECIPIENTS:
        return words | {"receives": received(place.word, columns)}
    if place.tables:
        return words | {"tables": list(place.tables), "holds": held(place, columns), **counted(place, columns)}
    return words | {"code": list(place.code)}


def counted(place: Place, columns: Iterable[Column]) -> dict[str, int]:
    """How large a store is."""
    inside = [column for column in columns if column.table_name in place.tables]
    return {"columns": len(inside), "personal_columns": sum(column.is_personal for column in inside)}


def held(place: Place, columns: Iterable[Column]) -> list[str]:
    """Categories of what a store holds about people."""
    said = {says.category for column, says in personal(columns) if column.table_name in place.tables}
    return [word for word in catalogue.CATEGORIES if word in said]


def received(recipient: str, columns: Iterable[Column]) -> list[str]:
    """Categories of what a recipient may see."""
    said = {says.category for _, says in personal(columns) if recipient in says.recipients}
    return [word for word in catalogue.CATEGORIES if word in said]


def in_plain_words(categories: Iterable[str]) -> str:
    return ", ".join(wording.DATA[word] for word in categories).capitalize()


def whose(place: Place, columns: Iterable[Column]) -> Of:
    """Whose data a store holds most sensitively: end users' before members' before nobody's."""
    roles = {says.role for column, says in personal(columns) if column.table_name in place.tables}
    if "processor" in roles:
        return Of.END_USERS
    return Of.MEMBERS if roles else Of.NOBODY


def faults(
    columns: Sequence[Column],
    places: Sequence[Place] = PLACES,
    flows: Sequence[Flow] = FLOWS,
    schemas: Iterable[str] = OUR_SCHEMAS,
) -> list[str]:
    """Where map, catalogue and code differ, each with what to do."""
    return [
        *astray(columns, places),
        *unknown_schemas(schemas),
        *unmet_recipients(columns, places),
        *loose_ends(places, flows),
        *without_code([*places, *flows]),
    ]


def astray(columns: Iterable[Column], places: Iterable[Place]) -> list[str]:
    """Every table stands in one store, of its schema's area."""
    tables = tables_of(columns)
    placed = Counter(table for place in places for table in place.tables)
    wrong_area = [
        f"{table} is drawn in {place.area.value}: move it to a store of its own database"
        for place in places
        for table in place.tables
        if SCHEMAS.get(table.partition(".")[0]) is not place.area
    ]
    return [
        *(f"{name} is in no store: add it to one in catalogue/places.py" for name in tables if not placed[name]),
        *(f"{name} is in {n} stores: leave it in one, in catalogue/places.py" for name, n in placed.items() if n > 1),
        *(
            f"{name} is not in the database: take it out of catalogue/places.py"
            for name in placed
            if name not in tables
        ),
        *wrong_area,
    ]


def unknown_schemas(schemas: Iterable[str]) -> list[str]:
    return [
        f"schema {schema} has no area of the map: give it one in SCHEMAS of catalogue/places.py"
        for schema in schemas
        if schema not in SCHEMAS
    ]


def unmet_recipients(columns: Iterable[Column], places: Iterable[Place]) -> list[str]:
    said = {word for column in columns if column.says is not None for word in column.says.recipients}
    drawn = {place.word for place in places if place.area is Area.RECIPIENTS} | {INSIDE}
    return [
        f"recipient {word} of the catalogue is not on the map: add its place and its flows"
        for word in sorted(said - drawn)
    ]


def loose_ends(places: Iterable[Place], flows: Sequence[Flow]) -> list[str]:
    words = {place.word for place in places}
    reached = {word for flow in flows for word in (flow.source, flow.target)}
    return [
        *(f"a flow names {word}, which is no place of the map" for word in sorted(reached - words)),
        *(
            f"nothing flows to {place.title}: add its flow in catalogue/flows.py"
            for place in places
            if place.area is Area.RECIPIENTS and place.word not in {flow.target for flow in flows}
        ),
    ]


def without_code(entries: Iterable[Place | Flow]) -> list[str]:
    """What is drawn exists, and what is called planned does not."""
    wrong = []
    for entry in entries:
        name = entry.title if isinstance(entry, Place) else f"{entry.source} → {entry.target}"
        missing = [pattern for pattern in entry.code if not any(PACKAGE.glob(pattern))]
        if missing and not entry.is_planned:
            wrong.append(f"{name}: {', '.join(missing)} does not exist: correct the entry, or call it planned")
        if entry.is_planned and entry.code and not missing:
            wrong.append(f"{name}: {', '.join(entry.code)} exists now: take is_planned from the entry")
    return wrong


def title_of(word: str) -> str:
    return BY_WORD[word].title
