"""`sendigopro prove` says what tests said, no more: a skipped test proves nothing, and a failing one is shown."""

import json
from pathlib import Path

import pytest

from sendigopro.commands import prove
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.privacy import proofs
from sendigopro.privacy.notice import Clause, Kind
from sendigopro.privacy.proofs import State
from tests.databases import Databases

TESTS = """
import pytest

def test_it_holds(record_property):
    record_property("figure", "7 of 7 things")

@pytest.mark.parametrize("n", [1, 2])
def test_half_of_it_holds(n):
    assert n == 1

def test_it_cannot_be_looked_at():
    pytest.skip("no such peer here")

@pytest.fixture
def broken():
    raise RuntimeError

def test_it_never_starts(broken):
    pass
"""
HOLDS, HALF, SKIPPED, BROKEN, ABSENT = (
    f"tests/test_it.py::test_{name}"
    for name in ("it_holds", "half_of_it_holds", "it_cannot_be_looked_at", "it_never_starts", "it_is_not_there")
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A source tree with a few tests in it."""
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
    )  # as ours
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(TESTS)
    return tmp_path


def clause(*tests: str, kind: Kind = Kind.KEPT) -> Clause:
    about = {Kind.PLANNED: "the rest", Kind.SEE: "0.7"}.get(kind, "")
    return Clause("1.1", 1, "A promise", "B.", "C.", ("x",), tests, (), kind, about)


@pytest.mark.parametrize(
    ("tests", "kind", "state", "figure"),
    [
        ((HOLDS,), Kind.KEPT, State.PASSED, "7 of 7 things; 1 of 1 test"),
        ((HOLDS, HALF), Kind.KEPT, State.FAILED, "7 of 7 things; 1 of 2 tests"),
        ((BROKEN,), Kind.KEPT, State.FAILED, "0 of 1 test"),
        ((HOLDS, SKIPPED), Kind.KEPT, State.NOT_RUN, "7 of 7 things; 1 of 2 tests"),
        ((HOLDS,), Kind.PLANNED, State.PLANNED, "7 of 7 things; 1 of 1 test"),  # what is there proves a part
        ((HALF,), Kind.PLANNED, State.FAILED, "0 of 1 test"),  # and must not be broken
        ((), Kind.PLANNED, State.PLANNED, ""),
        ((), Kind.INTENT, State.SAID, ""),
        ((), Kind.SEE, State.SAID, ""),
    ],
)
def test_a_clause_is_what_its_tests_say(
    tests: tuple[str, ...], kind: Kind, state: State, figure: str, checkout: Path
) -> None:
    run = proofs.prove([clause(*tests, kind=kind)], root=checkout)

    (proof,) = run.proofs
    assert (proof.state, proof.figure) == (state, figure)
    assert run.has_failed == bool(proof.broken) == (state is State.FAILED)


def test_a_test_that_is_not_there_proves_nothing(checkout: Path) -> None:
    """Pytest runs nothing at all then, and the report is empty."""
    (proof,) = proofs.prove([clause(HOLDS, ABSENT)], root=checkout).proofs

    assert proof.state is State.NOT_RUN


def test_an_installed_package_without_tests_says_so(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="installed package without its tests") as caught:
        proofs.prove([clause(HOLDS)], root=tmp_path)

    assert "\n" not in str(caught.value)


def test_a_line_says_id_promise_state_and_figure(checkout: Path) -> None:
    kept, planned = proofs.prove([clause(HOLDS), clause(HOLDS, kind=Kind.PLANNED)], root=checkout).proofs

    assert "A promise" in prove.line_of(kept)
    assert "passed" in prove.line_of(kept)
    assert "7 of 7 things" in prove.line_of(kept)
    assert "the rest (7 of 7 things; 1 of 1 test)" in prove.line_of(planned)


def test_an_unknown_clause_is_told() -> None:
    with pytest.raises(OperatorError, match=r"There is no clause 99\.9\. They go from 0\.1 to"):
        prove.clauses_named("99.9")


def test_the_run_as_json_holds_every_clause(checkout: Path) -> None:
    run = proofs.prove([clause(HOLDS)], root=checkout)
    document = json.loads(json.dumps(proofs.document_of(run)))

    assert document["version"] == run.version
    assert document["clauses"][0] | {"seconds": 0} == {
        "id": "1.1", "promise": "A promise", "status": "kept", "state": "passed",
        "figure": "7 of 7 things; 1 of 1 test", "seconds": 0, "tests": [HOLDS],
    }  # fmt: skip


async def test_a_run_is_written_into_the_instance(
    databases: Databases, checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is only planned is never written down as passed."""
    monkeypatch.setenv("SENDIGOPRO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", databases.main_url)
    run = proofs.prove([clause(HOLDS), clause(HALF, kind=Kind.PLANNED)], root=checkout)

    assert "/privacy/proof" in await prove.record(run)

    door = await databases.main("door")
    rows = await door.fetch("SELECT clause, at, version, passed, figure FROM main.proof_runs")
    assert [(row["clause"], row["at"], row["version"], row["passed"]) for row in rows] == [
        ("1.1", run.at, run.version, True)
    ]
    assert rows[0]["figure"].startswith("7 of 7 things; 1 of 1 test, ")


async def test_without_an_instance_the_run_is_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch, checkout: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("SENDIGOPRO_DATA_DIR", str(tmp_path / "nowhere"))
    run = proofs.prove([clause(HOLDS)], root=checkout)

    assert await prove.record(run) == "No instance is set up here, so the run is shown on no page."

    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/main")
    assert "does not answer" in await prove.record(run)
