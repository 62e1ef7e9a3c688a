"""Running the tests that a clause names, and saying what they proved."""

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

import sendigopro
from sendigopro.foundation import clock
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.privacy.notice import Clause, Kind

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 1800.0
FIGURE = "figure"  # the property under which a test may say what it measured


class State(StrEnum):
    """What a run says of a clause."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not_run"
    """A test was skipped or never started: nothing is proved, nothing refuted."""
    PLANNED = "planned"
    SAID = "said"
    """An intent, or said by another clause."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test's."""

    state: State
    seconds: float
    figure: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """One clause's."""

    clause: Clause
    state: State
    figure: str
    seconds: float
    broken: tuple[str, ...]
    """Tests that failed."""


@dataclass(frozen=True, slots=True)
class Run:
    """All that was proved at one moment."""

    at: datetime
    version: str
    proofs: tuple[Proof, ...]

    @property
    def has_failed(self) -> bool:
        """A promise that counts as kept is broken."""
        return any(proof.state is State.FAILED for proof in self.proofs)


def prove(clauses: Sequence[Clause], *, root: Path = ROOT) -> Run:
    """Run every test that these clauses name, each once."""
    refuse_without_tests(root)
    nodes = sorted({node for clause in clauses for node in clause.tests})
    at = clock.now()
    outcomes = run_tests(nodes, root) if nodes else {}
    return Run(at, version_of(root), tuple(proof_of(clause, outcomes) for clause in clauses))


def refuse_without_tests(root: Path) -> None:
    if not (root / "tests").is_dir() or find_spec("pytest") is None:
        raise OperatorError(
            "This is an installed package without its tests: run `make prove` in a checkout of the same version "
            f"({sendigopro.__version__}). What was proved last is at /privacy/proof."
        )


def run_tests(nodes: Sequence[str], root: Path) -> Mapping[str, Outcome]:
    """One pytest for all; its report says how each ended."""
    with tempfile.TemporaryDirectory(prefix="sendigopro-prove-") as folder:
        report = Path(folder) / "report.xml"
        # The newer family of reports has no place for a test's figure.
        how = ["-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1", f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", *how, *nodes]
        try:
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
        except subprocess.TimeoutExpired as error:
            raise OperatorError(
                f"The tests took longer than {SECONDS_MAX / 60:.0f} minutes and were stopped."
            ) from error
        if not report.exists():
            raise OperatorError(f"pytest did not run: {(done.stdout + done.stderr).strip()[-500:]}")
        return read_report(report.read_text(encoding="utf-8"), nodes)


def read_report(text: str, nodes: Iterable[str]) -> Mapping[str, Outcome]:
    """Cases of one function count as one test: it passed if all did."""
    cases: dict[str, list[ET.Element]] = {}
    for case in ET.fromstring(text).iter("testcase"):  # noqa: S314  # our own pytest wrote it
        path = case.get("classname", "").replace(".", "/") + ".py"
        cases.setdefault(f"{path}::{case.get('name', '').partition('[')[0]}", []).append(case)
    return {node: outcome_of(cases[node]) for node in nodes if node in cases}


def outcome_of(cases: Sequence[ET.Element]) -> Outcome:
    ends = {child.tag for case in cases for child in case}
    state = State.FAILED if ends & {"failure", "error"} else State.NOT_RUN if "skipped" in ends else State.PASSED
    figures = [one.get("value", "") for case in cases for one in case.iter("property") if one.get("name") == FIGURE]
    return Outcome(state, sum(float(case.get("time", 0)) for case in cases), "; ".join(figures))


def proof_of(clause: Clause, outcomes: Mapping[str, Outcome]) -> Proof:
    """What the outcomes of its tests say of a clause."""
    found = [outcomes.get(node, Outcome(State.NOT_RUN, 0)) for node in clause.tests]
    passed = sum(one.state is State.PASSED for one in found)
    figures = [one.figure for one in found if one.figure]
    return Proof(
        clause=clause,
        state=state_of(clause, [one.state for one in found]),
        figure="; ".join([*figures, f"{passed} of {len(found)} test{'s' if len(found) != 1 else ''}"]) if found else "",
        seconds=sum(one.seconds for one in found),
        broken=tuple(node for node, one in zip(clause.tests, found, strict=True) if one.state is State.FAILED),
    )


def state_of(clause: Clause, states: Sequence[State]) -> State:
    if State.FAILED in states:  # also what is only planned must not have a broken part
        return State.FAILED
    if clause.kind is Kind.PLANNED:
        return State.PLANNED
    if clause.kind is not Kind.KEPT:
        return State.SAID
    return State.NOT_RUN if State.NOT_RUN in states else State.PASSED


def version_of(root: Path) -> str:
    """The software's, and the commit where there is one."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return sendigopro.__version__
    commit = done.stdout.strip()
    return f"{sendigopro.__version__} {commit}" if done.returncode == 0 and commit else sendigopro.__version__


def document_of(run: Run) -> dict[str, object]:
    """A run as JSON."""
    return {
        "at": run.at.isoformat(),
        "version": run.version,
        "clauses": [
            {
                "id": proof.clause.id,
                "promise": proof.clause.title,
                "status": str(proof.clause.kind),
                "state": str(proof.state),
                "figure": proof.figure,
                "seconds": round(proof.seconds, 2),
                "tests": list(proof.clause.tests),
            }
            for proof in run.proofs
        ],
    }
