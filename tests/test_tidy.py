"""The walls of the house: what must stay true of every file. To move one, change it here, in a commit of its own."""

import ast
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sendigopro"
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler", "service", "base", "core"}
FRAMEWORK_FOLDERS = {"web", "console", "website", "twilio"}
# Clocks, randomness and ids: what a test must be able to trust stands in foundation/ only.
FOUNDATION_MODULES = {"time", "random", "secrets", "uuid_utils"}
FOUNDATION_CALLS = re.compile(r"\b((datetime|date)\.(now|utcnow|today)|os\.urandom|uuid\.?(uuid)?[1-8])\(")
SQL = re.compile(
    r"\s*(SELECT\s|INSERT INTO\s|UPDATE\s[\w.]+.*\sSET\s|DELETE FROM\s|WITH\s\w+.*\sAS\s|COPY\s[\w.]+|TRUNCATE\s"
    r"|SET LOCAL\s|(CREATE|ALTER|DROP)\s(TABLE|INDEX|ROLE|DATABASE|SCHEMA)\s)",
    re.DOTALL,
)
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:work|root|home|Users)/")
MADE = {".venv", ".peers", "node_modules", "_generated", "state"}


def python_files(*folders: Path) -> Iterator[Path]:
    for folder in folders or (PACKAGE, ROOT / "tests", ROOT / "bench", ROOT / "sdk"):
        yield from (path for path in sorted(folder.rglob("*.py")) if not MADE & set(path.parts))


def named(path: Path, line: int | None = None) -> str:
    return f"{path.relative_to(ROOT)}{f':{line}' if line else ''}"


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def texts(tree: ast.Module) -> Iterator[ast.Constant]:
    """Give every string constant, but not those that stand alone: docstrings."""
    alone = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in alone:
            yield node


def in_foundation(path: Path) -> bool:
    return path.is_relative_to(PACKAGE / "foundation")


def may_hold_sql(path: Path) -> bool:
    return path.stem == "store" or path.stem.endswith("_store") or in_foundation(path)


def may_import_framework(path: Path) -> bool:
    return path.stem == "api" or path.stem.endswith("_api") or path.relative_to(PACKAGE).parts[0] in FRAMEWORK_FOLDERS


def test_no_function_is_longer_than_a_screen_and_a_half() -> None:
    long = [
        f"{named(path, node.lineno)} {node.name} has {lines} lines"
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]

    assert not long, (
        f"Let the parent decide and give the parts names of their own (≤ {FUNCTION_LINES_MAX} lines): {long}"
    )


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    long = [
        f"{named(path)} has {lines} lines"
        for path in python_files()
        if (lines := len(path.read_text().splitlines())) > FILE_LINES_MAX
    ]

    assert not long, f"Split the file by what it is about (≤ {FILE_LINES_MAX} lines): {long}"


def test_every_file_and_folder_is_named_after_what_is_inside() -> None:
    vague = [
        named(path)
        for path in python_files()
        if VAGUE_NAMES & {path.stem.removesuffix("s"), path.stem, *path.relative_to(ROOT).parent.parts}
    ]

    assert not vague, f"Name the file after what is inside it, a noun or a verb of the product: {vague}"


def test_every_file_says_its_purpose_in_its_first_line() -> None:
    silent = [named(path) for path in python_files() if not path.read_text().startswith(('"""', 'r"""', "#!/"))]

    assert not silent, f'Begin the file with one line that says what it is for, """Like this.""": {silent}'


def test_sql_stands_only_in_stores() -> None:
    loose = [
        named(path, text.lineno)
        for path in python_files(PACKAGE)
        if not may_hold_sql(path)
        for text in texts(ast.parse(path.read_text()))
        if SQL.match(str(text.value))
    ]

    assert not loose, f"Move the statement into the feature's store.py, as one function with a plain verb: {loose}"


def test_the_web_framework_is_known_only_to_doors_and_pages() -> None:
    leaks = [
        named(path, line)
        for path in python_files(PACKAGE)
        if not may_import_framework(path)
        for name, line in imports(ast.parse(path.read_text()))
        if name.split(".")[0] == "litestar"
    ]

    assert not leaks, f"Only api.py, web/, console/, website/ and twilio/ know Litestar; pass plain values on: {leaks}"


def test_clocks_randomness_and_ids_come_only_from_foundation() -> None:
    leaks = [
        named(path, line)
        for path in python_files(PACKAGE)
        if not in_foundation(path)
        for line in clock_and_randomness_lines(path.read_text())
    ]

    assert not leaks, f"Take the time, chance and ids from foundation/clock.py, randomness.py and ids.py: {leaks}"


def clock_and_randomness_lines(source: str) -> Iterator[int]:
    tree = ast.parse(source)
    for name, line in imports(tree):
        if name.split(".")[0] in FOUNDATION_MODULES and name != "time.sleep":
            yield line
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and FOUNDATION_CALLS.search(f"{ast.unparse(node.func)}("):
            yield node.lineno


def test_every_provider_has_a_test() -> None:
    providers = [
        path
        for path in python_files(PACKAGE / "channels")
        if re.search(r"^(provider|link)\b.*=", path.read_text(), re.MULTILINE)
    ]
    untested = [
        named(path) for path in providers if not list((ROOT / "tests" / "channels").rglob(f"test_{path.stem}.py"))
    ]

    assert not untested, f"Give each provider its test, tests/channels/<medium>/test_<provider>.py: {untested}"


def test_tests_use_the_real_thing() -> None:
    mocked = [
        named(path, line)
        for path in python_files(ROOT / "tests")
        for name, line in imports(ast.parse(path.read_text()))
        if name.split(".")[0] in {"unittest", "mock", "pytest_mock"}
    ]

    assert not mocked, f"Use the database, a loopback peer or a plain argument instead of a mock: {mocked}"


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    kinds = {".py", ".md", ".toml", ".sql", ".sh", ".yaml", ".yml", ".json", ".html", ".js", ".css", ""}
    found = [
        named(path, number)
        for path in sorted(ROOT.rglob("*"))
        if path.suffix in kinds and path.is_file() and not hidden_or_made(path)
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]

    assert not found, f"Say the path relative to the repository, or take it from a setting: {found}"


def hidden_or_made(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return bool(MADE & set(parts)) or any(part.startswith(".") and part != ".ci" for part in parts)


def test_tests_reach_no_outside_network() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock,
        pytest.raises(ConnectionRefusedError, match="start a peer on loopback"),
    ):
        sock.connect(("192.0.2.1", 9))
