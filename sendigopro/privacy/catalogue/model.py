"""A column and what it says it holds. No I/O."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sendigopro.foundation.catalogue import Annotation
from sendigopro.foundation.operator_errors import OperatorError


class CatalogueError(OperatorError):
    """The catalogue, the map and the plans do not agree; the text says which line to write or take out."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table or of a partitioned parent; partitions are their parent's."""

    schema: str
    table: str
    name: str
    says: Annotation | None
    """None: it has no annotation, or one that cannot be read. The gate of migrations lets none of those in."""

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.table}.{self.name}"

    @property
    def table_name(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def is_personal(self) -> bool:
        """Whether it identifies somebody or can be linked to somebody, pseudonyms included."""
        return self.says is not None and self.says.category.startswith("user.")


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many columns say what they hold."""

    annotated: int
    columns: int
    silent: tuple[str, ...]

    @property
    def percent(self) -> str:
        """Two decimals, rounded down: 100.00 % is every one."""
        hundredths = int(Fraction(self.annotated * 10_000, self.columns or 1))
        return f"{hundredths // 100}.{hundredths % 100:02} %"

    @property
    def is_full(self) -> bool:
        return self.columns > 0 and self.annotated == self.columns


def coverage(columns: Sequence[Column]) -> Coverage:
    silent = tuple(column.full_name for column in columns if column.says is None)
    return Coverage(len(columns) - len(silent), len(columns), silent)


def personal(columns: Iterable[Column]) -> Iterator[tuple[Column, Annotation]]:
    """Each column about somebody with what it says."""
    for column in columns:
        if column.says is not None and column.is_personal:
            yield column, column.says


def tables_of(columns: Iterable[Column]) -> list[str]:
    """Every table once, in the order of its columns."""
    return list(dict.fromkeys(column.table_name for column in columns))
