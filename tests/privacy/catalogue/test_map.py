"""The map is true: it fits the live catalogue, names real code, and knows every way out of the installation."""

import ast
import dataclasses
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from sendigopro.channels import registry
from sendigopro.foundation.catalogue import RECIPIENTS, read_annotation
from sendigopro.privacy.catalogue import map as data_map
from sendigopro.privacy.catalogue.flows import FLOWS
from sendigopro.privacy.catalogue.layout import lay_out
from sendigopro.privacy.catalogue.map import PACKAGE, map_of
from sendigopro.privacy.catalogue.model import CatalogueError, Column
from sendigopro.privacy.catalogue.picture import picture
from sendigopro.privacy.catalogue.places import INSIDE, PLACES, Area, Flow, Of, Place

REACHES_OUT = re.compile(
    r"\b(create_connection|open_connection|sock_connect|urlopen|ClientSession|smtplib|AsyncClient|boto3|create_datagram_endpoint)\b"
)
STAYS_ON_THE_MACHINE = {"commands/send.py": "posts to our own address"}
HELD = read_annotation(
    {
        "category": "user.contact",
        "role": "controller",
        "purposes": ["marketing"],
        "basis": "consent",
        "retention": "account_life",
        "source": "website",
        "recipients": ["payment_provider"],
    }
)


def provider_files() -> list[str]:
    return sorted(
        path.relative_to(PACKAGE).as_posix()
        for path in (PACKAGE / "channels").glob("*/*.py")
        if re.search(r"^(provider|link)\b.*=", path.read_text(), re.MULTILINE)
    )


def files_that_reach_out(package: Path = PACKAGE) -> list[str]:
    """Every file whose code, not its comments, opens a connection to somewhere."""
    return sorted(
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if any(
            REACHES_OUT.search(node.attr if isinstance(node, ast.Attribute) else node.id)
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute | ast.Name)
        )
    )


def drawn_files() -> set[str]:
    return {
        path.relative_to(PACKAGE).as_posix()
        for flow in FLOWS
        for pattern in flow.code
        for path in PACKAGE.glob(pattern)
    }


def test_map_catalogue_and_code_agree(columns: list[Column]) -> None:
    assert data_map.faults(columns) == []


def test_every_provider_is_on_the_map() -> None:
    undrawn = [name for name in provider_files() if name not in drawn_files()]

    assert len(provider_files()) == len(registry.providers())
    assert not undrawn, f"Say in catalogue/flows.py which flow goes through them: {undrawn}"


def test_whatever_opens_a_connection_is_on_the_map() -> None:
    found = files_that_reach_out()
    undrawn = [name for name in found if name not in drawn_files() and name not in STAYS_ON_THE_MACHINE]

    assert {"smpp/client.py", "webhooks/client.py", "vault/keepers/aws_kms.py"} <= set(found)
    assert not undrawn, f"Say in catalogue/flows.py to whom they carry what: {undrawn}"


def test_a_new_table_without_a_store_is_named_with_what_to_do(columns: list[Column]) -> None:
    [fault] = data_map.faults([*columns, Column("main", "visitors", "mail", HELD)])

    assert fault == "main.visitors is in no store: add it to one in catalogue/places.py"


def test_a_table_stands_in_one_store_of_its_own_database(columns: list[Column]) -> None:
    twice = Place("twice", Area.VAULT, "Twice", "drawn again", tables=("main.messages",))

    assert data_map.faults(columns, places=[*PLACES, twice]) == [
        "main.messages is in 2 stores: leave it in one, in catalogue/places.py",
        "main.messages is drawn in vault: move it to a store of its own database",
    ]


def test_a_table_that_is_gone_leaves_the_map(columns: list[Column]) -> None:
    left = [column for column in columns if column.table_name != "main.standing"]

    assert data_map.faults(left) == ["main.standing is not in the database: take it out of catalogue/places.py"]


def test_a_new_schema_needs_an_area(columns: list[Column]) -> None:
    [fault] = data_map.faults(columns, schemas=["main", "vault", "jobs", "website"])

    assert fault.startswith("schema website has no area of the map: give it one")


