"""The book of errors is whole: whatever the code can answer has a line with its status, and every line is in use."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from sendigopro.channels.smpp_dialect import BUSY
from sendigopro.consent.store import State
from sendigopro.console.error_book import FAILURES, PROBLEMS, REASONS
from sendigopro.foundation import problems
from sendigopro.foundation.problems import Problem
from sendigopro.messages import forget, receipts
from sendigopro.webhooks.connection import Failure
from tests.console.test_sign_in_pages import text
from tests.console.test_team import Crew
from tests.console.test_team import crew as crew  # noqa: PLC0414  # the fixture, by its own name

PACKAGE = Path(problems.__file__).parents[1]
KINDS = {
    name: int(kind.status)
    for name, kind in vars(problems).items()
    if isinstance(kind, type) and issubclass(kind, Problem)
}
PAGES_ONLY = ("commands/", "console/", "website/", "mail/", "sso/", "web/assets.py")
NOT_OF_THE_API = ("channels/credentials.py", "channels/smpp_dialect.py", "channels/sms/smpp.py")
"""They refuse what the operator sets up."""
ACCOUNTS = ("accounts/keys.py", "accounts/model.py", "accounts/scopes.py")
"""What else stands there is about people who sign in."""
REASON_AT = {"Rejected": 0, "TryLater": 0, "Unclear": 0, "_refuse": 2, "_end": 3}
"""Whose argument at which place is a reason."""


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """File, name and call; in a problem of its own kind, `super().__init__` is that kind."""
    for path in sorted(PACKAGE.rglob("*.py")):
        where, tree = str(path.relative_to(PACKAGE)), ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                function = node.func
                yield where, function.id if isinstance(function, ast.Name) else getattr(function, "attr", ""), node
            elif isinstance(node, ast.ClassDef) and node.bases and where != "foundation/problems.py":
                base = getattr(node.bases[0], "id", "")
                yield from (
                    (where, base, one)
                    for one in ast.walk(node)
                    if isinstance(one, ast.Call) and getattr(one.func, "attr", "") == "__init__"
                )


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


def test_every_reason_of_a_message_is_in_the_book() -> None:
    told = {f"recipient_{state}" for state in get_args(State)} | {forget.REASON, *BUSY.values()}
    told |= {reason for _, reason in receipts.MEANING.values() if reason is not None}
    for where, name, call in calls():
        if not where.startswith(("channels/", "messages/")):
            continue
        at = REASON_AT.get(name, 99)
        found = [literal(call.args[at])] if len(call.args) > at else []
        if name in ("Item", "EndedItem"):
            found += [literal(one.value) for one in call.keywords if one.arg == "reason"]
        told |= {reason for reason in found if reason is not None}
    told |= {"unclear_resend"}  # chosen by a condition
    assert {one.code for one in REASONS} == told


def test_every_failure_of_a_webhook_is_in_the_book() -> None:
    assert {one.code for one in FAILURES} == {one.name.lower() for one in Failure}


def test_every_line_says_what_it_means_and_what_to_do() -> None:
    for one in (*PROBLEMS, *REASONS, *FAILURES):
        assert one.means.endswith((".", "?")), one
        assert one.remedy.endswith((".", "?")), one


async def test_everybody_reads_the_book_and_each_code_has_an_address(crew: Crew) -> None:
    page = text(await (await crew.add("bill", "billing")).get("/console/errors"))
    for one in PROBLEMS:
        assert f'id="{one.code}"' in page
    for one in FAILURES:
        assert f'id="failures-{one.code}"' in page
    assert page.count("data-entry") == len(PROBLEMS) + len(REASONS) + len(FAILURES)
