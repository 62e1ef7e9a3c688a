"""A key opens its account and nothing else, until it is revoked; a wrong one learns nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest

from sendigopro.accounts import keys, store, tokens
from sendigopro.accounts.create import create_account
from sendigopro.accounts.keys import Callers
from sendigopro.accounts.model import LIVE, SCOPES, TEST, NewKey
from sendigopro.foundation import ids
from sendigopro.foundation.embedded import EmbeddedServer
from sendigopro.foundation.limits import Policy
from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.foundation.problems import Invalid, NotFound, Problem, Unauthenticated, Unavailable
from sendigopro.vault.vault import Vault
from tests.databases import copied

PATIENCE_SECONDS = 10


@pytest.fixture(scope="module")
def main_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # it migrates
    """One for all: each test makes an account of its own."""
    yield from copied(server, "main")


@pytest.fixture
async def account_id(main_owner: Conn, vault: Vault) -> UUID:
    made = await create_account(main_owner, vault, name="Acme")
    assert made is not None
    return made


@pytest.fixture
async def key(main_owner: Conn, account_id: UUID) -> NewKey:
    return await keys.create_key(main_owner, account_id=account_id, mode=LIVE, scopes=SCOPES, purpose="otp")


@pytest.fixture
async def callers(main_pool: Pool) -> AsyncIterator[Callers]:
    """As in a web process: it follows what changes."""
    callers = Callers(main_pool)
    following = asyncio.create_task(callers.run())
    yield callers
    following.cancel()
    await asyncio.wait([following])


async def until_trusted(callers: Callers, key: NewKey) -> None:
    """Come back when the key is answered from memory."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while callers.caller_of(key.token) is None:
            await callers.authenticate(f"Bearer {key.token}")
            await asyncio.sleep(0)


async def until_unknown(callers: Callers, key: NewKey) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while callers.caller_of(key.token) is not None:  # in memory, with nothing to wait for
            await asyncio.sleep(0.005)


def test_a_key_is_prefix_letters_and_a_check_that_catches_slips() -> None:
    for mode, prefix in ((TEST, "sk_test_"), (LIVE, "sk_live_")):
        token = tokens.new_token(mode)

        assert token.startswith(prefix)
        assert len(token) == len(prefix) + 32
        assert tokens.looks_right(token)
        for place in range(len(token)):
            wrong = token[:place] + ("x" if token[place] != "x" else "y") + token[place + 1 :]
            assert not tokens.looks_right(wrong)
            assert not tokens.looks_right(token[:place])


async def test_a_key_says_who_asks_and_what_they_may(callers: Callers, key: NewKey, account_id: UUID) -> None:
    caller = await callers.authenticate(f"Bearer {key.token}".encode())

    assert (caller.account_id, caller.mode, caller.key_id, caller.purpose) == (account_id, LIVE, key.id, "otp")
    assert caller.scopes == frozenset(SCOPES)
    assert caller.account.currency == "EUR"
    assert [who for who, _ in caller.counted] == [account_id]


async def test_a_known_key_is_answered_without_the_database(callers: Callers, key: NewKey, main_owner: Conn) -> None:
    await until_trusted(callers, key)
    async with main_owner.transaction():
        await main_owner.execute("LOCK TABLE main.api_keys IN ACCESS EXCLUSIVE MODE")

        assert (await callers.authenticate(f"Bearer {key.token}")).key_id == key.id


async def test_every_wrong_key_gets_the_same_answer(callers: Callers, key: NewKey, main_owner: Conn) -> None:
    revoked = await keys.create_key(
        main_owner, account_id=(await callers.authenticate(f"Bearer {key.token}")).account_id, mode=TEST,
        scopes=["messages.read"], purpose="service",
    )  # fmt: skip
    await keys.revoke_key(
        main_owner, account_id=(await callers.authenticate(f"Bearer {key.token}")).account_id, key_id=revoked.id
    )
    wrong = [
        key.token[:-1],
        key.token + "x",
        key.token.upper(),
        key.token.lower(),
        key.token.swapcase(),
        key.token.replace("live", "test"),
        tokens.new_token(LIVE),
        revoked.token,
        "nonsense",
        "sk_live_" + "0" * 32,
        "\x00",
        "x" * 100_000,
    ]

    problems = []
    for token in wrong:
        with pytest.raises(Unauthenticated) as refusal:
            await callers.authenticate(f"Bearer {token}".encode("latin-1"))
        problems.append((refusal.value.code, refusal.value.detail))

    assert len(set(problems)) == 1
    assert problems[0][0] == "invalid_key"


@pytest.mark.parametrize("header", [None, b"", b"Basic abc", b"sk_live_abc", b"Bearer "])
def test_a_request_without_a_bearer_key_is_told_to_send_one(header: bytes | None) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        keys.read_bearer(header)

    assert refusal.value.code == "missing_key"


