"""Who opted out is not written to, and no lighter word undoes a graver one."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from sendigopro.consent import store
from sendigopro.foundation.embedded import EmbeddedServer
from sendigopro.foundation.postgres import Pool
from tests.databases import copied

A, B, C = b"a" * 16, b"b" * 16, b"c" * 16


@pytest.fixture(scope="module")
def main_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # it migrates
    """One for all: each test makes an account of its own."""
    yield from copied(server, "main")


async def test_standing_is_asked_by_account(main_pool: Pool) -> None:
    account, other = uuid4(), uuid4()
    async with main_pool.acquire() as conn:
        await store.set_standing(conn, account_id=account, macs=[A, B], state="opted_out")
        await store.set_standing(conn, account_id=account, macs=[B], state="erased")
        await store.set_standing(conn, account_id=other, macs=[C], state="restricted")

        assert await store.standing_of(conn, account_id=account, macs=[A, B, C]) == {A: "opted_out", B: "erased"}
        assert await store.standing_of(conn, account_id=other, macs=[A, B, C]) == {C: "restricted"}


async def test_a_graver_state_is_never_replaced_by_a_lighter_one(main_pool: Pool) -> None:
    account = uuid4()
    async with main_pool.acquire() as conn:
        for state in ("erased", "restricted", "opted_out"):
            await store.set_standing(conn, account_id=account, macs=[A], state=state)

        assert await store.standing_of(conn, account_id=account, macs=[A]) == {A: "erased"}


async def test_start_undoes_an_opt_out_but_no_restriction_and_no_erasure(main_pool: Pool) -> None:
    account = uuid4()
    async with main_pool.acquire() as conn:
        await store.set_standing(conn, account_id=account, macs=[A], state="opted_out")
        await store.set_standing(conn, account_id=account, macs=[B], state="restricted")
        await store.set_standing(conn, account_id=account, macs=[C], state="erased")
        await store.lift_standing(conn, account_id=account, macs=[A, B, C], state="opted_out")

        assert await store.standing_of(conn, account_id=account, macs=[A, B, C]) == {B: "restricted", C: "erased"}


async def test_an_opt_out_from_one_scope_leaves_the_others_alone(main_pool: Pool) -> None:
    account = uuid4()
    async with main_pool.acquire() as conn:
        await store.set_standing(conn, account_id=account, macs=[A], state="opted_out", scope=3)
        await store.set_standing(conn, account_id=account, macs=[B], state="restricted")

        assert await store.standing_of(conn, account_id=account, macs=[A, B], scope=3) == {
            A: "opted_out",
            B: "restricted",
        }
        assert await store.standing_of(conn, account_id=account, macs=[A, B], scope=4) == {B: "restricted"}
        assert await store.standing_of(conn, account_id=account, macs=[A, B]) == {B: "restricted"}
