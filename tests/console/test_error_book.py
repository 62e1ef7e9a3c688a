"""The book of errors is whole: whatever the code can answer has a line with its status, and every line is in use."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from sendigopro.console.error_book import PROBLEMS
from sendigopro.foundation import problems
from sendigopro.foundation.problems import Problem
from tests.console.test_team import crew as crew  # noqa: PLC0414  # the fixture, by its own name

PACKAGE = Path(problems.__file__).parents[1]
KINDS = {
    name: int(kind.status)
    for name, kind in vars(problems).items()
    if isinstance(kind, type) and issubclass(kind, Problem)
}
PAGES_ONLY = ("commands/", "console/", "website/", "mail/", "web/assets.py")
NOT_OF_THE_API = ("channels/credentials.py", "channels/smpp_dialect.py", "channels/sms/smpp.py")
"""They refuse what the operator sets up."""
ACCOUNTS = ("accounts/keys.py", "accounts/model.py", "accounts/scopes.py")
"""What else stands there is about people who sign in."""
OUTCOMES = {"Rejected", "TryLater", "Unclear"}


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        where = str(path.relative_to(PACKAGE))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                function = node.func
                name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
                yield where, name, node


def is_of_the_api(where: str) -> bool:
    return not where.startswith((*PAGES_ONLY, *NOT_OF_THE_API)) and (
        not where.startswith("accounts/") or where in ACCOUNTS
    )


def literal(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def test_every_problem_of_the_api_is_in_the_book_with_its_status() -> None:
    raised: dict[str, set[int]] = defaultdict(set)
    for where, name, call in calls():
        code = literal(call.args[0]) if call.args else None
        if name in KINDS and code is not None and is_of_the_api(where):
            raised[code].add(KINDS[name])
    raised["method_not_allowed"].add(405)
    book = {one.code: set(one.statuses) for one in PROBLEMS}
    assert book == raised
