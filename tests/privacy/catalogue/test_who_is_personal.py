"""Clauses 0.3, 1.1, 1.3 to 1.5: what leads to a person is classed as personal; members and end users never meet."""

import re

import asyncpg
import pytest

from sendigopro.accounts.first import put_member
from sendigopro.foundation import catalogue, ids
from sendigopro.foundation.phones import parse_phone
from sendigopro.foundation.randomness import token
from sendigopro.privacy.catalogue.model import Column, coverage
from sendigopro.privacy.catalogue.store import read_columns
from sendigopro.vault.vault import Vault
from tests.databases import Databases

TRICKY = {
    "vault.subjects.id": "the reference other tables carry",
    "vault.subjects.lookup": "a MAC of the number: nobody reads it, but it finds the person",
    "vault.subjects.identifier": "sealed is not anonymous",
    "vault.subjects.key_slot": "a number that one person has alone",
    "vault.subjects.country": "with a day it may single somebody out",
    "vault.subjects.last_seen": "behaviour",
    "main.messages.subject_id": "a pseudonym",
    "main.messages.id": "leads to the subject in the same row",
    "main.messages.chunk_id": "a chunk may hold one message",
    "main.messages.key_id": "which of an account's systems wrote to the person",
    "main.messages.sender_id": "whom the person hears from",
    "main.chunks.id": "the same number as messages.chunk_id",
    "main.chunks.message_ids": "messages by number",
    "main.moved.chunk_id": "the same number as messages.chunk_id",
    "main.message_tags.tag_mac": "an account may tag by customer number",
    "main.carrier_refs.ref": "the carrier finds the phone by it",
    "main.unclear_submits.recipient_mac": "a MAC of the number under the platform's own key",
    "main.unmatched_receipts.recipient_mac": "the same, and kept without the message",
    "main.unmatched_receipts.id": "the row of that MAC",
    "main.unmatched_receipts.ref": "the carrier finds the phone by it",
    "main.idempotency.key_mac": "an account may use an order number as its key",
    "main.idempotency.body_mac": "a MAC of number and text: a guess can be tried by whoever has the key",
    "main.idempotency.message_ids": "messages by number",
    "main.awaited_receipts.id": "a group may be one message",
    "main.awaited_receipts.message_ids": "messages by number",
    "main.events.id": "a batch may be one message",
    "main.outbox.id": "the same number as events.id",
    "main.webhook_retries.event_id": "an event of one message",
    "main.webhook_retries.lane_id": "may be a hash of the address that came with a message",
    "main.webhook_replays.after_id": "the same number as events.id",
    "main.webhook_deliveries.event_ids": "events of single messages",
    "main.standing.mac": "a MAC that outlives the person's erasure",
    "main.people.id": "a person who works for an account",
    "main.people.mail_mac": "a MAC of their address",
    "main.people.password_hash": "a hash of what one person knows",
    "main.members.person_id": "the same person",
    "main.sessions.hash": "a hash of what one browser holds",
    "main.recovery_codes.hash": "a hash of what one person has on paper",
    "main.sign_in_failures.mac": "a MAC of an address and a network",
    "main.api_keys.hash": "a hash of what one person holds",
}
MEMBERS = {"main.people", "main.members"}
STANDS_FOR_SOMETHING = re.compile(r"(^|_)(id|ids|mac|hash|lookup|ref|slots?)$")
SAYS_NOTHING_OF_PEOPLE = {
    "carrier_id": "a company that transports",
    "vault.buckets.slot": "the key of a whole account and day",
}


def test_every_column_of_both_databases_says_what_it_holds(columns: list[Column]) -> None:
    counted = coverage(columns)

    assert counted.silent == ()
    assert (counted.percent, counted.is_full) == ("100.00 %", True)


async def test_a_column_without_an_annotation_lowers_the_figure(databases: Databases, columns: list[Column]) -> None:
    owner = await databases.main("owner")
    await owner.execute("ALTER TABLE main.messages ADD COLUMN note text")
    found = await read_columns(owner, await databases.vault())
    counted = coverage(found)

    assert counted.silent == ("main.messages.note",)
    assert len(found) == len(columns) + 1
    assert (counted.is_full, counted.percent.startswith("99.")) == (False, True)


@pytest.mark.parametrize("name", TRICKY)
def test_a_stand_in_for_a_person_is_classed_as_personal(columns: list[Column], name: str) -> None:
    [column] = [column for column in columns if column.full_name == name]

    assert column.is_personal, f"{name}: {TRICKY[name]}"


def test_every_number_and_hash_beside_a_persons_data_is_classed_as_personal(columns: list[Column]) -> None:
    of_people = {
        column.table_name
        for column in columns
        if column.says is not None
        and column.is_personal
        and (column.says.role == "processor" or column.table_name in MEMBERS)
    }
    plain = [
        column.full_name
        for column in columns
        if column.table_name in of_people
        and STANDS_FOR_SOMETHING.search(column.name)
        and {column.name, column.full_name}.isdisjoint(SAYS_NOTHING_OF_PEOPLE)
        and not column.is_personal
    ]

    assert len(of_people) >= 15
    assert not plain, f"Give them a profile of a user.* category: a pseudonym is personal data: {plain}"


