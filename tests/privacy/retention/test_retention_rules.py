"""Every word and table of the live catalogue has an end, or a reason why it has none."""

from sendigopro.accounts.retention_terms import CAP_DAYS
from sendigopro.foundation import catalogue, partitions
from sendigopro.privacy.catalogue.store import read_columns
from sendigopro.privacy.retention.rules import DROPPED, ENDED_BY, ROWS
from sendigopro.privacy.retention.store import ROW_CLOCKS
from tests.databases import Databases

AGEING = {"body_term", "identifier_term", "message_term", "idempotency_term", "outbox_term", "until_done"}


async def test_every_retention_word_of_the_vocabulary_says_what_ends_it() -> None:
    assert set(ENDED_BY) == set(catalogue.RETENTIONS)


async def test_every_table_with_a_column_that_ages_has_a_clock(databases: Databases) -> None:
    columns = await read_columns(await databases.main(), await databases.vault())
    ageing = {one.table_name for one in columns if one.says is not None and one.says.retention in AGEING}
    with_clock = {*DROPPED, *ROWS, *ROW_CLOCKS}

    assert len(ageing) > 15  # the catalogue was read
    assert ageing - with_clock == set(), "say in privacy/retention/rules.py what ends these"
    assert with_clock - {one.table_name for one in columns} == set(), "these tables do not exist"


async def test_every_partitioned_table_is_dropped_after_a_term_or_kept_by_law(databases: Databases) -> None:
    parents = {parent.table for parent in await partitions.parents(await databases.main("owner"))}

    assert parents - set(DROPPED) == {"main.ledger_entries"}
    assert max(rule.days for rule in DROPPED.values()) == CAP_DAYS
