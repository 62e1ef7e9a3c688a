"""Lists that are taken away: sealed, for a day, for who asked; nothing in them runs, and forgetting ends them."""

import asyncio
import csv
import io
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sendigopro.console import export_job
from sendigopro.console.export_job import Exports
from sendigopro.console.export_rows import harmless
from sendigopro.foundation import ids
from sendigopro.messages import export_store
from tests.console.test_messages import NUMBER, TEXT, sent, unmasked
from tests.console.test_sign_in_pages import Browser, rows, text
from tests.console.test_team import Crew
from tests.databases import Databases
from tests.messages.house import house_of
from tests.web.conftest import site_of
from tests.web.serving import Reply

HOME = "/console/exports"


@pytest.fixture
async def crew(databases: Databases, tmp_path: Path) -> AsyncIterator[Crew]:
    async with house_of(databases, tmp_path) as house, site_of(house, databases) as site:
        yield Crew(site)


def job_of(crew: Crew) -> Exports:
    house = crew.site.house
    return Exports(
        house.runtime.main, vault=house.vault, viewer=house.viewer, directory=house.directory,
        folder=house.runtime.settings.exports_folder,
    )  # fmt: skip


def files(crew: Crew) -> list[Path]:
    return [one for one in crew.site.house.runtime.settings.exports_folder.rglob("*") if one.is_file()]


async def asked(browser: Browser, **form: str) -> str:
    """The id of a new export."""
    answered = await browser.post(HOME, **{"query": "", "format": "csv", **form})
    assert answered.status == 303, text(answered)
    owner = await browser.site.databases.main("owner")
    return ids.typed(
        "exp", await owner.fetchval("SELECT id FROM main.message_exports ORDER BY created_at DESC LIMIT 1")
    )


def whole(got: Reply) -> bytes:
    """A streamed body, its pieces put together."""
    rest, body = got.body, b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return body


def table(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))


async def test_an_export_holds_the_list_as_filtered_and_masked_page_by_page(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_job, "PAGE", 2)
    rosa = await crew.add("rosa", "viewer")
    made = [await sent(crew) for _ in range(5)]
    await sent(crew, to="+447400123457")
    export = await asked(rosa, query="recipient=%2B447400123456")
    assert "waiting" in text(await rosa.get(HOME))
    assert (await rosa.post(f"{HOME}/{export}/download")).status == 409
    later = await sent(crew)
    assert await job_of(crew).step()
    page = text(await rosa.get(HOME))
    assert "ready" in page
    assert NUMBER[3:] not in page
    got = await rosa.post(f"{HOME}/{export}/download")
    assert got.status == 200
    assert re.fullmatch(r'attachment; filename="messages-test-[0-9-]+\.csv"', got.headers["content-disposition"])
    found = table(whole(got))
    assert [one["id"] for one in found] == made[::-1]
    assert later not in whole(got).decode()
    assert {(one["to"], one["body"]) for one in found} == {("+44••••••••56", "")}
    assert await unmasked(crew) == []
    for path in files(crew):
        assert made[0].encode() not in path.read_bytes()


async def test_numbers_and_texts_are_in_it_for_who_may_and_each_download_is_on_the_audit_log(crew: Crew) -> None:
    rosa, otto = await crew.add("rosa", "owner"), await crew.add("otto", "viewer")
    await sent(crew)
    for wanted in ("subjects", "bodies"):
        refused = await otto.post(HOME, query="", format="csv", **{wanted: "yes"})
        assert refused.status == 403
    export = await asked(rosa, format="jsonl", subjects="yes", bodies="yes")
    await job_of(crew).step()
    assert (await otto.post(f"{HOME}/{export}/download")).status == 404
    got = await rosa.post(f"{HOME}/{export}/download")
    (line,) = [json.loads(one) for one in whole(got).splitlines()]
    assert (line["to"], line["body"]) == (NUMBER, TEXT)
    ((target, facts),) = await unmasked(crew)
    assert target == export
    assert json.loads(str(facts))["shown"] == 1

    owner = await crew.site.databases.main("owner")
    await owner.execute("UPDATE main.members SET role = 'viewer'")
    lowered = await rosa.post(f"{HOME}/{export}/download")
    assert lowered.status == 403
    assert NUMBER[3:] not in text(lowered)


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0b1+1", "=cmd|x!A0",
     '=HYPERLINK("x")'],
)  # fmt: skip
def test_nothing_in_a_cell_runs(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["+447400123456", "+44••••••••56", "-5", "hello = x", "", "0"])
def test_numbers_and_plain_words_stay_as_they_are(cell: str) -> None:
    assert harmless(cell) == cell


