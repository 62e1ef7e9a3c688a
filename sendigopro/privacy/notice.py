"""The privacy notice as a file: one clause for each promise, with its mechanism, its tests and its laws."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PACKAGE = Path(__file__).parents[1]
FILE = Path(__file__).with_name("notice.yaml")
FIELDS = {"id", "title", "text", "plain", "mechanism", "tests", "laws", "status"}


class Kind(StrEnum):
    """How a promise stands: kept and tested, not built yet, meant but no duty, or said elsewhere."""

    KEPT = "kept"
    PLANNED = "planned"
    INTENT = "intent"
    SEE = "see"


class NoticeError(ValueError):
    """The notice cannot be used as it is; the text names the clause and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One promise."""

    id: str
    section: int
    title: str
    text: str
    plain: str
    mechanism: tuple[str, ...]
    tests: tuple[str, ...]
    laws: tuple[str, ...]
    kind: Kind
    about: str
    """What is missing (planned), or which clause says it (see)."""

    @property
    def anchor(self) -> str:
        """Its place on a page."""
        return anchor_of(self.id)


@dataclass(frozen=True, slots=True)
class Notice:
    """All of it, in order."""

    sections: Mapping[int, str]
    clauses: tuple[Clause, ...]

    def clause(self, clause_id: str) -> Clause | None:
        """The clause of that id, or of one half of it: 1.3 is in 1.3/1.4."""
        return next((one for one in self.clauses if clause_id in (one.id, *one.id.split("/"))), None)


def anchor_of(clause_id: str) -> str:
    return "c" + clause_id.replace("/", "-")


@cache
def read() -> Notice:
    """The notice of this version of the software."""
    return parse(FILE.read_text(encoding="utf-8"))


def parse(text: str) -> Notice:
    """Check every entry; `NoticeError` says which clause is wrong, and how."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise NoticeError(f"The notice is not YAML: {error}") from error
    if not isinstance(document, dict) or set(document) != {"sections", "clauses"}:
        raise NoticeError("The notice must hold sections and clauses, and nothing else.")
    sections = {int(number): str(title) for number, title in document["sections"].items()}
    clauses = tuple(clause_of(entry, sections) for entry in document["clauses"])
    seen: set[str] = set()
    for clause in clauses:
        if clause.id in seen:
            raise NoticeError(f"Clause {clause.id} stands there twice: an id means one promise for ever.")
        seen.add(clause.id)
    for clause in clauses:
        if clause.kind is Kind.SEE and clause.about not in seen:
            raise NoticeError(f"Clause {clause.id} points to {clause.about}, which is not there.")
    return Notice(sections, clauses)


def clause_of(entry: Mapping[str, Any], sections: Mapping[int, str]) -> Clause:
    clause_id = str(entry.get("id", "without an id")) if isinstance(entry, dict) else "that is no mapping"

    def fault(what: str) -> NoticeError:
        return NoticeError(f"Clause {clause_id}: {what}")

    if not isinstance(entry, dict) or set(entry) != FIELDS:
        odd = sorted(FIELDS.symmetric_difference(entry)) if isinstance(entry, dict) else sorted(FIELDS)
        raise fault(f"it must have exactly the fields {', '.join(sorted(FIELDS))}; wrong are {', '.join(odd)}.")
    head = clause_id.partition(".")[0]
    if not head.isdigit() or int(head) not in sections:
        raise fault("its section, the number before the dot, is not there.")
    for name in ("id", "title", "text", "plain", "status"):
        if not isinstance(entry[name], str) or not entry[name].strip() or "\n" in entry[name]:
            raise fault(f"{name} must be one line of text.")
    for name in ("mechanism", "tests", "laws"):
        if not isinstance(entry[name], list) or not all(isinstance(one, str) and one for one in entry[name]):
            raise fault(f"{name} must be a list of texts.")
    kind, about = status_of(entry["status"], fault=fault)
    if kind is Kind.KEPT and not (entry["mechanism"] and entry["tests"]):
        raise fault("what is kept needs a mechanism and a test.")
    return Clause(
        id=clause_id,
        section=int(head),
        title=entry["title"],
        text=entry["text"],
        plain=entry["plain"],
        mechanism=tuple(entry["mechanism"]),
        tests=tuple(entry["tests"]),
        laws=tuple(entry["laws"]),
        kind=kind,
        about=about,
    )


def status_of(text: str, *, fault: Any) -> tuple[Kind, str]:  # noqa: ANN401  # it makes the error
    """`kept`, `intent`, `planned: <what>` or `see: <id>`."""
    word, _, about = (part.strip() for part in text.partition(":"))
    if word not in set(Kind):
        raise fault(f"its status is {text!r}; it may be kept, planned: <what>, intent or see: <id>.")
    kind = Kind(word)
    if bool(about) != (kind in (Kind.PLANNED, Kind.SEE)):
        raise fault("planned and see must say what, kept and intent must not.")
    return kind, about
