"""The public pages of the notice: from the database, dated by it, with every promise and no word more than is true."""

import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from sendigopro.foundation import clock
from sendigopro.privacy import body, notice, notice_store, versions, wording
from sendigopro.privacy.notice import Kind
from sendigopro.privacy.versions import ChangeClass, Published
from tests.databases import Databases
from tests.messages.house import house_of
from tests.privacy.flesch import reading_ease
from tests.web.conftest import Site, site_of

PAGES = ("/privacy", "/privacy/plain", "/privacy/proof", "/privacy/v/1", "/privacy/v/1/difference")
DAY = datetime(2026, 3, 9, 12, tzinfo=UTC)


@pytest.fixture
async def site(databases: Databases, tmp_path: Path) -> AsyncIterator[Site]:
    """Served, with the versions of the notice in its database."""
    await versions.enter_missing(await databases.main("owner"))
    contact = "privacy@example.org"
    async with house_of(databases, tmp_path, privacy_contact=contact) as house, site_of(house, databases) as built:
        yield built


async def text_of(site: Site, path: str) -> str:
    answered = await site.ask("GET", path, key=None)
    assert answered.status == 200, answered.body
    assert answered.headers["content-type"] == "text/html; charset=utf-8"
    return html.unescape(answered.body.decode())


async def add_version(site: Site, number: int, *, text: str, effective_at: datetime = DAY) -> None:
    owner = await site.databases.main("owner")
    await owner.execute(
        """
        INSERT INTO main.notice_versions (id, published_at, effective_at, sha256, body, difference, change_class)
        VALUES ($1, $2, $2, sha256(convert_to($3, 'UTF8')), $3, 'Cats are named.', 'editorial')
        """,
        number,
        effective_at,
        text,
    )


async def test_every_promise_stands_in_the_notice_with_how_it_stands(site: Site) -> None:
    page = await text_of(site, "/privacy")

    for clause in notice.read().clauses:
        assert clause.text in page
        assert f'id="{clause.anchor}"' in page
    planned = [clause for clause in notice.read().clauses if clause.kind is Kind.PLANNED]
    assert page.count('class="mark part"') == sum(bool(clause.tests) for clause in planned) > 0
    assert page.count('class="mark planned"') == sum(not clause.tests for clause in planned) > 0
    assert "privacy@example.org" in page


async def test_the_date_on_the_page_is_that_of_the_row(site: Site) -> None:
    """Nothing typed: the row's date moves, the page's follows."""
    before = await text_of(site, "/privacy")
    owner = await site.databases.main("owner")
    await owner.execute("UPDATE main.notice_versions SET published_at = $1, effective_at = $1", DAY)

    assert "9 March 2026" not in before
    for path in PAGES:
        assert f'<time datetime="{DAY.isoformat()}">9 March 2026</time>' in await text_of(site, path) or (
            path == "/privacy/proof"
        )


async def test_every_version_stays_reachable_with_its_difference(site: Site) -> None:
    text = body.write(notice.read())
    changed = text.replace("Trust in a service", "Trust in a cat")
    await add_version(site, 2, text=changed, effective_at=clock.now() - timedelta(seconds=1))

    assert "Trust in a cat" in await text_of(site, "/privacy")
    old, new = await text_of(site, "/privacy/v/1"), await text_of(site, "/privacy/v/2")
    assert "Trust in a service" in old
    assert "This is an earlier version" in old
    assert "Trust in a cat" in new
    difference = await text_of(site, "/privacy/v/2/difference")
    assert "<del>service</del><ins>cat</ins>" in difference
    assert difference.count('<article class="change">') == 1
    assert "There is no earlier version" in await text_of(site, "/privacy/v/1/difference")


async def test_a_version_announced_is_shown_but_not_in_force(site: Site) -> None:
    await add_version(site, 2, text="# 0 Soon\n", effective_at=clock.now() + timedelta(days=30))

    assert "Version 1 ·" in await text_of(site, "/privacy")
    assert "This version is announced" in await text_of(site, "/privacy/v/2")


@pytest.mark.parametrize("path", ["/privacy/v/0", "/privacy/v/2", "/privacy/v/99999999999999999999", "/privacy/v/x"])
async def test_a_version_that_never_was_is_404(path: str, site: Site) -> None:
    for place in (path, f"{path}/difference"):
        assert (await site.ask("GET", place, key=None)).status == 404


async def test_without_a_notice_the_pages_say_what_to_do(site: Site) -> None:
    await (await site.databases.main("owner")).execute("DELETE FROM main.notice_versions")

    for path in ("/privacy", "/privacy/plain", "/privacy/proof", "/privacy/proof.json"):
        answered = await site.ask("GET", path, key=None)
        assert (answered.status, b"sendigopro migrate" in answered.body) == (503, True)


