"""What the live databases say of their columns."""

from sendigopro.foundation.catalogue import UnknownWordError, read_comment
from sendigopro.foundation.postgres import Conn
from sendigopro.privacy.catalogue.model import Column


async def read_columns(main: Conn, vault: Conn) -> list[Column]:
    """Every column of both databases, in an order that depends on nothing but names and migrations."""
    return [*await read_columns_of(main, ("main", "jobs")), *await read_columns_of(vault, ("vault",))]


async def read_columns_of(conn: Conn, schemas: tuple[str, ...]) -> list[Column]:
    """Columns of tables and partitioned parents; every role may read the comments."""
    rows = await conn.fetch(
        """
        SELECT n.nspname, c.relname, a.attname, col_description(c.oid, a.attnum) AS comment
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", a.attnum
        """,
        [*schemas],
    )
    return [column_of(row["nspname"], row["relname"], row["attname"], comment=row["comment"]) for row in rows]


def column_of(schema: str, table: str, name: str, *, comment: str | None) -> Column:
    try:
        return Column(schema, table, name, read_comment(comment or "null"))
    except UnknownWordError:
        return Column(schema, table, name, None)
