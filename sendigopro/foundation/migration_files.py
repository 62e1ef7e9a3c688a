"""Reading migration files: statements, the annotations beside their columns, the plans of partitioned tables."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from sendigopro.foundation.catalogue import Annotation, UnknownWordError, read_annotation
from sendigopro.foundation.operator_errors import OperatorError

FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
# What may hide a semicolon, and the semicolon itself with the comment that stands behind it on its line.
TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "[^"]*" | /\*.*?\*/ | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ | --[^\n]*
    | (?P<end>;(?:[^\S\n]*--[^\n]*)?)""",
    re.DOTALL | re.VERBOSE,
)
TABLE = re.compile(r"\b(?:CREATE|ALTER)\s+TABLE\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(?:ONLY\s+)?(\w+\.\w+)", re.IGNORECASE)
ADDED_COLUMN = re.compile(r"\bADD\s+COLUMN\s+(?:IF\s+NOT\s+EXISTS\s+)?\"?(\w+)", re.IGNORECASE)
FIRST_WORD = re.compile(r"\s*\"?(\w+)")
NOTE = re.compile(r"--\s*@(\w+)([^\n]*)")
COMMENT_LINES = re.compile(r"^\s*--[^\n]*\n", re.MULTILINE)


class MigrationError(OperatorError):
    """A migration cannot be applied."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement and what the notes in it say."""

    sql: str
    table: str
    profiles: tuple[tuple[str, str], ...]  # (column, profile)
    plan: str  # the words after @partitions, empty when there are none


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    number: int
    name: str
    checksum: bytes
    statements: tuple[Statement, ...]


def default_folder() -> Path:
    """`migrations/` inside the installed package, or at the root of the repository."""
    package = Path(__file__).parents[1]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def read_migrations(folder: Path) -> list[Migration]:
    """Every file of one database, by number; a number used twice is an error, a gap is not."""
    migrations = [read_migration(path) for path in sorted(folder.glob("*.sql"))]
    for before, after in pairwise(migrations):
        if before.number == after.number:
            raise MigrationError(f"{before.name} and {after.name} have the same number: give the newer one the next.")
    return migrations


def read_migration(path: Path) -> Migration:
    named = FILE_NAME.fullmatch(path.name)
    if named is None:
        raise MigrationError(f"{path.name} is not named like 0001_what_it_does.sql.")
    content = path.read_bytes()
    return Migration(
        number=int(named[1]),
        name=path.name,
        checksum=hashlib.sha256(content).digest(),
        statements=tuple(read_statement(sql) for sql in split(content.decode())),
    )


def split(text: str) -> list[str]:
    """Cut at the semicolons that are not inside quotes, comments or dollar-quoted bodies."""
    statements, start = [], 0
    for token in TOKEN.finditer(text):
        if token["end"]:
            statements.append(text[start : token.end()].strip())
            start = token.end()
    rest = text[start:]
    if COMMENT_LINES.sub("", rest + "\n").strip():
        raise MigrationError(f"The last statement has no semicolon: {rest.strip()[:80]}")
    return statements


def read_statement(sql: str) -> Statement:
    """Find the table, the note beside each column, and the plan of a partitioned table."""
    bare = COMMENT_LINES.sub("", sql)
    table = TABLE.match(bare.lstrip())
    profiles: list[tuple[str, str]] = []
    plan = ""
    for token in TOKEN.finditer(bare) if table else ():
        note = NOTE.search(token[0]) if token[0].startswith(("--", ";")) else None
        if note is None:
            continue
        line = bare[bare.rfind("\n", 0, token.start()) + 1 : token.start()]
        if note[1] == "partitions":
            plan = note[2].strip() or "default"
        elif column := ADDED_COLUMN.search(line) or FIRST_WORD.match(line):
            profiles.append((column[1], note[1]))
    return Statement(sql=sql, table=table[1] if table else "", profiles=tuple(profiles), plan=plan)


def read_profiles(folder: Path) -> Mapping[str, Annotation]:
    """`profiles.json`: the annotations that migrations name."""
    path = folder / "profiles.json"
    annotations = {}
    for name, words in json.loads(path.read_text(encoding="utf-8")).items():
        try:
            annotations[name] = read_annotation(words, profile=name)
        except UnknownWordError as error:
            raise MigrationError(f"{path.name}: profile {name}: {error}") from error
    return annotations
