"""The public pages of the privacy notice: its text, its versions, its short form, its proofs."""

from typing import Any

import msgspec
from litestar import MediaType, Response, get
from litestar.di import NamedDependency as Given
from litestar.params import FromPath

from sendigopro.foundation.postgres import Row
from sendigopro.foundation.problems import NotFound, Unavailable
from sendigopro.privacy import annotations, body, notice, notice_store
from sendigopro.runtime import Runtime
from sendigopro.website.notice_view import Line, Mark, document_of, lines_of, meter_of, tables_of
from sendigopro.website.pages import render

HEADERS = {"cache-control": "no-cache"}


@get("/privacy")
async def show_notice(runtime: Given[Runtime]) -> Response[str]:
    """The version in force."""
    async with runtime.door.acquire() as conn:
        versions = await notice_store.read_versions(conn)
    return await show(runtime, in_force(versions), versions)


@get("/privacy/v/{number:int}")
async def show_version(number: FromPath[int], runtime: Given[Runtime]) -> Response[str]:
    """One version, in force or not."""
    async with runtime.door.acquire() as conn:
        versions = await notice_store.read_versions(conn)
    return await show(runtime, numbered(versions, number), versions)


async def show(runtime: Runtime, version: Row, versions: list[Row]) -> Response[str]:
    """The text of a version. What stands today, marks and tables, belongs to the one in force alone."""
    current = in_force(versions)
    is_current = version["id"] == current["id"]
    async with runtime.door.acquire() as conn:
        text = await notice_store.read_body(conn, version["id"])
        runs = await notice_store.read_last_runs(conn)
        columns = await annotations.read_columns(conn, "main") if is_current else []
    if is_current:
        async with runtime.vault.acquire() as conn:
            columns += await annotations.read_columns(conn, "vault")
    lines = lines_of(notice.read(), runs)
    return page(
        "privacy.html",
        runtime,
        version=version,
        current=current,
        versions=versions,
        sections=body.read(text or ""),
        lines={line.clause.id: line for line in lines} if is_current else {},
        meter=meter_of(lines),
        tables=tables_of(annotations.uses(columns)),
    )


@get("/privacy/v/{number:int}/difference")
async def show_difference(number: FromPath[int], runtime: Given[Runtime]) -> Response[str]:
    """What a version says otherwise than the one before."""
    async with runtime.door.acquire() as conn:
        versions = await notice_store.read_versions(conn)
        version = numbered(versions, number)
        after = await notice_store.read_body(conn, number)
        before = await notice_store.read_body(conn, number - 1)
    changes = body.compare(body.read(before), body.read(after or "")) if before else []
    return page("difference.html", runtime, version=version, changes=changes, is_first=before is None)


@get("/privacy/plain")
async def show_plain(runtime: Given[Runtime]) -> Response[str]:
    """The short version."""
    async with runtime.door.acquire() as conn:
        version = in_force(await notice_store.read_versions(conn))
        text = await notice_store.read_body(conn, version["id"])
    planned = {clause.id for clause in notice.read().clauses if clause.kind is notice.Kind.PLANNED}
    return page("plain.html", runtime, version=version, sections=body.read(text or ""), planned=planned)


@get("/privacy/proof")
async def show_proof(runtime: Given[Runtime]) -> Response[str]:
    """Every promise and what its tests said last."""
    version, lines = await proofs(runtime)
    known = notice.read()
    grouped = [
        (number, title, [line for line in lines if line.clause.section == number])
        for number, title in known.sections.items()
    ]
    ran = [line.at for line in lines if line.at is not None]
    meter = meter_of(lines)
    counted = {part.mark: part.number for part in meter}
    return page(
        "proof.html",
        runtime,
        version=version,
        sections=grouped,
        meter=meter,
        total=len(lines),
        proved=counted.get(Mark.PASSED, 0),
        duties=len(lines) - counted.get(Mark.SAID, 0),
        last=max(ran, default=None),
    )


@get("/privacy/proof.json", media_type=MediaType.JSON)
async def show_proof_json(runtime: Given[Runtime]) -> Response[bytes]:
    """The same for programs."""
    version, lines = await proofs(runtime)
    document = document_of(lines, notice_version=version["id"])
    return Response(msgspec.json.encode(document), media_type=MediaType.JSON, headers=HEADERS)


async def proofs(runtime: Runtime) -> tuple[Row, list[Line]]:
    async with runtime.door.acquire() as conn:
        version = in_force(await notice_store.read_versions(conn))
        runs = await notice_store.read_last_runs(conn)
    return version, lines_of(notice.read(), runs)


def in_force(versions: list[Row]) -> Row:
    """The newest whose day has come."""
    for version in versions:
        if version["is_in_force"]:
            return version
    raise Unavailable("notice_missing", "The privacy notice is not in the database: run `sendigopro migrate`.")


def numbered(versions: list[Row], number: int) -> Row:
    for version in versions:
        if version["id"] == number:
            return version
    raise NotFound("not_found", "There is no such version of the privacy notice.")


def page(name: str, runtime: Runtime, **values: Any) -> Response[str]:  # noqa: ANN401  # a template takes what it names
    html = render(name, contact=runtime.settings.privacy_contact, **values)
    return Response(html, media_type=MediaType.HTML, headers=HEADERS)


routes = [show_notice, show_version, show_difference, show_plain, show_proof, show_proof_json]