def test_a_recipient_without_a_place_is_named(columns: list[Column]) -> None:
    without = [place for place in PLACES if place.word != "authorities"]
    flows = [flow for flow in FLOWS if flow.target != "authorities"]

    assert data_map.faults(columns, places=without, flows=flows) == [
        "recipient authorities of the catalogue is not on the map: add its place and its flows"
    ]


def test_every_word_for_a_recipient_has_its_place() -> None:
    drawn = {place.word for place in PLACES if place.area is Area.RECIPIENTS}

    assert drawn | {INSIDE} == set(RECIPIENTS)


def test_a_recipient_to_whom_nothing_flows_is_named(columns: list[Column]) -> None:
    flows = [flow for flow in FLOWS if flow.target != "carriers"]

    assert "nothing flows to Carriers: add its flow in catalogue/flows.py" in data_map.faults(columns, flows=flows)


@pytest.mark.parametrize(
    ("flow", "fault"),
    [
        (
            Flow("messages", "carriers", Of.END_USERS, "x", "y", code=("channels/sms/pigeon.py",)),
            "messages → carriers: channels/sms/pigeon.py does not exist: correct the entry, or call it planned",
        ),
        (
            Flow("messages", "carriers", Of.END_USERS, "x", "y", code=("messages/deliver.py",), is_planned=True),
            "messages → carriers: messages/deliver.py exists now: take is_planned from the entry",
        ),
        (
            Flow("messages", "pigeons", Of.END_USERS, "x", "y", code=("messages/deliver.py",)),
            "a flow names pigeons, which is no place of the map",
        ),
    ],
)
def test_a_flow_that_is_not_so_is_named(columns: list[Column], flow: Flow, fault: str) -> None:
    assert data_map.faults(columns, flows=[*FLOWS, flow]) == [fault]


def test_nothing_is_drawn_of_a_map_that_does_not_fit(columns: list[Column]) -> None:
    unfit = [*columns, Column("main", "visitors", "mail", HELD)]

    for make in (map_of, picture):
        with pytest.raises(CatalogueError, match=r"main\.visitors"):
            make(unfit)


def test_a_recipients_box_tells_what_the_catalogue_says_it_receives(columns: list[Column]) -> None:
    assert "user.contact.email" in data_map.received("mail_provider", columns)
    assert "user.content.private" in data_map.received("carriers", columns)
    mailed = dataclasses.replace(HELD, recipients=("mail_provider",), category="user.name")
    more = [*columns, Column("main", "members", "name", mailed)]

    assert "Names" not in words_of(picture(columns))
    assert any("names" in word for word in words_of(picture(more)) if word not in words_of(picture(columns)))


def test_the_picture_shows_every_place_and_the_number_of_every_flow(columns: list[Column]) -> None:
    words = words_of(picture(columns))

    assert {place.title for place in PLACES} <= set(words)
    for number in range(1, len(FLOWS) + 1):
        assert words.count(str(number)) == 2, f"flow {number}: once on the map, once in the key"


def test_the_picture_asks_nobody_for_anything_and_is_drawn_for_light_and_dark(columns: list[Column]) -> None:
    drawn = picture(columns)
    addresses = set(re.findall(r"https?://[^\"']+", drawn))

    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of the format, which is never fetched
    assert "prefers-color-scheme: dark" in drawn
    assert not re.search(r"<(image|script|use|foreignObject)\b|@import|url\(", drawn)


def test_no_box_lies_on_another_and_no_number_on_another(columns: list[Column]) -> None:
    del columns
    plan = lay_out({})
    boxes = list(plan.boxes.values())
    overlapping = [
        (one, other)
        for place, one in enumerate(boxes)
        for other in boxes[place + 1 :]
        if one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    ]
    badges = [arrow.badge for arrow in plan.arrows]
    close = [
        (one, other)
        for place, one in enumerate(badges)
        for other in badges[place + 1 :]
        if (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2 < 20**2
    ]

    assert (overlapping, close) == ([], [])


def words_of(drawn: str) -> list[str]:
    root = ET.fromstring(drawn)  # noqa: S314  # it reads what we drew
    return [node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text")]
