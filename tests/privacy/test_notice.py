"""The notice has every clause, and each names a mechanism and tests that are really there."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from sendigopro.privacy import notice
from sendigopro.privacy.notice import Kind, NoticeError

ROOT = Path(__file__).parents[2]
LIST = """
    0.1 0.2 0.3 0.4 0.5 0.6 0.7 1.1 1.2 1.3/1.4 1.5 2.1 2.2 3.1 3.2 3.3 4.1a 4.1b 4.1c 4.1d 4.2 4.3 4.4
    5.1 5.1p 5.1b 5.1r 5.2 5.2p 5.2r 5.3 5.3r 5.4 5.4r 5.5 6.1 6.2 6.3 6.4 7.1 7.2
    8.1a 8.1b 8.1c 8.1d 8.1e 8.1f 8.1g 8.2 9.0 9.1a 9.1b 9.1c 9.1d 9.1e 9.1f 9.1g 9.2 9.3 9.4 10.1 10.2
    11.1 11.2 12.1 12.2 13.1 13.2 14.1 14.2 14.3 14.4 14.5 14.6 14.7/14.8
"""
IDS = LIST.split()

ONE = """
sections: {1: The words we use}
clauses:
  - {id: "1.1", title: A, text: B, plain: C, mechanism: [sendigopro.settings], tests: [t], laws: [], status: kept}
"""


def test_every_clause_is_there_once_and_in_order() -> None:
    assert len(IDS) == 75
    assert [clause.id for clause in notice.read().clauses] == IDS


def test_every_clause_says_something_and_stands_in_its_section() -> None:
    read = notice.read()

    assert list(read.sections) == list(range(15))
    assert {clause.section for clause in read.clauses} == set(read.sections)
    assert [
        clause.id for clause in read.clauses if not (clause.text.endswith(".") and clause.plain.endswith("."))
    ] == []
    assert len({clause.text for clause in read.clauses}) == len({clause.plain for clause in read.clauses}) == 75


def test_only_these_clauses_are_no_duty_or_said_elsewhere() -> None:
    """Whoever would call a promise an intent to be rid of its test must change this line."""
    found = {clause.id: clause.about for clause in notice.read().clauses if clause.kind in (Kind.INTENT, Kind.SEE)}

    assert found == {"0.2": "", "8.2": "", "3.3": "0.7", "5.2p": "5.1p", "14.2": "5.1b", "14.3": "7.2"}


def test_every_mechanism_exists() -> None:
    named = {(clause.id, one) for clause in notice.read().clauses for one in clause.mechanism}

    assert named
    assert [pair for pair in sorted(named) if not exists(pair[1])] == []


def exists(mechanism: str) -> bool:
    if "/" in mechanism:
        return (ROOT / mechanism).is_file()
    return importlib.util.find_spec(mechanism) is not None


def test_every_named_test_is_defined() -> None:
    named = {(clause.id, node) for clause in notice.read().clauses for node in clause.tests}

    assert [pair for pair in sorted(named) if not is_defined(pair[1])] == []


def is_defined(node: str) -> bool:
    path, _, name = node.partition("::")
    if not (ROOT / path).is_file():
        return False
    return name in {one.name for one in ast.parse((ROOT / path).read_text()).body if hasattr(one, "name")}


def test_pytest_collects_every_named_test() -> None:
    nodes = sorted({node for clause in notice.read().clauses for node in clause.tests})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *nodes]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert {line.partition("[")[0] for line in done.stdout.splitlines() if "::" in line} == set(nodes)


def test_a_clause_is_found_by_its_id_or_half_of_it() -> None:
    read = notice.read()

    found = {word: read.clause(word) for word in ("8.1b", "1.3", "1.4", "1.3/1.4", "99.1")}

    assert {word: clause and clause.id for word, clause in found.items()} == {
        "8.1b": "8.1b",
        "1.3": "1.3/1.4",
        "1.4": "1.3/1.4",
        "1.3/1.4": "1.3/1.4",
        "99.1": None,
    }


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("status: kept", "status: perhaps", "Clause 1.1: its status is 'perhaps'"),
        ("status: kept", "status: planned", "Clause 1.1: planned and see must say what"),
        (
            "status: kept",
            'status: "kept: mostly"',
            "Clause 1.1: planned and see must say what, kept and intent must not",
        ),
        ("status: kept", 'status: "see: 7.7"', "Clause 1.1 points to 7.7, which is not there"),
        ("tests: [t]", "tests: []", "Clause 1.1: what is kept needs a mechanism and a test"),
        ("mechanism: [sendigopro.settings]", "mechanism: []", "Clause 1.1: what is kept needs a mechanism and a test"),
        ("laws: []", "laws: GDPR", "Clause 1.1: laws must be a list of texts"),
        ("text: B", "text: ''", "Clause 1.1: text must be one line of text"),
        ("text: B", r'text: "B\nC"', "Clause 1.1: text must be one line of text"),
        ("plain: C, ", "", "Clause 1.1: it must have exactly the fields"),
        ("plain: C", "plain: C, colour: red", "wrong are colour"),
        ('id: "1.1"', 'id: "2.1"', "Clause 2.1: its section, the number before the dot, is not there"),
        ("sections:", "chapters:", "must hold sections and clauses"),
        ("{1: The", "{1: [The", "is not YAML"),
    ],
)
def test_a_mistake_is_named_with_its_clause(before: str, after: str, complaint: str) -> None:
    assert notice.parse(ONE).clauses[0].kind is Kind.KEPT

    with pytest.raises(NoticeError) as caught:
        notice.parse(ONE.replace(before, after))

    assert complaint in str(caught.value)


def test_an_id_is_used_once() -> None:
    with pytest.raises(NoticeError, match=r"Clause 1\.1 stands there twice"):
        notice.parse(ONE + ONE.splitlines()[-1])


def test_the_file_cannot_make_python_do_anything() -> None:
    with pytest.raises(NoticeError, match="is not YAML"):
        notice.parse("!!python/object/apply:os.getcwd []")
