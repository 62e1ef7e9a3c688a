"""What the columns of the migrated databases say, and that the notice tells people of all of it."""

from collections.abc import Callable, Mapping

import pytest

from sendigopro.foundation import catalogue
from sendigopro.foundation.migrations import Database
from sendigopro.privacy import annotations, versions, wording
from sendigopro.privacy.annotations import Column
from tests.databases import Databases

Record = Callable[[str, object], None]
PERSONAL = "user."

# Columns that hold no name and no number, and lead to a person all the same.
STANDS_FOR_SOMEBODY = [
    "vault.subjects.id",
    "vault.subjects.lookup",
    "vault.subjects.country",
    "vault.subjects.identifier",
    "main.messages.id",
    "main.messages.subject_id",
    "main.messages.country",
    "main.message_bodies.message_id",
    "main.message_bodies.details",
    "main.message_tags.tag_mac",
    "main.outcomes.message_id",
    "main.outcomes.carrier_code",
    "main.carrier_refs.ref",
    "main.unmatched_receipts.ref",
    "main.unmatched_receipts.recipient_mac",
    "main.unclear_submits.recipient_mac",
    "main.idempotency.key_mac",
    "main.idempotency.body_mac",
    "main.standing.mac",
    "main.people.id",
    "main.people.mail_mac",
    "main.sessions.hash",
    "main.events.payload",
]
# What points at somebody. A sealed name beside a decision (who approved it) points nowhere, so it is not among them.
MEMBERS = {"member_ref", "member_mac"}
SUBJECTS = {"subject_ref", "sealed_identifier", "lookup_mac", "standing_mac"}


@pytest.fixture
async def columns(databases: Databases) -> list[Column]:
    """All of both databases."""
    return [
        *await annotations.read_columns(await databases.main("door"), "main"),
        *await annotations.read_columns(await databases.vault(), "vault"),
    ]


async def test_every_column_of_both_databases_says_what_it_holds(
    columns: list[Column], record_property: Record
) -> None:
    """Read from the catalogue, not from the files: one role each, a basis, a purpose, an end, a source, a recipient."""
    silent = [f"{column.table}.{column.name}" for column in columns if column.annotation is None]
    record_property("figure", f"{len(columns) - len(silent)} of {len(columns)} columns")

    assert len(columns) > 250
    assert silent == []
    for column in columns:
        told = column.annotation
        assert told is not None
        assert told.role in catalogue.ROLES
        assert told.basis in catalogue.BASES
        assert told.retention in catalogue.RETENTIONS
        assert told.purposes
        assert told.recipients


@pytest.mark.parametrize("database", ["main", "vault"])
async def test_a_column_without_an_annotation_is_seen(database: Database, databases: Databases) -> None:
    conn = await databases.connect(getattr(databases, f"{database}_url"), "owner")
    await conn.execute(f"CREATE TABLE {database}.bare (id uuid)")

    found = [column for column in await annotations.read_columns(conn, database) if column.annotation is None]

    assert [(column.table, column.name) for column in found] == [(f"{database}.bare", "id")]


async def test_what_stands_for_a_person_counts_as_personal(columns: list[Column]) -> None:
    said = {f"{column.table}.{column.name}": column.annotation for column in columns}
    macs = [name for name in said if name.endswith(("_mac", ".mac", ".lookup"))]

    assert len(STANDS_FOR_SOMEBODY) >= 20
    assert len(macs) >= 6
    for name in (*STANDS_FOR_SOMEBODY, *macs):
        told = said[name]
        assert told is not None
        assert told.category.startswith(PERSONAL), name
        assert told.basis != "none", name


async def test_no_table_leads_from_a_member_to_an_end_user(columns: list[Column], databases: Databases) -> None:
    profiles: dict[str, set[str]] = {}
    for column in columns:
        assert column.annotation is not None
        profiles.setdefault(column.table, set()).add(column.annotation.profile)
    referring = """
        SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'
    """

    assert [table for table, used in profiles.items() if used & MEMBERS and used & SUBJECTS] == []
    assert any(used & MEMBERS for used in profiles.values())
    assert any(used & SUBJECTS for used in profiles.values())
    for conn in (await databases.main(), await databases.vault()):
        for tables in await conn.fetch(referring):
            assert not any(profiles[table] & SUBJECTS for table in tables), "a reference to an end user's row"


async def test_what_customers_hand_in_is_processed_for_them(columns: list[Column]) -> None:
    """Numbers, texts and what comes with them have the customer as their source, and us as a mere processor."""
    handed_in = ("user.contact", "user.content", "user.content.private")
    found = [one for one in annotations.annotations_of(columns) if one.category in handed_in]

    assert len(found) >= 3
    assert {one.role for one in found} == {"processor"}
    assert {one.basis for one in found if one.retention != "hold_term"} == {"customer_instruction"}
    assert {one.basis for one in found if one.retention == "hold_term"} == {"legal_obligation"}
    assert {one.source for one in found} <= {"account", "subject"}


async def test_no_purpose_or_category_is_in_use_that_the_notice_does_not_name(columns: list[Column]) -> None:
    used = versions.cover_of(annotations.annotations_of(columns))

    assert versions.cover_fault(used, versions.read()) == ""


async def test_a_column_for_a_new_purpose_or_kind_of_data_is_found(databases: Databases) -> None:
    """The proof that the test above can fail: one column more, for marketing, about health or whatever comes."""
    owner = await databases.main("owner")
    before = versions.cover_of(annotations.annotations_of(await annotations.read_columns(owner, "main")))
    words = {
        "category": "user.demographic.language", "role": "controller", "purposes": ["marketing"], "basis": "consent",
        "retention": "account_life", "source": "website", "recipients": ["payment_provider"],
    }  # fmt: skip
    await owner.execute("CREATE TABLE main.visitors (tongue text)")
    annotation = catalogue.read_annotation(words)
    await owner.execute(f"COMMENT ON COLUMN main.visitors.tongue IS '{annotation.comment()}'")
    after = versions.cover_of(annotations.annotations_of(await annotations.read_columns(owner, "main")))

    assert versions.gaps(after, before) == {
        "purposes": ("marketing",),
        "categories": ("user.demographic.language",),
        "bases": ("consent",),
        "recipients": ("payment_provider",),
    }
    fault = versions.cover_fault(after, versions.read())
    assert "marketing" in fault
    assert "--change new_purpose" in fault


def test_every_word_of_the_catalogue_has_a_plain_one() -> None:
    pairs: list[tuple[Mapping[str, object], Mapping[str, object]]] = [
        (catalogue.CATEGORIES, wording.DATA),
        (catalogue.ROLES, wording.ROLES),
        (catalogue.PURPOSES, wording.PURPOSES),
        (catalogue.BASES, wording.BASES),
        (catalogue.RETENTIONS, wording.PERIODS),
        (catalogue.SOURCES, wording.SOURCES),
        (catalogue.RECIPIENTS, wording.RECIPIENTS),
    ]

    for words, plain in pairs:
        assert set(words) == set(plain)
