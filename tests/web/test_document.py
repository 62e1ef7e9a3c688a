"""The OpenAPI document says what the server does, and the server does what it says."""

import asyncio
import sys
from pathlib import Path

import msgspec
import pytest

from sendigopro.web import app
from tests.web.conftest import Site

EXAMPLES = 25
SECONDS_MAX = 150
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


async def document(site: Site) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    answered = await site.ask("GET", "/openapi.json", key=None)
    assert (answered.status, answered.headers["content-type"]) == (200, "application/json")
    decoded: dict[str, dict[str, dict[str, dict[str, object]]]] = msgspec.json.decode(answered.body)
    return decoded


@pytest.mark.slow
async def test_schemathesis_finds_no_server_error_and_no_broken_promise(site: Site, tmp_path: Path) -> None:
    await site.house.start_worker()
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIGURATION),
        "run", f"http://127.0.0.1:{site.port}/openapi.json",
        "--header", f"Authorization: Bearer {site.test_key}", "--max-examples", str(EXAMPLES), "--seed", "20261123",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(SECONDS_MAX):
        output, _ = await process.communicate()

    assert process.returncode == 0, output.decode()[-6000:]


async def test_every_route_is_in_the_document_and_has_a_name_of_its_own(site: Site) -> None:
    paths = (await document(site))["paths"]
    operations = [(path, method) for path, methods in paths.items() for method in methods]
    names = [str(operation["operationId"]) for methods in paths.values() for operation in methods.values()]

    routes = {
        (path.replace(":str", ""), method.lower())
        for feature in app.FEATURES
        for route in feature.routes
        for path in route.paths
        for method in route.http_methods
    }
    assert routes <= set(operations)
    assert len(set(names)) == len(names)


async def test_names_are_plain(site: Site) -> None:
    schemas = (await document(site))["components"]["schemas"]

    assert "MessageObjectList" in schemas
    assert not [name for name in schemas if "_" in name]


async def test_the_examples_work(site: Site) -> None:
    paths = (await document(site))["paths"]
    answers = {}
    for path, methods in paths.items():
        for method, operation in methods.items():
            if "{" not in path:
                body = operation.get("requestBody", {"content": {"application/json": {}}})
                example = body["content"]["application/json"].get("example")  # type: ignore[index]
                answers[method, path] = (await site.ask(method.upper(), path, example)).status

    assert {status // 100 for status in answers.values()} == {2}, answers


async def test_the_reference_page_shows_every_operation_and_loads_nothing_from_elsewhere(site: Site) -> None:
    paths = (await document(site))["paths"]
    answered = await site.ask("GET", "/docs/api", key=None)
    page = answered.body.decode()

    assert answered.headers["content-type"] == "text/html; charset=utf-8"
    assert not [
        operation["operationId"]
        for methods in paths.values()
        for operation in methods.values()
        if f'id="{operation["operationId"]}"' not in page
    ]
    assert "default-src 'none'" in answered.headers["content-security-policy"]
    assert not [word for word in ("<style", " style=", "onclick", "//cdn", "https://unpkg") if word in page]