def test_every_column_has_exactly_one_role(columns: list[Column]) -> None:
    for column in columns:
        assert column.says is not None
        assert column.says.role in catalogue.ROLES, column.full_name


def test_an_annotation_with_two_roles_or_none_is_refused() -> None:
    words = {
        "category": "user.contact",
        "purposes": ["deliver"],
        "basis": "contract",
        "retention": "message_term",
        "source": "account",
        "recipients": ["account"],
    }
    assert catalogue.read_annotation({**words, "role": "processor"}).role == "processor"
    for role in (["controller", "processor"], "", None, "both"):
        with pytest.raises(catalogue.UnknownWordError, match="role"):
            catalogue.read_annotation({**words, "role": role})
    with pytest.raises(catalogue.UnknownWordError, match="role"):
        catalogue.read_annotation(words)


def references(columns: list[Column], role: str) -> set[str]:
    """Tables with a column that stands for one person of this role."""
    return {
        column.table_name
        for column in columns
        if column.says is not None and column.says.role == role and column.says.category.startswith("user.unique_id")
    }


def reached(start: str, keys: list[tuple[str, str]]) -> set[str]:
    """Every table that foreign keys lead to from one, in either direction."""
    found, waiting = {start}, [start]
    while waiting:
        table = waiting.pop()
        near = {other for key in keys if table in key for other in key} - found
        found |= near
        waiting += near
    return found


def test_no_table_refers_to_a_member_and_to_an_end_user(columns: list[Column]) -> None:
    members, subjects = references(columns, "controller"), references(columns, "processor")

    assert "main.members" in members
    assert {"vault.subjects", "main.messages", "main.standing"} <= subjects
    assert members & subjects == set(), "A column path from members to end users: keep them in tables of their own"


def test_members_and_end_users_share_no_column_but_their_accounts_number(columns: list[Column]) -> None:
    members = {column.name for column in columns if column.table_name in MEMBERS}
    subjects = {column.name for column in columns if column.table_name == "vault.subjects"}

    assert members & subjects == {"account_id", "id"}
    for column in columns:
        assert column.says is not None
        if column.table_name in MEMBERS:
            assert column.says.role == "controller", column.full_name
        if column.table_name == "vault.subjects" and column.name != "account_id" and column.is_personal:
            assert column.says.role == "processor", column.full_name


async def test_no_foreign_key_leads_from_members_to_end_users(databases: Databases, columns: list[Column]) -> None:
    """And the same question finds one that was put there."""
    owner = await databases.main("owner")
    subjects = references(columns, "processor")

    assert reached("main.people", await foreign_keys(owner)) & subjects == set()

    await owner.execute(
        """
        CREATE TABLE main.between (member uuid REFERENCES main.people (id), tagged_account uuid, tagged uuid,
            FOREIGN KEY (tagged_account, tagged) REFERENCES main.unclear_submits (account_id, message_id))
        """
    )
    assert reached("main.people", await foreign_keys(owner)) & subjects == {"main.unclear_submits"}


async def foreign_keys(conn: asyncpg.Connection) -> list[tuple[str, str]]:
    rows = await conn.fetch(
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
    )
    return [(row[0], row[1]) for row in rows]


async def test_one_phone_known_as_member_and_as_end_user_gives_unrelated_rows_and_keys(
    vault: Vault, vault_owner: asyncpg.Connection, main_owner: asyncpg.Connection
) -> None:
    """And so for two accounts: neither MAC, nor key, nor number of a row says that it is one person."""
    number = parse_phone("+447400123456")
    one, other = ids.new(), ids.new()
    [first] = await vault.subjects_of(one, 1, [number])
    [second] = await vault.subjects_of(other, 1, [number])
    async with main_owner.transaction():
        await put_member(main_owner, vault, account_id=one, email=number.phone.reveal(), password=token(20))
    subjects = await vault_owner.fetch("SELECT id, lookup, identifier, key_slot FROM vault.subjects")
    member = await main_owner.fetchrow("SELECT id, mail_mac, mail FROM main.people")
    account_slots = await vault_owner.fetch("SELECT lookup_slot, suppression_slot, seal_slot FROM vault.account_keys")

    assert len(subjects) == 2
    assert member is not None
    for shared in ("id", "lookup", "identifier", "key_slot"):
        assert len({row[shared] for row in subjects}) == 2, shared
    assert {member["id"], member["mail_mac"], member["mail"]}.isdisjoint(
        value for row in subjects for value in row.values()
    )
    assert {row["key_slot"] for row in subjects}.isdisjoint(slot for row in account_slots for slot in row.values())
    assert first.key != second.key
