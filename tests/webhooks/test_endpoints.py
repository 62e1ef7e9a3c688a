"""Endpoints as their accounts see them."""

from uuid import UUID

import pytest

from sendigopro.foundation import ids
from sendigopro.foundation.problems import Conflict, Invalid, NotFound
from sendigopro.webhooks.endpoints import ENDPOINTS_MAX, EVENT_TYPES
from sendigopro.webhooks.sign import key_of
from tests.databases import Databases
from tests.webhooks.desk import Desk, desk_of, verified
from tests.webhooks.receivers import receiver

TEST, LIVE = 0, 1
URL = "http://127.0.0.1:9/hook"


async def make(desk: Desk, url: str = URL, mode: int = TEST) -> UUID:
    endpoint, _ = await desk.endpoints.create(desk.account_id, mode, url=url, event_types=(), description="")
    return endpoint.id


async def test_an_endpoint_is_kept_and_only_its_account_and_mode_see_it(desk: Desk) -> None:
    made, secret = await desk.endpoints.create(
        desk.account_id, TEST, url=URL, event_types=["message.sent", "message.delivered"], description="orders"
    )

    found = await desk.endpoints.get(desk.account_id, TEST, made.id)

    assert found == made
    assert (found.url, found.description, found.is_enabled) == (URL, "orders", True)
    assert found.event_types == ("message.delivered", "message.sent")
    assert await desk.endpoints.secret(desk.account_id, TEST, made.id) == secret
    for account_id, mode in ((desk.account_id, LIVE), (ids.new(), TEST)):
        with pytest.raises(NotFound):
            await desk.endpoints.get(account_id, mode, made.id)
        with pytest.raises(NotFound):
            await desk.endpoints.secret(account_id, mode, made.id)
        with pytest.raises(NotFound):
            await desk.endpoints.change(account_id, mode, made.id, is_enabled=False)
        with pytest.raises(NotFound):
            await desk.endpoints.rotate(account_id, mode, made.id)
        with pytest.raises(NotFound):
            await desk.endpoints.delete(account_id, mode, made.id)


async def test_urls_descriptions_and_secrets_are_sealed(desk: Desk) -> None:
    await desk.endpoints.create(desk.account_id, TEST, url=URL, event_types=(), description="canary-description")

    stored = str([dict(row) for row in await desk.fetch("SELECT * FROM main.webhook_endpoints")])
    secrets = str([dict(row) for row in await desk.fetch("SELECT * FROM main.webhook_secrets")])

    assert "127.0.0.1" not in stored
    assert "canary" not in stored
    assert "whsec" not in secrets


async def test_the_role_door_sees_one_accounts_rows(desk: Desk, databases: Databases) -> None:
    await make(desk)
    door = await databases.main("door")

    for table in ("webhook_endpoints", "webhook_secrets", "webhook_replays", "webhook_deliveries"):
        assert await door.fetch(f"SELECT 1 FROM main.{table}") == []  # noqa: S608  # a name of ours


async def test_what_is_given_changes_and_the_rest_stays(desk: Desk) -> None:
    made, _ = await desk.endpoints.create(desk.account_id, TEST, url=URL, event_types=["message.sent"], description="a")

    await desk.endpoints.change(desk.account_id, TEST, made.id, description="b")
    disabled = await desk.endpoints.change(desk.account_id, TEST, made.id, is_enabled=False)

    assert (disabled.description, disabled.url, disabled.event_types) == ("b", URL, ("message.sent",))
    assert (disabled.is_enabled, disabled.disabled_reason) == (False, "by_account")
    enabled = await desk.endpoints.change(
        desk.account_id, TEST, made.id, is_enabled=True, url=URL + "2", event_types=[]
    )
    assert (enabled.is_enabled, enabled.disabled_reason, enabled.url, enabled.event_types) == (
        True,
        None,
        URL + "2",
        (),
    )


async def test_a_changed_url_and_filter_are_used_for_the_next_event(desk: Desk) -> None:
    async with receiver() as old, receiver() as new:
        made, _ = await desk.tell(old)
        await desk.house.start_worker()
        await desk.happen("message.delivered")
        await old.received(1)

        await desk.endpoints.change(desk.account_id, TEST, made.id, url=new.url("/new"), event_types=["message.sent"])
        await until_read(desk, made.id)
        await desk.happen("message.delivered", "message.sent")
        (request,) = await new.received(1)

        assert request.path == "/new"
        await desk.outbox_is_empty()
        assert (len(old.requests), len(new.requests)) == (1, 1)


async def until_read(desk: Desk, endpoint_id: UUID) -> None:
    """Wait until the worker has seen the change."""
    await desk.deliveries.book.refresh()
    entry = await desk.deliveries.book.load(desk.account_id, TEST)
    assert endpoint_id in entry.lanes


async def test_after_rotation_both_secrets_verify_for_a_day_and_then_only_the_new_one(desk: Desk) -> None:
    async with receiver() as peer:
        made, old = await desk.tell(peer)
        new = await desk.endpoints.rotate(desk.account_id, TEST, made.id)
        await desk.house.start_worker()
        await desk.happen("message.delivered")
        (request,) = await peer.received(1)

        assert verified(request, old) == verified(request, new)
        assert len(request.headers["webhook-signature"].split(" ")) == 2
        ends = await desk.fetch("SELECT extract(epoch FROM expires_at - now())/3600 AS hours FROM main.webhook_secrets")
        assert [round(row["hours"], 1) for row in ends if row["hours"] is not None] == [24.0]
        assert await desk.endpoints.secret(desk.account_id, TEST, made.id) == new

        await desk.fetch("UPDATE main.webhook_secrets SET expires_at = now() WHERE expires_at IS NOT NULL")
        await until_read(desk, made.id)
        await desk.happen("message.delivered")
        _, later = await peer.received(2)

        assert verified(later, new)
        assert len(later.headers["webhook-signature"].split(" ")) == 1