async def test_a_revoked_key_is_forgotten_by_every_process_at_once(
    callers: Callers, key: NewKey, account_id: UUID, main_owner: Conn, main_pool: Pool
) -> None:
    other = Callers(main_pool)
    following = asyncio.create_task(other.run())
    for one in (callers, other):
        await until_trusted(one, key)

    async with main_owner.transaction():
        await keys.revoke_key(main_owner, account_id=account_id, key_id=key.id)
    for one in (callers, other):
        await until_unknown(one, key)
        with pytest.raises(Unauthenticated):
            await one.authenticate(f"Bearer {key.token}")
    following.cancel()


async def test_a_process_that_hears_no_notification_finds_out_by_itself(
    callers: Callers, key: NewKey, account_id: UUID, main_owner: Conn
) -> None:
    await until_trusted(callers, key)

    await store.revoke_key(main_owner, account_id=account_id, key_id=key.id)
    await main_owner.execute("UPDATE main.config_epoch SET epoch = epoch + 1")  # as announce_change, but unheard

    async with asyncio.timeout(2):
        await until_unknown(callers, key)


async def test_memory_is_not_believed_once_nobody_has_looked_for_changes_lately(main_pool: Pool, key: NewKey) -> None:
    callers = Callers(main_pool)  # nobody runs it

    assert (await callers.authenticate(f"Bearer {key.token}")).key_id == key.id
    assert callers.caller_of(key.token) is None


async def test_a_database_that_is_away_is_no_reason_to_call_a_key_wrong(
    callers: Callers, key: NewKey, main_pool: Pool
) -> None:
    main_pool.terminate()

    with pytest.raises(Unavailable) as refusal:
        await callers.authenticate(f"Bearer {key.token}")

    assert refusal.value.retry_after_seconds is not None


async def test_when_a_key_was_last_used_is_written_later(
    callers: Callers, key: NewKey, account_id: UUID, main_pool: Pool
) -> None:
    await callers.authenticate(f"Bearer {key.token}")
    async with main_pool.acquire() as conn:
        (before,) = await store.list_keys(conn, account_id=account_id)
        await callers.write_used(conn)
        (first,) = await store.list_keys(conn, account_id=account_id)
        await callers.write_used(conn)
        (again,) = await store.list_keys(conn, account_id=account_id)

    assert before.last_used_at is None
    assert first.last_used_at is not None
    assert again.last_used_at == first.last_used_at


async def test_only_the_hash_of_a_key_is_stored(main_owner: Conn, key: NewKey) -> None:
    row = await main_owner.fetchval("SELECT k::text FROM main.api_keys k WHERE id = $1", key.id)

    assert key.token not in row
    assert key.token[8:-4] not in row
    assert tokens.hash_of(key.token).hex() in row


async def test_a_key_may_have_a_rate_of_its_own_and_an_account_too(
    callers: Callers, account_id: UUID, main_owner: Conn
) -> None:
    await main_owner.execute("UPDATE main.accounts SET rate_per_second = 100 WHERE id = $1", account_id)
    slow = await keys.create_key(
        main_owner, account_id=account_id, mode=LIVE, scopes=SCOPES, purpose="otp", rate_per_second=5
    )

    caller = await callers.authenticate(f"Bearer {slow.token}")

    assert list(caller.counted) == [(slow.id, Policy(5, 10)), (account_id, Policy(100, 200))]


async def test_keys_with_unknown_scopes_or_purposes_are_not_made(main_owner: Conn, account_id: UUID) -> None:
    for scopes, purpose in ((["messages.read", "all"], "otp"), ([], "otp"), (SCOPES, "spam")):
        with pytest.raises(Invalid):
            await keys.create_key(main_owner, account_id=account_id, mode=LIVE, scopes=scopes, purpose=purpose)


async def test_revoking_what_is_not_there_or_of_another_account_is_told(
    main_owner: Conn, account_id: UUID, key: NewKey
) -> None:
    for whose, which in ((account_id, ids.new()), (ids.new(), key.id)):
        with pytest.raises(NotFound):
            await keys.revoke_key(main_owner, account_id=whose, key_id=which)


@pytest.mark.parametrize(
    ("name", "currency"), [("", "EUR"), ("  ", "EUR"), ("a\nb", "EUR"), ("x" * 201, "EUR"), ("A", "euro")]
)
async def test_accounts_with_impossible_names_or_currencies_are_not_made(
    main_owner: Conn, vault: Vault, name: str, currency: str
) -> None:
    with pytest.raises(Problem):
        await create_account(main_owner, vault, name=name, currency=currency)
