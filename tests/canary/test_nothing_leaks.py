"""After two thousand messages no file that the product leaves behind holds a number or a word of theirs in clear."""

from pathlib import Path

import pytest

from tests.canary.flight import Flight
from tests.canary.search import NUMBER, hits, needles
from tests.instance import passing_folder

MESSAGES = 2000


@pytest.mark.slow
def test_no_file_log_metric_or_dump_holds_what_customers_handed_in() -> None:
    """Databases, write-ahead log, logs, metrics, temporary files, core files, a backup with its dumps."""
    with passing_folder() as folder:
        flight = Flight(folder)
        flight.fly(MESSAGES)

        found = hits([folder])
        names = {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()}
        kinds = {part for path in folder.rglob("*") for part in path.relative_to(folder).parts}

    assert found == {}
    assert {"backup", "data", "metrics.txt", "up.log"} <= names
    assert {"pg_wal", "base", "postgres.log", "main.dump", "keys", "journal"} <= kinds
    assert {200, 201, 202, 400, 401, 404} <= flight.answers
    assert flight.core_limits == {"0"}


@pytest.mark.parametrize("form", needles())
def test_the_search_finds_what_is_planted(form: str, tmp_path: Path) -> None:
    """Without it the search above would say nothing."""
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "file").write_bytes(bytes(10_000) + needles()[form] + b"7" * 5000)

    assert form in hits([tmp_path])["below/file"]


def test_digits_of_a_sealed_value_are_no_number_and_a_number_beside_letters_is(tmp_path: Path) -> None:
    """A run once failed because seven digits stood in the hexadecimal of a dump by chance."""
    file = tmp_path / "dump"
    for content, is_found in (
        (f"\\\\x0a9f{'c3' * 30}{NUMBER}{'7e' * 30}\n", False),
        (f"\\\\x0a9f{'c3' * 30}\t{NUMBER}000001\t7e\n", True),
        (f"{'00' * 30}{NUMBER}000001", True),
        (f"to=+{NUMBER}", True),
        (f"\\\\x{'c3' * 30}{NUMBER}{'7e' * 30} {NUMBER}1", True),
    ):
        file.write_text(content)
        assert ("Number" in hits([tmp_path]).get("dump", set())) == is_found, content
