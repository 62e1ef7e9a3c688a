"""What the columns of the live databases say, gathered for the notice."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import asyncpg

from sendigopro.foundation.catalogue import Annotation, read_comment
from sendigopro.foundation.migrations import SCHEMAS, Database
from sendigopro.foundation.postgres import Conn
from sendigopro.privacy import notice_store


@dataclass(frozen=True, slots=True)
class Column:
    """A column and what it says; `annotation` is None where it says nothing."""

    table: str
    name: str
    annotation: Annotation | None


@dataclass(frozen=True, slots=True)
class Use:
    """One line of the notice's table: columns of one kind, kept for the same reasons and as long."""

    category: str
    role: str
    purposes: tuple[str, ...]
    basis: str
    retention: str
    source: str
    recipients: tuple[str, ...]
    columns: int = 0


async def read_columns(conn: Conn, database: Database) -> list[Column]:
    """Every column of one of the two databases."""
    rows = await notice_store.read_comments(conn, [*SCHEMAS[database]])
    return [
        Column(row["table"], row["column"], read_comment(row["comment"]) if row["comment"] else None) for row in rows
    ]


async def read_columns_of(url: str, database: Database) -> list[Column]:
    """The same, over a connection of its own."""
    conn = await asyncpg.connect(url)
    try:
        return await read_columns(conn, database)
    finally:
        await conn.close()


def uses(columns: Sequence[Column]) -> list[Use]:
    """Columns alike in everything become one line. What has no legal basis holds nothing about anybody."""
    counted = Counter(
        Use(told.category, told.role, told.purposes, told.basis, told.retention, told.source, told.recipients)
        for column in columns
        if (told := column.annotation) is not None and told.basis != "none"
    )
    found = [replace(use, columns=number) for use, number in counted.items()]
    return sorted(found, key=lambda use: (use.role, use.category, use.retention, use.purposes, use.basis))


def annotations_of(columns: Sequence[Column]) -> list[Annotation]:
    return [column.annotation for column in columns if column.annotation is not None]
