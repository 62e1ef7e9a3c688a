"""Plans and live catalogue are one: nothing about anybody is without a plan, and no plan is about nothing."""

import dataclasses

import pytest

from sendigopro.foundation.catalogue import read_annotation
from sendigopro.privacy import plans
from sendigopro.privacy.catalogue.model import CatalogueError, Column
from sendigopro.privacy.package.coverage import HELD as HANDED_OUT
from sendigopro.privacy.plans import Erasure, Plan, Whose

HELD = read_annotation(
    {
        "category": "user.contact",
        "role": "processor",
        "purposes": ["deliver"],
        "basis": "customer_instruction",
        "retention": "identifier_term",
        "source": "account",
        "recipients": ["account"],
    }
)
DELETED = Plan(Whose.SUBJECT, ("main.notes.id",), erasure=Erasure.DELETE, why="It goes.")


def test_every_column_about_somebody_has_a_plan_and_every_plan_a_column(columns: list[Column]) -> None:
    assert plans.faults(columns) == []


def test_a_new_column_about_somebody_without_a_plan_is_named_with_what_to_do(columns: list[Column]) -> None:
    [fault] = plans.faults([*columns, Column("main", "messages", "nickname", HELD)])

    assert fault.startswith("main.messages.nickname (user.contact, processor) has no plan: add its line")


def test_a_column_of_the_accounts_own_needs_a_plan_as_well(columns: list[Column]) -> None:
    says = dataclasses.replace(HELD, role="controller")
    [fault] = plans.faults([*columns, Column("main", "visitors", "ip", says)])

    assert "main.visitors.ip (user.contact, controller) has no plan" in fault


def test_a_plan_for_a_column_that_is_gone_is_named_with_what_to_do(columns: list[Column]) -> None:
    left = [column for column in columns if column.full_name != "main.message_bodies.details"]
    [fault] = plans.faults(left)

    assert fault.startswith("main.message_bodies.details has a plan but no column: take its line out")


def test_a_path_through_a_column_that_is_gone_is_named() -> None:
    column = Column("main", "notes", "note", HELD)

    assert plans.faults([column], {"main.notes.note": DELETED}) == [
        "the path to main.notes.note goes through main.notes.id, which is no column: correct it in privacy/plans.py"
    ]


def test_a_star_may_not_stand_where_rows_stay() -> None:
    found = [Column("main", "notes", "id", HELD), Column("main", "notes", "note", HELD)]
    kept = dataclasses.replace(DELETED, erasure=Erasure.KEPT)

    assert plans.faults(found, {"main.notes.*": DELETED}) == []
    assert plans.faults(found, {"main.notes.*": kept}) == [
        "main.notes.* has a star but its rows stay: name the columns in privacy/plans.py"
    ]


def test_nothing_is_made_of_plans_that_do_not_fit(columns: list[Column]) -> None:
    with pytest.raises(CatalogueError, match=r"main\.messages\.nickname"):
        plans.as_markdown([*columns, Column("main", "messages", "nickname", HELD)])


def test_what_names_an_end_user_does_not_outlive_the_erasure(columns: list[Column]) -> None:
    """Only a bare MAC that keeps the person from being written to may.

    And what a law demands to keep: no erasure begins while it is held, and its release ends it.
    """
    outliving = {
        column.full_name
        for column, says, plan in plans.planned(columns)
        if plan.whose is Whose.SUBJECT
        and plan.erasure is Erasure.KEPT
        and says.category.startswith(("user.contact", "user.content", "user.unique_id", "user.name"))
    }

    held = {name for name in outliving if name.startswith(("main.held_subjects.", "main.held_items."))}
    assert outliving - held == {"main.standing.mac"}
    assert {says.retention for column, says, _ in plans.planned(columns) if column.full_name in held} == {"hold_term"}


def test_no_credential_goes_into_a_package(columns: list[Column]) -> None:
    handed_out = [
        column.full_name
        for column, says, _ in plans.planned(columns)
        if column.full_name in HANDED_OUT and says.category.startswith(("user.authorizing", "system.authentication"))
    ]

    assert handed_out == []


def test_every_sealed_value_of_an_end_user_goes_into_the_package(columns: list[Column]) -> None:
    """Who asks what is held of them reads all that can be read."""
    readable = {
        column.full_name
        for column, says, plan in plans.planned(columns)
        if plan.whose is Whose.SUBJECT
        and says.category in {"user.contact", "user.content", "user.content.private"}
        and says.retention != "hold_term"  # a second copy, kept for a law or a court alone
    }

    assert readable == {"vault.subjects.identifier", "main.message_bodies.body", "main.message_bodies.details"}
    assert readable <= HANDED_OUT.keys()
