"""Who has every backup, all of the write-ahead log, every version of the key store and its root finds nobody."""

import pytest

from tests.attack.campaign import Campaign, Level, files_with
from tests.instance import passing_folder

ERASED, KEPT = 60, 60


@pytest.mark.slow
@pytest.mark.parametrize("level", ["immediate", "bounded"])
def test_nobody_who_was_erased_is_recovered_and_all_others_are(level: Level) -> None:
    """Void, not green, where the same attack does not succeed with the root of before."""
    with passing_folder() as folder:
        verdict = Campaign(folder, level=level, erased=ERASED, kept=KEPT, say=lambda _: None).run()
        searched = files_with(folder / "cellar", [b"privacy_requests"])  # the name of a table, in its catalogue

    assert verdict.with_old_root == ERASED, "the attack itself is broken: this run says nothing"
    assert verdict.erased_recovered == 0
    assert verdict.files_in_clear == []
    assert {name.split("/")[0] for name in searched} >= {"before", "after"}
    assert verdict.kept_readable >= 0.99 * KEPT
    assert verdict.with_recovery_key == (ERASED if level == "bounded" else None)
