"""A process tells whether it lives, whether it may be asked, and its numbers, and nothing about anybody."""

import asyncio

import msgspec
import pytest

from sendigopro.web.health import Readiness
from tests.web.conftest import Site


async def test_it_lives_and_is_ready(site: Site) -> None:
    alive = await site.ask("GET", "/healthz", key=None)
    ready = await site.ask("GET", "/readyz", key=None)

    assert (alive.status, ready.status) == (200, 200)
    checks = msgspec.json.decode(ready.body)["checks"]
    assert checks == dict.fromkeys(("database", "vault", "keys", "partitions", "disk"), "ok")


@pytest.mark.parametrize("gone", ["main", "vault"])
async def test_without_a_database_it_lives_and_is_not_ready(gone: str, site: Site) -> None:
    getattr(site.house.runtime, gone).terminate()

    alive = await site.ask("GET", "/healthz", key=None)
    ready = await site.ask("GET", "/readyz", key=None)

    assert (alive.status, ready.status) == (200, 503)
    assert msgspec.json.decode(ready.body)["checks"]["database" if gone == "main" else "vault"] != "ok"


async def test_partitions_that_run_out_are_told(site: Site) -> None:
    readiness = Readiness(site.house.runtime, site.house.vault)
    owner = await site.databases.main("owner")
    children = await owner.fetch(
        "SELECT c.oid::regclass::text AS name FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid "
        "WHERE inhparent = 'main.outcomes'::regclass ORDER BY c.relname"
    )
    for row in children[3:]:
        await owner.execute(f"DROP TABLE {row['name']}")

    assert "sendigopro migrate" in (await readiness.look())["partitions"]


async def test_the_numbers_count_answers_and_queues_and_name_nobody(site: Site) -> None:
    await site.ask("POST", "/v1/messages", {"to": "+447400123456", "body": "a secret"})
    await asyncio.sleep(0)
    await site.ask("GET", "/v1/nothing")
    async with asyncio.timeout(5):
        while 'door="/v1/messages",status="202"' not in (numbers := await read_numbers(site)):
            await asyncio.sleep(0.1)

    assert "sendigopro_queued_messages 1.0" in numbers
    assert "sendigopro_database_up 1.0" in numbers
    assert 'sendigopro_http_requests_within_total{door="/v1/messages",le="+Inf"}' in numbers
    assert not [word for word in ("447400", "secret", "msg_", "acc_", "sk_test") if word in numbers]


async def read_numbers(site: Site) -> str:
    return (await site.ask("GET", "/metrics", key=None)).body.decode()


async def test_static_files_are_served_once_and_then_known(site: Site) -> None:
    first = await site.ask("GET", "/static/look.css", key=None)
    again = await site.ask("GET", "/static/look.css", key=None, If_None_Match=first.headers["etag"])

    assert (first.status, first.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert (again.status, again.body) == (304, b"")
