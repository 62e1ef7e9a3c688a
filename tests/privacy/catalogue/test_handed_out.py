"""Plans and package say the same of what is handed out to a person: held to each other and to the package's format."""

import json
from typing import Any

from sendigopro.privacy import plans
from sendigopro.privacy.catalogue.model import Column
from sendigopro.privacy.package.coverage import HELD, LEFT_OUT, NOT_YOURS, is_of_people
from sendigopro.privacy.package.model import DATA, MANIFEST, MESSAGES
from sendigopro.privacy.package.schema import schema
from sendigopro.privacy.plans import Whose

RECORDS = {DATA: "Data", MANIFEST: "Manifest", MESSAGES: "MessageRecord"}
FORMAT = json.loads(schema())


def has_field(file: str, field: str) -> bool:
    """Whether the published format has it: `history.rank` is the rank of each record of the history."""
    if file not in RECORDS:
        return field in FORMAT["columns"][file]
    place: Any = {"$ref": f"#/$defs/{RECORDS[file]}"}
    for step in field.split("."):
        place = place.get("items", place)
        if "$ref" in place:
            place = FORMAT["$defs"][place["$ref"].rsplit("/", 1)[1]]
        place = place.get("properties", {}).get(step)
        if place is None:
            return False
    return True


def test_each_column_that_is_handed_out_is_planned_as_the_persons_own(columns: list[Column]) -> None:
    of_subject = {column.full_name for column, _, plan in plans.planned(columns) if plan.whose is Whose.SUBJECT}

    assert HELD.keys() - of_subject == set()


def test_each_column_that_is_handed_out_stands_in_a_field_that_the_package_has() -> None:
    """The list said of an event's number and of the mark of a callback that they were in the package; none was."""
    lost = [
        (name, field) for name, held in HELD.items() for field in held.fields.split() if not has_field(held.file, field)
    ]

    assert lost == []
    assert not has_field(MESSAGES, "has_callback")
    assert not has_field(MESSAGES, "history.secret")


def test_each_column_of_people_that_the_package_leaves_out_has_a_reason_that_its_plan_agrees_with(
    columns: list[Column],
) -> None:
    """A person's own has a reason of its own kind; what the plan gives to account or staff, the list does as well."""
    left = [
        (column.full_name, plan)
        for column, says, plan in plans.planned(columns)
        if is_of_people(says.category, says.role) and column.full_name not in HELD
    ]

    assert {name for name, _ in left} == LEFT_OUT.keys()
    assert {name for name, plan in left if plan.whose is not Whose.SUBJECT} == NOT_YOURS.keys()


def test_the_plans_tell_of_each_column_where_it_is_in_the_package_or_why_not(columns: list[Column]) -> None:
    rows = [line.split(" | ") for line in plans.as_markdown(columns).splitlines() if line.startswith("| ")]
    told = {row[0].removeprefix("| "): row[3] for row in rows}

    assert told["main.outcomes.rank"] == "messages.jsonl: history.rank"
    assert {name for name, place in told.items() if not place.startswith("no")} - {"Column", "---"} == HELD.keys()
    assert {name: place for name, place in told.items() if place.startswith("no: ")} == {
        name: f"no: {why}" for name, why in LEFT_OUT.items()
    }
