"""A published version is for ever: neither its words nor its date can change, and the next one says what it is."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
import yaml

from sendigopro.commands import migrate
from sendigopro.foundation import clock
from sendigopro.privacy import body, notice, notice_store, versions
from sendigopro.privacy.versions import ChangeClass, Cover, Published, Version, VersionError
from tests.databases import Databases

# What was published. Append to it; a line that must be changed means that the past was.
PINNED = {
    1: "088833f879ea31cd414048dbb72220cfd3ee6db23155270711d1270e14b80825",
}
ATTEMPTS = (
    "DELETE FROM main.notice_versions",
    "UPDATE main.notice_versions SET difference = 'none'",
    "INSERT INTO main.notice_versions DEFAULT VALUES",
    "DELETE FROM main.proof_runs",
    "UPDATE main.proof_runs SET passed = true",
    "INSERT INTO main.proof_runs DEFAULT VALUES",
)
WORDS = Cover(("deliver",), ("user.contact",), ("contract",), ("carriers",))


def version(number: int = 1, **changes: object) -> Version:
    at = datetime(2026, 1, 31, tzinfo=UTC)
    made = Version(number, at, at, "", ChangeClass.EDITORIAL, "Commas.", WORDS, "")
    return replace(made, **changes)  # type: ignore[arg-type]  # a case's fields


def test_what_was_published_is_never_edited() -> None:
    assert {one.number: one.sha256 for one in versions.read().versions} == PINNED


def test_the_texts_of_today_are_the_newest_version() -> None:
    """Whoever changes a word in notice.yaml publishes it: `sendigopro notice publish`."""
    newest = versions.read().newest

    assert newest is not None
    assert body.write(notice.read()) == newest.body


def test_a_published_body_is_read_back_whole() -> None:
    read = notice.read()
    sections = body.read(body.write(read))

    found = [
        (passage.id, passage.title, passage.text, passage.plain) for section in sections for passage in section.passages
    ]
    assert found == [(clause.id, clause.title, clause.text, clause.plain) for clause in read.clauses]
    assert {section.number: section.title for section in sections} == read.sections


def test_every_published_version_was_called_what_it_is() -> None:
    published = versions.read().versions
    for before, after in zip((None, *published), published, strict=False):
        versions.check_class(before, after)


def publish_two(folder: Path) -> Published:
    for change, difference in ((ChangeClass.NEW_PURPOSE, "The first."), (ChangeClass.EDITORIAL, "Commas.")):
        versions.publish(folder, change_class=change, difference=difference, covers=WORDS)
    return versions.read(folder)


def test_a_version_is_dated_by_the_moment_it_is_published(tmp_path: Path) -> None:
    before = clock.now().replace(microsecond=0)
    first, second = publish_two(tmp_path).versions

    assert before <= first.published_at <= second.published_at <= clock.now()
    assert first.effective_at == first.published_at
    assert (second.number, second.covers, second.difference) == (2, WORDS, "Commas.")


def test_one_changed_byte_of_a_published_file_is_refused(tmp_path: Path) -> None:
    publish_two(tmp_path)
    path = tmp_path / "0001.md"
    path.write_bytes(path.read_bytes().replace(b"plain", b"Plain", 1))

    with pytest.raises(VersionError, match=r"0001\.md was edited after it was published"):
        versions.read(tmp_path)


def test_the_list_cannot_lose_a_version(tmp_path: Path) -> None:
    publish_two(tmp_path)
    path = tmp_path / versions.LIST
    document = yaml.safe_load(path.read_text())
    del document["versions"][0]
    path.write_text(yaml.safe_dump(document))

    with pytest.raises(VersionError, match="only append"):
        versions.read(tmp_path)


@pytest.mark.parametrize(
    ("more", "least"),
    [
        (Cover(purposes=("marketing",)), ChangeClass.NEW_PURPOSE),
        (Cover(categories=("user.device",)), ChangeClass.NEW_PURPOSE),
        (Cover(bases=("consent",)), ChangeClass.MATERIAL),
        (Cover(recipients=("authorities",)), ChangeClass.MATERIAL),
        (Cover(), ChangeClass.EDITORIAL),
    ],
)
def test_a_new_purpose_needs_a_version_of_that_class(more: Cover, least: ChangeClass) -> None:
    wider = versions.together(WORDS, more)
    later = version().published_at + timedelta(days=60)

    assert versions.least_class(WORDS, wider) is least
    for called in ChangeClass:
        after = version(2, covers=wider, change_class=called, effective_at=later)
        if versions.CLASSES.index(called) < versions.CLASSES.index(least):
            with pytest.raises(VersionError, match=f"publish it as --change {least}"):
                versions.check_class(version(), after)
        else:
            versions.check_class(version(), after)


def test_publishing_less_than_it_is_leaves_nothing(tmp_path: Path) -> None:
    publish_two(tmp_path)
    with pytest.raises(VersionError):
        versions.publish(
            tmp_path,
            change_class=ChangeClass.EDITORIAL,
            difference="Nothing much.",
            covers=versions.together(WORDS, Cover(purposes=("marketing",))),
        )

    assert len(versions.read(tmp_path).versions) == 2
    assert not (tmp_path / "0003.md").exists()


def test_a_material_change_takes_effect_a_month_later_at_the_earliest(tmp_path: Path) -> None:
    publish_two(tmp_path)
    made = versions.publish(tmp_path, change_class=ChangeClass.MATERIAL, difference="More.", covers=WORDS)

    assert made.effective_at - made.published_at == timedelta(days=30)
    hurried = version(2, change_class=ChangeClass.MATERIAL, effective_at=version().published_at + timedelta(days=29))
    with pytest.raises(VersionError, match="it takes effect on 2026-03-02"):
        versions.check_class(version(), hurried)


def test_a_notice_not_reviewed_for_a_year_is_a_fault(tmp_path: Path) -> None:
    day = date(2026, 11, 26)
    versions.review(tmp_path, day)
    published = versions.read(tmp_path)

    assert versions.review_fault(published, day + timedelta(days=365)) == ""
    assert "last reviewed on 2026-11-26" in versions.review_fault(published, day + timedelta(days=366))
    assert "never reviewed" in versions.review_fault(Published((), ()), day)
    assert versions.review_fault(versions.read(), clock.today()) == ""


async def test_versions_enter_the_database_once(databases: Databases, tmp_path: Path) -> None:
    owner = await databases.main("owner")
    published = publish_two(tmp_path)

    assert await versions.enter_missing(owner, published) == [1, 2]
    assert await versions.enter_missing(owner, published) == []
    rows = await notice_store.read_versions(await databases.main("door"))
    assert [(row["id"], row["effective_at"], row["sha256"].hex()) for row in rows] == [
        (one.number, one.effective_at, one.sha256) for one in reversed(published.versions)
    ]


async def test_a_version_with_other_words_than_the_database_has_is_refused(
    databases: Databases, tmp_path: Path
) -> None:
    """The list and its file may both have been edited; an installation that knows the version does not follow."""
    owner = await databases.main("owner")
    published = publish_two(tmp_path)
    await versions.enter_missing(owner, published)
    forged = replace(published.versions[0], body="other", sha256="00" * 32)

    with pytest.raises(VersionError, match="Version 1 of the notice was published here with other words"):
        await versions.enter_missing(owner, Published((forged,), ()))


async def test_the_database_refuses_words_that_do_not_match_their_hash(databases: Databases, tmp_path: Path) -> None:
    owner = await databases.main("owner")
    await versions.enter_missing(owner, publish_two(tmp_path))

    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute("UPDATE main.notice_versions SET body = body || '.' WHERE id = 1")
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute("UPDATE main.notice_versions SET effective_at = published_at - interval '1 second'")


@pytest.mark.parametrize("role", ["pipeline", "door"])
async def test_nobody_who_runs_the_product_can_change_the_notice_or_its_proofs(role: str, databases: Databases) -> None:
    conn = await databases.main(role)

    for attempt in ATTEMPTS:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(attempt)
    assert await conn.fetchval("SELECT count(*) FROM main.notice_versions") == 0
    assert await conn.fetchval("SELECT count(*) FROM main.proof_runs") == 0


def test_the_difference_shows_what_went_and_what_came() -> None:
    old = body.read("# 1 Words\n\n## 1.1 A\n\nOne two.\n\n> One.\n\n## 1.2 B\n\nGone.\n\n> Gone.\n")
    new = body.read("# 1 Words\n\n## 1.1 A\n\nOne three.\n\n> One.\n\n## 1.3 C\n\nNew.\n\n> New.\n")

    changed, added, removed = body.compare(old, new)

    assert (changed.id, changed.kind) == ("1.1", "changed")
    assert changed.runs == (("same", "A. One "), ("old", "two."), ("new", "three."), ("same", " (One.)"))
    assert (added.id, added.kind, added.runs[0][0]) == ("1.3", "added", "new")
    assert (removed.id, removed.kind, removed.runs[0][0]) == ("1.2", "removed", "old")
    assert body.compare(new, new) == []


def test_changed_words_side_by_side_are_one_change() -> None:
    assert body.runs("a b c d", "a x y d") == (("same", "a "), ("old", "b c"), ("new", "x y"), ("same", " d"))
    assert body.runs("a b", "a b c d") == (("same", "a b"), ("new", " c d"))
    assert body.runs("a b", "") == (("old", "a b"),)


async def test_migrating_brings_the_notice_whoever_the_administrator_is(databases: Databases) -> None:
    """Who migrates need not own the tables: on a real server it is its administrator, who may act as owner."""
    conn = await databases.main("postgres")

    assert await migrate.enter_notice(conn) == [one.number for one in versions.read().versions]
    assert await migrate.enter_notice(conn) == []
    assert await conn.fetchval("SELECT current_user") == "postgres"