async def test_the_tables_say_what_the_columns_say_at_this_moment(site: Site) -> None:
    before = await text_of(site, "/privacy")
    owner = await site.databases.main("owner")
    comment = (
        '{"category": "user.device.ip_address", "role": "controller", "purposes": ["fraud"], "basis": "consent", '
        '"retention": "audit_term", "source": "website", "recipients": ["payment_provider"]}'
    )
    await owner.execute("CREATE TABLE main.visitors (address bytea)")
    await owner.execute(f"COMMENT ON COLUMN main.visitors.address IS '{comment}'")
    after = await text_of(site, "/privacy")

    row = [
        wording.DATA["user.device.ip_address"], "Stop fraud and abuse", "Consent", "The period of the audit log",
        "Our website", "Our payment provider",
    ]  # fmt: skip
    assert row not in rows_of(before)
    assert row in rows_of(after)
    assert len(rows_of(after)) == len(rows_of(before)) + 1
    assert [
        "Texts of messages", "Do what the customer ordered, deliver messages", "The customer's own basis",
        "The customer's period for texts", "The customer", "The customer, carriers",
    ] in rows_of(after)  # fmt: skip


def rows_of(page: str) -> list[list[str]]:
    """The lines of the tables of data."""
    found = re.findall(r'<tr>\s*<th scope="row">(.*?)</th>(.*?)</tr>', page, re.DOTALL)
    return [[name, *re.findall(r"<td[^>]*>(.*?)</td>", cells)] for name, cells in found]


async def test_the_short_version_covers_every_section(site: Site) -> None:
    page = await text_of(site, "/privacy/plain")
    read = notice.read()
    shown = re.findall(r"<ul data-plain>(.*?)</ul>", page, re.DOTALL)

    assert len(shown) == len(read.sections) == 15
    for title in read.sections.values():
        assert title in page
    for clause in read.clauses:
        assert clause.plain in page
    words = re.sub(r"<span class=\"dot\".*?</span></span>|<[^>]+>", " ", " ".join(shown))
    assert reading_ease(words) >= 60


async def test_before_any_run_nothing_is_called_proved(site: Site) -> None:
    page = await text_of(site, "/privacy/proof")

    assert "<h1>0 of 69 promises proved</h1>" in page
    assert "never run on this installation" in page
    assert 'data-state="passed"' not in page


async def test_every_clause_has_a_line_with_its_last_run(site: Site) -> None:
    """Of two runs the later counts; what is planned is never shown as passed, whatever a row says."""
    owner = await site.databases.main("owner")
    for at, passed in ((DAY, False), (DAY + timedelta(hours=1), True)):
        results = [("0.3", passed, "312 of 312 columns"), ("8.1b", not passed, "3 of 4 tests"), ("9.1d", passed, "")]
        await notice_store.insert_runs(owner, at=at, version="0.1.0 abc", results=results)
    page = await text_of(site, "/privacy/proof")
    document = msgspec.json.decode((await site.ask("GET", "/privacy/proof.json", key=None)).body)

    states = {one["id"]: one["state"] for one in document["clauses"]}
    assert list(states) == [clause.id for clause in notice.read().clauses]
    assert (states["0.3"], states["8.1b"], states["9.1d"], states["0.1"]) == ("passed", "failed", "part", "open")
    assert (states["0.2"], states["3.3"], states["0.5"]) == ("said", "said", "planned")
    first = next(one for one in document["clauses"] if one["id"] == "0.3")
    assert first["figure"] == "312 of 312 columns"
    assert (first["version"], first["at"]) == ("0.1.0 abc", (DAY + timedelta(hours=1)).isoformat())
    assert sum(document["counts"].values()) == 75
    assert "<h1>1 of 69 promises proved</h1>" in page
    for clause in notice.read().clauses:
        assert f'<details id="{clause.anchor}" data-state="{states[clause.id]}">' in page
        assert f'href="#{clause.anchor}"' in page


async def test_pages_set_no_cookie_and_load_nothing_from_elsewhere(site: Site) -> None:
    for path in (*PAGES, "/docs/api"):
        answered = await site.ask("GET", path, key=None)
        page = answered.body.decode()
        assert answered.status == 200
        assert "set-cookie" not in answered.headers
        assert "default-src 'none'" in answered.headers["content-security-policy"]
        loaded = re.findall(r'(?:src=|<link[^>]*href=)"([^"]*)"', page)
        assert [one for one in loaded if not one.startswith("/static/")] == []
        assert not [word for word in ("<style", " style=", " onclick", "javascript:") if word in page]
    for path in PAGES:
        assert b"<script" not in (await site.ask("GET", path, key=None)).body


async def test_what_stands_in_a_row_is_escaped(site: Site) -> None:
    await add_version(site, 2, text="# 0 A <em>\n\n## 0.1 <i>\n\n<script>x</script>.\n\n> <img>.\n")

    answered = await site.ask("GET", "/privacy/v/2", key=None)

    assert b"&lt;script&gt;" in answered.body
    assert not [tag for tag in (b"<script", b"<i>", b"<em>", b"<img") if tag in answered.body]


async def test_a_later_publication_reaches_the_page_by_migrating(site: Site, tmp_path: Path) -> None:
    """What `migrate` does with the list of files is what the page then shows."""
    known = versions.read()
    for one in known.versions:
        (tmp_path / versions.file_name(one.number)).write_text(one.body)
    versions.write_list(tmp_path, known.versions, known.reviewed)
    assert known.newest is not None
    made = versions.publish(
        tmp_path, change_class=ChangeClass.EDITORIAL, difference="Again.", covers=known.newest.covers
    )
    entered = await versions.enter_missing(
        await site.databases.main("owner"), Published((*known.versions, made), known.reviewed)
    )

    assert entered == [made.number]
    assert f"Version {made.number} ·" in await text_of(site, "/privacy")