async def test_too_many_rotations_in_a_day_are_refused(desk: Desk) -> None:
    made = await make(desk)
    for _ in range(4):
        await desk.endpoints.rotate(desk.account_id, TEST, made)

    with pytest.raises(Conflict):
        await desk.endpoints.rotate(desk.account_id, TEST, made)


async def test_the_callback_secret_is_made_once_and_can_be_rotated(desk: Desk) -> None:
    first = await desk.endpoints.callback_secret(desk.account_id, TEST)

    assert await desk.endpoints.callback_secret(desk.account_id, TEST) == first
    assert await desk.endpoints.callback_secret(desk.account_id, LIVE) != first
    rotated = await desk.endpoints.rotate_callback(desk.account_id, TEST)
    assert rotated != first
    assert await desk.endpoints.callback_secret(desk.account_id, TEST) == rotated
    assert len(key_of(rotated)) == 32
    assert await desk.endpoints.page(desk.account_id, TEST, after=None, before=None, limit=10) == []


async def test_lists_are_newest_first_and_walk_both_ways(desk: Desk) -> None:
    made = [await make(desk, f"{URL}{number}") for number in range(5)][::-1]

    async def page(after: UUID | None = None, before: UUID | None = None) -> list[UUID]:
        found = await desk.endpoints.page(desk.account_id, TEST, after=after, before=before, limit=2)
        return [endpoint.id for endpoint in found]

    assert await page() == made[:2]
    assert await page(after=made[1]) == made[2:4]
    assert await page(before=made[3]) == made[1:3]


async def test_a_test_event_goes_to_one_endpoint_whatever_its_filter(desk: Desk) -> None:
    async with receiver() as asked, receiver() as other:
        made, secret = await desk.tell(asked, "message.sent")
        await desk.tell(other)
        await desk.house.start_worker()

        event_id = await desk.endpoints.test(desk.account_id, TEST, made.id)
        (request,) = await asked.received(1)

        told = verified(request, secret)
        assert (told["id"], told["type"]) == (ids.typed("evt", event_id), "webhook.test")
        assert told["data"]["id"] == ids.typed("we", made.id)
        await desk.outbox_is_empty()
        assert not other.requests


async def test_a_disabled_endpoint_is_neither_tested_nor_replayed(desk: Desk) -> None:
    made = await make(desk)
    (event,) = await desk.happen("message.sent")
    await desk.endpoints.change(desk.account_id, TEST, made, is_enabled=False)

    with pytest.raises(Conflict):
        await desk.endpoints.test(desk.account_id, TEST, made)
    with pytest.raises(Conflict):
        await desk.endpoints.replay_event(desk.account_id, TEST, made, event_id=UUID(bytes=event.id))


async def test_an_event_of_nobody_cannot_be_replayed(desk: Desk) -> None:
    made = await make(desk)

    for unknown in (ids.new(), UUID(int=0), UUID(int=(1 << 128) - 1)):
        with pytest.raises(NotFound):
            await desk.endpoints.replay_event(desk.account_id, TEST, made, event_id=unknown)


async def test_there_is_a_limit_to_endpoints(desk: Desk) -> None:
    for _ in range(ENDPOINTS_MAX):
        await make(desk)

    with pytest.raises(Conflict):
        await make(desk)
    await make(desk, mode=LIVE)


async def test_unknown_events_are_refused_by_name(desk: Desk) -> None:
    with pytest.raises(Invalid) as refusal:
        await desk.endpoints.create(desk.account_id, TEST, url=URL, event_types=["message.opened"], description="")

    assert refusal.value.code == "unknown_event_type"
    assert "message.opened" in refusal.value.detail
    assert "webhook.disabled" in EVENT_TYPES


async def test_without_the_flag_urls_inside_are_refused_at_creation_and_at_change(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def outside(_: str, __: int) -> list[str]:
        return ["93.184.216.34"]

    async with desk_of(databases, tmp_path_factory.mktemp("strict"), allow_private=False) as desk:
        desk.endpoints._lookup = outside  # noqa: SLF001  # a resolver is I/O
        made = await make(desk, "https://example.com/")
        for url in (
            "https://127.0.0.1/",
            "https://localhost/",
            "http://example.com/",
            "https://169.254.169.254/latest/",
        ):
            with pytest.raises(Invalid):
                await make(desk, url)
            with pytest.raises(Invalid):
                await desk.endpoints.change(desk.account_id, TEST, made, url=url)


async def test_a_name_that_leads_inside_is_refused_at_creation(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def inside(_: str, __: int) -> list[str]:
        return ["10.0.0.1"]

    async with desk_of(databases, tmp_path_factory.mktemp("strict"), allow_private=False) as desk:
        desk.endpoints._lookup = inside  # noqa: SLF001  # a resolver is I/O
        with pytest.raises(Invalid) as refusal:
            await make(desk, "https://example.com/")

    assert refusal.value.code == "forbidden_url"
