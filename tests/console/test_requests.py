"""The request log: what was asked is found by its id, problems without exception, and nothing personal is in it."""

from uuid import UUID, uuid4

import msgspec
import pytest

from sendigopro.accounts import request_store
from sendigopro.accounts.keys import Callers
from sendigopro.accounts.request_log import EVERY, FREE, RequestLog, known_paths, shown_path
from sendigopro.accounts.request_store import Wanted
from sendigopro.foundation import ids
from sendigopro.foundation.asgi import Scope
from sendigopro.foundation.postgres import as_account
from sendigopro.web.app import all_operations
from tests.console.test_sign_in_pages import rows, text
from tests.console.test_team import Crew
from tests.console.test_team import crew as crew  # noqa: PLC0414  # the fixture, by its own name
from tests.web.conftest import Site
from tests.web.serving import Reply

REQUESTS = "/console/requests"
NUMBER = "+447400123456"
EVERYTHING = Wanted(UUID(int=(1 << 128) - 1), UUID(int=0))


async def written(site: Site, *answers: Reply) -> list[str]:
    """Have the log written; the answers' ids."""
    assert site.web.root.requests is not None
    await site.web.root.requests.write()
    return [one.headers["request-id"] for one in answers]


async def test_each_request_is_found_by_its_id_with_what_its_answer_means(crew: Crew) -> None:
    site, browser = crew.site, await crew.add("dev", "developer")
    sent = await site.ask("POST", "/v1/messages", {"to": "+15005550006", "body": "Hello"})
    message_id = msgspec.json.decode(sent.body)["id"]
    read = await site.ask("GET", f"/v1/messages/{message_id}?x=1")
    missing = await site.ask("GET", f"/v1/messages/{ids.typed('msg', ids.new())}")
    sent_id, read_id, missing_id = await written(site, sent, read, missing)

    page = text(await browser.get(REQUESTS))
    assert all(one in page for one in (sent_id, read_id, missing_id, f"/v1/messages/{message_id}"))
    assert "x=1" not in page
    one = text(await browser.get(f"{REQUESTS}/{missing_id}"))
    assert "There is nothing here for this account and mode." in one
    assert 'href="/console/errors#not_found"' in one
    found = text(await browser.get(f"{REQUESTS}?q={sent_id}"))
    assert sent_id in found
    assert read_id not in found


async def test_nothing_that_could_name_somebody_is_in_the_log(crew: Crew) -> None:
    site = crew.site
    for path in (f"/v1/messages/{NUMBER}", f"/v1/{NUMBER}", f"/v1/messages?to=%2B{NUMBER[1:]}", "/v1/senders/Ada"):
        await site.ask("GET", path, Request_Id=f"call-{NUMBER[1:]}")
    await site.ask("POST", "/v1/messages", {"to": NUMBER, "body": "Ada Lovelace"}, Idempotency_Key="Ada")
    await written(site)
    said = str(await rows(site, "SELECT r::text FROM main.requests r"))
    assert len(await rows(site, "SELECT id FROM main.requests")) == 5
    assert not [word for word in (NUMBER[1:], "Ada", "Lovelace") if word in said]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v1/messages", "/v1/messages"),
        ("/v1/messages/msg_01k9zzzzzzzzzzzzzzzzzzzzzz/cancel", "/v1/messages/msg_01k9zzzzzzzzzzzzzzzzzzzzzz/cancel"),
        ("/v1/messages/Ada/cancel", "/v1/messages/{message_id}/cancel"),
        ("/v1/messages/batch", "/v1/messages/batch"),
        ("/v1/anybody/Ada", "/v1/…"),
        ("/v1/messages//", "/v1/…"),
        ("/v1/messages/<script>", "/v1/messages/{message_id}"),
    ],
)
def test_a_path_is_shown_with_our_ids_alone(path: str, shown: str) -> None:
    assert shown_path(path, known_paths(one.path for one in all_operations())) == shown


async def test_an_id_of_the_callers_own_is_kept_when_it_is_a_uuid(crew: Crew) -> None:
    site, browser, own = crew.site, await crew.add("dev", "developer"), str(uuid4())
    old = ids.typed("req", UUID(int=7 << 76 | 1 << 63))  # of 1970: no partition has its day
    for given in (own, own, old):
        answered = await site.ask("GET", "/v1/balance", Request_Id=given)
        assert answered.headers["request-id"] == given
    await written(site)
    assert text(await browser.get(f"{REQUESTS}?q={own}")).count('<td><a href="/console/requests/req_') == 2
    assert (await browser.get(f"{REQUESTS}/{old}")).status == 200


