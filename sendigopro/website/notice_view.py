"""What the pages of the notice show: how each promise stands, and the tables made from the columns."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sendigopro.foundation.postgres import Row
from sendigopro.privacy import wording
from sendigopro.privacy.annotations import Use
from sendigopro.privacy.notice import Clause, Kind, Notice


class Mark(StrEnum):
    """How a promise stands, as a page says it; the order is that of a legend."""

    PASSED = "passed"
    FAILED = "failed"
    OPEN = "open"
    PART = "part"
    PLANNED = "planned"
    SAID = "said"


LABELS: Mapping[Mark, str] = {
    Mark.PASSED: "Proved",
    Mark.FAILED: "Failed",
    Mark.OPEN: "Not run here yet",
    Mark.PART: "Built in part",
    Mark.PLANNED: "Not built yet",
    Mark.SAID: "No test of its own",
}
EXPLAINED: Mapping[Mark, str] = {
    Mark.PASSED: "built, and its tests passed in the last run",
    Mark.FAILED: "built, but a test failed in the last run",
    Mark.OPEN: "built and tested in the source; the tests were not run on this installation",
    Mark.PART: "a part is built and has tests; the promise is not kept by software yet",
    Mark.PLANNED: "promised, but nothing in the software keeps it yet",
    Mark.SAID: "an intent, or said by another clause",
}


@dataclass(frozen=True, slots=True)
class Test:
    """A test by its place and by its sentence."""

    path: str
    sentence: str


def test_of(node: str) -> Test:
    path, _, name = node.partition("::")
    words = name.removeprefix("test_").replace("_", " ")
    return Test(path, words[:1].upper() + words[1:])


@dataclass(frozen=True, slots=True)
class Line:
    """One promise on the page of proofs, and its mark in the notice."""

    clause: Clause
    mark: Mark
    at: datetime | None
    version: str
    figure: str

    @property
    def tests(self) -> list["Test"]:
        """What its tests promise: their names are sentences."""
        return [test_of(node) for node in self.clause.tests]

    @property
    def label(self) -> str:
        """The mark in words."""
        if self.clause.kind is Kind.SEE:
            return f"See {self.clause.about}"
        return "An intent" if self.clause.kind is Kind.INTENT else LABELS[self.mark]


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of the meter."""

    mark: Mark
    number: int
    start: int

    @property
    def label(self) -> str:
        return LABELS[self.mark]

    @property
    def explained(self) -> str:
        return EXPLAINED[self.mark]


@dataclass(frozen=True, slots=True)
class DataRow:
    """One line of a table: data, purposes, basis, period, source, recipients."""

    data: str
    purposes: str
    basis: str
    period: str
    sources: str
    recipients: str


def lines_of(notice: Notice, runs: Iterable[Row]) -> list[Line]:
    """Every clause with its last run; only what counts as kept can have passed or failed."""
    last = {run["clause"]: run for run in runs}
    return [line_of(clause, last.get(clause.id)) for clause in notice.clauses]


def line_of(clause: Clause, run: Row | None) -> Line:
    if clause.kind is Kind.PLANNED:
        return Line(clause, Mark.PART if clause.tests else Mark.PLANNED, None, "", "")
    if clause.kind is not Kind.KEPT:
        return Line(clause, Mark.SAID, None, "", "")
    if run is None:
        return Line(clause, Mark.OPEN, None, "", "")
    return Line(clause, Mark.PASSED if run["passed"] else Mark.FAILED, run["at"], run["version"], run["figure"])


def meter_of(lines: Sequence[Line]) -> list[Part]:
    """How many promises stand how, as stretches that follow each other."""
    counted = Counter(line.mark for line in lines)
    parts, start = [], 0
    for mark in Mark:
        if counted[mark]:
            parts.append(Part(mark, counted[mark], start))
            start += counted[mark]
    return parts


def tables_of(uses: Sequence[Use]) -> list[tuple[str, str, list[DataRow]]]:
    """For each role its heading, a sentence and its rows; lines that differ in purpose or recipient alone are one."""
    tables = []
    for role, (heading, told) in wording.ROLES.items():
        grouped: dict[tuple[str, str, str], list[Use]] = {}
        for use in uses:
            if use.role == role:
                grouped.setdefault((use.category, use.basis, use.retention), []).append(use)
        rows = [row_of(alike) for alike in grouped.values()]
        tables.append((heading, told, sorted(rows, key=lambda row: (row.data, row.basis, row.period))))
    return tables


def row_of(alike: Sequence[Use]) -> DataRow:
    first = alike[0]
    return DataRow(
        data=wording.DATA[first.category],
        purposes=listed(wording.PURPOSES, (word for use in alike for word in use.purposes)),
        basis=wording.BASES[first.basis],
        period=wording.PERIODS[first.retention],
        sources=listed(wording.SOURCES, (use.source for use in alike)),
        recipients=listed(wording.RECIPIENTS, shared(use.recipients for use in alike)),
    )


def shared(recipients: Iterable[Sequence[str]]) -> list[str]:
    """Somebody beside nobody makes nobody untrue."""
    words = {word for one in recipients for word in one}
    return sorted(words - {"nobody"} or words)


def listed(words: Mapping[str, str], used: Iterable[str]) -> str:
    """Plain words, each once, as a sentence begins."""
    text = ", ".join(dict.fromkeys(words[word] for word in sorted(set(used))))
    return text[:1].upper() + text[1:]


def document_of(lines: Sequence[Line], *, notice_version: int) -> dict[str, object]:
    """The page of proofs as JSON."""
    return {
        "object": "proof",
        "notice_version": notice_version,
        "counts": {str(part.mark): part.number for part in meter_of(lines)},
        "clauses": [
            {
                "id": line.clause.id,
                "promise": line.clause.title,
                "status": str(line.clause.kind),
                "about": line.clause.about,
                "state": str(line.mark),
                "at": line.at.isoformat() if line.at else None,
                "version": line.version or None,
                "figure": line.figure or None,
                "mechanism": list(line.clause.mechanism),
                "tests": list(line.clause.tests),
                "laws": list(line.clause.laws),
            }
            for line in lines
        ],
    }
