"""What is made from the catalogue is committed, whole, and the same every time."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sendigopro.foundation import catalogue
from sendigopro.foundation.catalogue import read_annotation
from sendigopro.privacy import outputs, wording
from sendigopro.privacy.catalogue.map import PACKAGE
from sendigopro.privacy.catalogue.measures import MEASURES
from sendigopro.privacy.catalogue.model import CatalogueError, Column, personal
from sendigopro.privacy.catalogue.notice_tables import as_data, as_html, as_markdown, notice_tables
from sendigopro.privacy.catalogue.record import record_of
from sendigopro.privacy.catalogue.record_page import record_page
from sendigopro.settings import Settings
from tests.privacy.catalogue.regenerate import FOLDER, UNSET

REMEDY = "run `sendigopro catalogue write docs/privacy`, or `python -m tests.privacy.catalogue.regenerate`"
FAMOUS = Settings(
    data_dir=Path(),
    operator_name="Example <Ltd>",
    operator_address="1 Main Street",
    privacy_contact="privacy@example.com",
    representative="Example GmbH, Berlin",
    data_protection_officer="P. Officer",
    transfers="Brazil: adequacy",
)
FANCIFUL = read_annotation(
    {
        "category": "user.telemetry",
        "role": "controller",
        "purposes": ["marketing"],
        "basis": "consent",
        "retention": "audit_term",
        "source": "website",
        "recipients": ["nobody"],
    }
)


@pytest.mark.parametrize("name", ["map.json", "map.svg", "notice-tables.md", "plans.md", "record.html", "record.json"])
def test_what_is_committed_is_what_the_catalogue_says(columns: list[Column], name: str) -> None:
    made = outputs.outputs(columns, UNSET)[name]

    assert made == (FOLDER / name).read_text(encoding="utf-8"), f"{name} is out of date: {REMEDY}"


def test_nothing_else_is_committed_beside_it(columns: list[Column]) -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(outputs.outputs(columns, UNSET))


def test_a_second_writing_changes_nothing(columns: list[Column], tmp_path: Path) -> None:
    first = outputs.write(tmp_path / "made", columns, UNSET)
    second = outputs.write(tmp_path / "made", list(columns), UNSET)

    assert (len(first), second) == (6, [])


def test_nothing_is_made_while_a_column_says_nothing(columns: list[Column]) -> None:
    with pytest.raises(CatalogueError, match=r"do not say what they hold: main\.messages\.note"):
        outputs.outputs([*columns, Column("main", "messages", "note", None)], UNSET)


# The tables of the notice


def test_every_word_of_every_personal_column_stands_in_a_row_of_the_notice(columns: list[Column]) -> None:
    rows = {(row.role, row.category, row.basis, row.retention): row for row in notice_tables(columns)}
    for column, says in personal(columns):
        row = rows[says.role, says.category, says.basis, says.retention]

        assert set(says.purposes) <= set(row.purposes), column.full_name
        assert set(says.recipients) <= set(row.recipients), column.full_name
        assert says.source in row.sources, column.full_name


def test_the_notice_says_nothing_that_no_column_does(columns: list[Column]) -> None:
    said = [says for _, says in personal(columns)]
    for row in notice_tables(columns):
        same = [
            s
            for s in said
            if (s.role, s.category, s.basis, s.retention) == (row.role, row.category, row.basis, row.retention)
        ]

        assert set(row.purposes) == {word for says in same for word in says.purposes}
        assert set(row.recipients) == {word for says in same for word in says.recipients}


def test_a_new_kind_of_data_changes_the_notice(columns: list[Column]) -> None:
    before = as_markdown(notice_tables(columns))
    after = as_markdown(notice_tables([*columns, Column("main", "visits", "path", FANCIFUL)]))

    assert set(after.splitlines()) - set(before.splitlines()) == {
        "| Use of our website | tell of our product | Consent | The period of the audit log | nobody | our website |"
    }


def test_the_tables_do_not_depend_on_the_order_of_columns(columns: list[Column]) -> None:
    assert notice_tables(columns[::-1]) == notice_tables(columns)


def test_the_fragment_is_plain_tables_with_every_row(columns: list[Column]) -> None:
    rows = notice_tables(columns)
    fragment = as_html(rows)

    assert fragment.count('<th scope="row">') == len(rows) == len(as_data(rows))
    assert fragment.count("<table") == len(catalogue.ROLES)
    assert not re.search(r"<(script|style|img|link)\b|style=", fragment)


def test_every_word_a_column_may_say_can_be_said_plainly() -> None:
    assert set(wording.DATA) == set(catalogue.CATEGORIES)
    assert set(wording.PURPOSES) == set(catalogue.PURPOSES)
    assert set(wording.BASES) == set(catalogue.BASES)
    assert set(wording.PERIODS) == set(catalogue.RETENTIONS)
    assert set(wording.RECIPIENTS) == set(catalogue.RECIPIENTS)
    assert set(wording.SOURCES) == set(catalogue.SOURCES)
    assert set(wording.ROLES) == set(catalogue.ROLES)


# The record of processing


def test_the_record_has_an_activity_for_every_purpose_of_each_role(columns: list[Column]) -> None:
    record = json.loads(outputs.as_json(record_of(columns, UNSET)))
    for role in catalogue.ROLES:
        purposes = {word for _, says in personal(columns) if says.role == role for word in says.purposes}
        activities = record[f"as_{role}"]["activities"]

        assert {one["purpose"] for one in activities} == purposes
        for one in activities:
            assert one["people"]
            assert one["bases"]
            assert one["stores"]
            assert all(data["time_limits"] for data in one["data"]), one["purpose"]


def test_the_record_names_who_is_responsible_and_leaves_nothing_open_then(columns: list[Column]) -> None:
    record = record_of(columns, FAMOUS)
    page = record_page(record)

    assert record["open"] == []
    for said in ("Example &lt;Ltd&gt;", "1 Main Street", "privacy@example.com", "Example GmbH", "P. Officer", "Brazil"):
        assert said in page
    assert "not said yet" not in page


def test_a_record_without_settings_names_the_settings_that_are_missing(columns: list[Column]) -> None:
    record = record_of(columns, UNSET)
    page = record_page(record)

    assert record["open"] == [
        "SENDIGOPRO_OPERATOR_NAME",
        "SENDIGOPRO_OPERATOR_ADDRESS",
        "SENDIGOPRO_PRIVACY_CONTACT",
        "SENDIGOPRO_TRANSFERS",
    ]
    assert page.count("not said yet") == 4


def test_the_page_of_the_record_stands_alone(columns: list[Column]) -> None:
    page = record_page(record_of(columns, FAMOUS))
    tags = Tags()
    tags.feed(page)

    assert not {"script", "img", "link", "iframe", "object"} & set(tags.seen)
    assert not re.search(r"https?://|@import|url\(", page)
    assert tags.seen.count("section") == page.count("</section>")


def test_every_measure_of_the_record_names_code_that_exists() -> None:
    missing = [name for measure in MEASURES for name in measure.code if not (PACKAGE / name).is_file()]

    assert len(MEASURES) >= 10
    assert not missing, f"Correct or take out the measures of catalogue/measures.py that name them: {missing}"


class Tags(HTMLParser):
    """Which tags a page opens."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.seen.append(tag)