async def test_a_text_that_is_a_formula_a_quote_or_lines_comes_out_whole(crew: Crew) -> None:
    rosa = await crew.add("rosa", "owner")
    for body in ("=1+1", 'say "hi", you;\r\nand', "<b>€</b>"):
        await sent(crew, body=body, tags=["@x"])
    export = await asked(rosa, bodies="yes")
    await job_of(crew).step()
    found = table(whole(await rosa.post(f"{HOME}/{export}/download")))
    assert [one["body"] for one in found] == ["<b>€</b>", 'say "hi", you;\r\nand', "'=1+1"]
    assert found[0]["tags"] == "'@x"


async def test_forgetting_anybody_ends_what_may_tell_of_them_at_once_and_its_file_soon(crew: Crew) -> None:
    rosa = await crew.add("rosa", "owner")
    await sent(crew)
    personal, plain = await asked(rosa, subjects="yes"), await asked(rosa, query="status=failed")
    job = job_of(crew)
    assert await job.step()
    assert await job.step()
    assert len(files(crew)) == 2
    request = await crew.site.ask("POST", "/v1/privacy/requests", {"type": "erase", "identifier": NUMBER})
    assert request.status in (201, 202), request.body
    gone = await rosa.post(f"{HOME}/{personal}/download")  # before any worker has done anything
    assert gone.status == 409
    assert await rows(
        crew.site, "SELECT state, key IS NULL, query IS NULL FROM main.message_exports WHERE is_personal"
    ) == [("ended", True, True)]
    assert (await rosa.post(f"{HOME}/{plain}/download")).status == 200
    await crew.site.house.start_worker()
    owner = await crew.site.databases.main("owner")
    await until(owner, "SELECT status = 'completed' FROM main.privacy_requests")
    assert len(files(crew)) == 1
    assert "somebody was forgotten" in text(await rosa.get(HOME))


async def until(owner: Any, question: str) -> None:
    async with asyncio.timeout(20):
        while not await owner.fetchval(question):
            await asyncio.sleep(0.05)


async def test_what_is_over_or_deleted_opens_to_nobody_and_goes_with_its_file(crew: Crew) -> None:
    rosa = await crew.add("rosa", "owner")
    await sent(crew)
    deleted, over = await asked(rosa), await asked(rosa)
    await job_of(crew).step()
    await job_of(crew).step()
    assert (await rosa.post(f"{HOME}/{deleted}/delete")).status == 303
    assert (await rosa.post(f"{HOME}/{deleted}/download")).status == 409
    owner = await crew.site.databases.main("owner")
    await owner.execute("UPDATE main.message_exports SET ends_at = now() WHERE true")
    assert (await rosa.post(f"{HOME}/{over}/download")).status == 404
    await job_of(crew).step()
    assert files(crew) == []
    assert await rows(crew.site, "SELECT count(*) FROM main.message_exports") == [(0,)]


async def test_what_is_deleted_while_it_is_written_leaves_nothing(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    rosa = await crew.add("rosa", "owner")
    await sent(crew)
    export = await asked(rosa)
    note = export_store.note_progress

    async def ended(*args: Any, **more: Any) -> bool:
        await rosa.post(f"{HOME}/{export}/delete")
        return await note(*args, **more)

    monkeypatch.setattr(export_store, "note_progress", ended)
    assert await job_of(crew).step()
    assert files(crew) == []


@pytest.mark.parametrize("form", [{"format": "exe"}, {"query": "status=nonsense"}, {"query": "from=x"}])
async def test_a_wrong_wish_is_told(crew: Crew, form: dict[str, str]) -> None:
    rosa = await crew.add("rosa", "owner")
    answered = await rosa.post(HOME, **{"query": "", "format": "csv", **form})
    assert answered.status == 400
    assert 'role="alert"' in text(answered)