async def test_filters_narrow_and_what_is_no_filter_is_said_beside_it(crew: Crew) -> None:
    site, browser = crew.site, await crew.add("dev", "developer")
    good = await site.ask("GET", "/v1/balance")
    bad = await site.ask("POST", "/v1/messages", {"to": "x"})
    live = await site.ask("GET", "/v1/balance", key=site.live_key)
    good_id, bad_id, live_id = await written(site, good, bad, live)
    for query, shown in (
        ("", {good_id, bad_id}), ("status=2xx", {good_id}), ("status=4xx", {bad_id}), ("status=5xx", set()),
        ("method=POST", {bad_id}), (f"key={ids.typed('key', ids.new())}", set()), (f"below={bad_id}", {good_id}),
    ):  # fmt: skip
        page = text(await browser.get(f"{REQUESTS}?{query}"))
        assert {one for one in (good_id, bad_id, live_id) if one in page.partition("<table>")[2]} == shown, query
    for query in ("status=6xx", "method=<b>", "key=<script>", "q=nonsense", "below=x"):
        wrong = await browser.get(f"{REQUESTS}?{query}")
        assert wrong.status == 400
        assert 'class="field-problem"' in text(wrong)
        assert "<script>alert" not in text(wrong)


async def test_another_accounts_requests_are_not_there_and_roles_are_held_to(crew: Crew) -> None:
    site, browser = crew.site, await crew.add("dev", "developer")
    viewer = await crew.add("otto", "viewer")
    theirs = await site.ask("GET", "/v1/balance", key=await site.strangers_key())
    nobodys = await site.ask("GET", "/v1/balance", key="sk_test_" + "0" * 32)
    their_id, no_id = await written(site, theirs, nobodys)
    for one in (their_id, no_id):
        assert (await browser.get(f"{REQUESTS}/{one}")).status == 404
        assert one not in text(await browser.get(f"{REQUESTS}?q={one}")).replace(f'value="{one}"', "")
    assert (await viewer.get(REQUESTS)).status == 403


async def test_every_problem_is_kept_and_of_many_successes_some(crew: Crew) -> None:
    """Gathered in memory, in one second: what is kept does not grow with what is asked."""
    site = crew.site
    log = RequestLog(site.house.runtime.main, paths=["/v1/balance"])
    scope = await scope_of(site)
    for _ in range(FREE + 10 * EVERY):
        log.note(scope, None, status=200, problem=None, seconds=0.001, size=1)
        scope["request_raw"] = ids.new_bytes()
    for _ in range(70):
        log.note(scope, None, status=429, problem="rate_limited", seconds=0.001, size=1)
        scope["request_raw"] = ids.new_bytes()
    await log.write()
    counted = await rows(site, "SELECT status, count(*)::int FROM main.requests GROUP BY 1 ORDER BY 1")
    assert counted == [(200, FREE + 10), (429, 70)]


async def scope_of(site: Site) -> Scope:
    """A request of a known key."""
    scope: Scope = {
        "headers": [(b"authorization", f"Bearer {site.test_key}".encode()), (b"content-length", b"12")],
        "method": "GET", "path": "/v1/balance", "request_raw": ids.new_bytes(), "client": ("127.0.0.1", 1),
    }  # fmt: skip
    await Callers(site.house.runtime.main).enter(scope)
    return scope


async def test_a_log_that_cannot_be_written_says_so_and_forgets(crew: Crew) -> None:
    site = crew.site
    log, scope = RequestLog(site.house.runtime.main, paths=[]), await scope_of(site)
    log.note({**scope, "method": "\0"}, None, status=200, problem=None, seconds=0, size=0)
    with pytest.raises(Exception, match="0x00"):
        await log.write()
    log.note(scope, None, status=200, problem=None, seconds=0, size=0)
    await log.write()
    assert len(await rows(site, "SELECT id FROM main.requests")) == 1


async def test_a_long_log_is_walked_through_to_its_end_a_bounded_look_at_a_time(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_store, "LOOKED_MAX", 20)
    site = crew.site
    log, scope = RequestLog(site.house.runtime.main, paths=["/v1/balance"]), await scope_of(site)
    for at in range(90):
        scope["request_raw"] = ids.new_bytes()
        log.note({**scope, "method": "POST" if at == 0 else "GET"}, None, status=200, problem=None, seconds=0, size=0)
    await log.write()
    looks, below = 0, EVERYTHING.below
    found: list[str] = []
    async with as_account(site.house.runtime.door, site.house.account_id) as conn:
        while True:
            looks += 1
            lines, reached = await request_store.list_requests(
                conn, account_id=site.house.account_id, mode=0, wanted=Wanted(below, UUID(int=0), None, "POST"), limit=5
            )
            found += [one.method for one in lines]
            if reached is None:
                break
            below = reached
    assert (found, looks) == (["POST"], 5)
