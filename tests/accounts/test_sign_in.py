"""Who signs in is who they say; who guesses is slowed; who is right is never shut out by others' guessing."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pyotp
import pytest

from sendigopro.accounts import people, people_store, second_factor, throttle
from sendigopro.accounts.create import create_account
from sendigopro.accounts.passwords import check_password
from sendigopro.accounts.people import put_person, read_mail
from sendigopro.accounts.sessions import IDLE, LIFE, PROOF_LIFE, Place, Sessions, need_proof
from sendigopro.accounts.sign_in import SecondFactorNeeded, SignedIn, SignIn
from sendigopro.accounts.throttle import FREE, FREE_OF_ADDRESS, network_of
from sendigopro.foundation import clock
from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.foundation.problems import Invalid, NotAllowed, Problem, TooMany, Unauthenticated
from sendigopro.vault.vault import Vault

MAIL, NAME = "rosa.lind@example.com", "Rosa Lind"
PASSWORD, NEW_PASSWORD = "quarzsand im Getriebe 88", "ein anderes langes Wort 7"
WRONG = "quarzsand im Getriebe 89"
HERE, THERE = "192.0.2.7", "198.51.100.20"
PLACE = Place("Firefox on Linux", "192.0.2.0/24")
MoveTo = Callable[[timedelta], None]


@dataclass(slots=True)
class Desk:
    """One person of one account, and the way in."""

    owner: Conn
    vault: Vault
    sessions: Sessions
    sign_in: SignIn
    account_id: UUID
    person_id: UUID

    async def try_password(
        self, password: str = PASSWORD, *, mail: str = MAIL, peer: str = HERE, device: str | None = None
    ) -> SignedIn | SecondFactorNeeded:
        return await self.sign_in.by_password(mail=mail, password=password, place=PLACE, peer=peer, device=device)

    async def come_in(self, **more: str) -> SignedIn:
        done = await self.try_password(**more)
        assert isinstance(done, SignedIn)
        return done

    async def refusal(self, password: str = WRONG, **more: str) -> Problem:
        with pytest.raises(Problem) as refused:
            await self.try_password(password, **more)
        return refused.value

    async def with_totp(self) -> bytes:
        secret = second_factor.new_secret()
        sealed = await people.seal_totp_secret(self.vault, self.person_id, secret)
        await people_store.set_totp(self.owner, person_id=self.person_id, secret=sealed, step=0)
        return secret

    async def try_code(self, code: str, *, ticket: str) -> SignedIn:
        return await self.sign_in.by_code(ticket=ticket, code=code, mail=MAIL, place=PLACE, peer=HERE, device=None)

    async def ticket(self) -> str:
        half_way = await self.try_password()
        assert isinstance(half_way, SecondFactorNeeded)
        return half_way.ticket


@pytest.fixture
async def desk(main_owner: Conn, main_pool: Pool, vault: Vault) -> Desk:
    async with main_owner.transaction():
        account_id = await create_account(main_owner, vault, name="Lind & Söhne", currency="EUR")
        assert account_id is not None
        person_id = await put_person(main_owner, vault, mail=MAIL, name=NAME, password=PASSWORD)
        await people_store.upsert_member(main_owner, account_id=account_id, person_id=person_id, role="owner")
    sessions = Sessions(main_pool, vault)
    return Desk(main_owner, vault, sessions, SignIn(main_pool, vault, sessions), account_id, person_id)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> MoveTo:
    began = clock.now()
    return lambda after: monkeypatch.setattr(clock, "now", lambda: began + after)


def code_at(secret: bytes, moment: datetime, steps: int = 0) -> str:
    return pyotp.TOTP(second_factor.spelt(secret).replace(" ", "")).at(moment, counter_offset=steps)


# Password


async def test_who_knows_the_password_is_signed_in_and_stored_sealed(desk: Desk) -> None:
    done = await desk.come_in()

    signed = await desk.sessions.read(done.session.token)
    assert (signed.person_id, signed.account_id, signed.role, signed.factors) == (
        desk.person_id, desk.account_id, "owner", 1,
    )  # fmt: skip
    rows = await desk.owner.fetch("SELECT p::text, s::text FROM main.people p, main.sessions s")
    stored = " ".join(text for row in rows for text in row)
    for clear in (MAIL, NAME, PASSWORD, done.session.token, PLACE.browser):
        assert clear not in stored
        assert clear.encode().hex() not in stored


async def test_an_unknown_address_a_wrong_password_and_a_disabled_person_are_refused_in_the_same_words(
    desk: Desk,
) -> None:
    wrong, unknown = await desk.refusal(), await desk.refusal(PASSWORD, mail="nobody@example.com")
    await desk.owner.execute("UPDATE main.people SET disabled_at = now()")
    disabled = await desk.refusal(PASSWORD)

    assert [(one.status, one.code, one.detail) for one in (unknown, disabled)] == [
        (wrong.status, wrong.code, wrong.detail)
    ] * 2
    assert isinstance(wrong, Unauthenticated)


async def test_upper_and_lower_case_of_an_address_are_one_person(desk: Desk) -> None:
    assert (await desk.come_in(mail="Rosa.Lind@EXAMPLE.com")).person_id == desk.person_id


async def test_who_belongs_to_no_account_any_more_is_told_so_after_the_password(desk: Desk) -> None:
    await desk.owner.execute("DELETE FROM main.members")

    assert isinstance(await desk.refusal(PASSWORD), NotAllowed)


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("short", "10 to 128 characters"),
        ("x" * 129, "10 to 128 characters"),
        ("password123", "easily guessed"),
        ("qwertzuiop1", "easily guessed"),
        ("rosalind1984", "easily guessed"),
        ("aaaaaaaaaaaaaaaa", "easily guessed"),
    ],
)
def test_a_password_that_is_soon_guessed_is_refused_with_what_to_do(password: str, told: str) -> None:
    with pytest.raises(Invalid, match=told) as refused:
        check_password(password, about=[MAIL, NAME])
    assert refused.value.param == "password"
    assert password not in refused.value.detail


@pytest.mark.parametrize(
    "text", ["", "rosa", "rosa@", "@example.com", "a b@example.com", "a@b", "a@@b.com", "a@b.com\n", "<a@b.com>",
             "a" * 65 + "@example.com", "a@" + "b" * 250 + ".com", "a@b.com,c@d.com", "a\u202e@b.com"],
)  # fmt: skip
def test_what_is_no_mail_address_is_refused(text: str) -> None:
    if text.endswith("\n"):
        assert read_mail(text) == "a@b.com"  # what surrounds an address is not part of it
        return
    with pytest.raises(Invalid):
        read_mail(text)


# Guessing


async def test_after_ten_wrong_attempts_each_one_waits_longer_even_with_the_right_password(
    desk: Desk, later: MoveTo
) -> None:
    for _ in range(FREE):
        assert isinstance(await desk.refusal(), Unauthenticated)
    first = await desk.refusal(PASSWORD)
    later(timedelta(seconds=30))
    assert isinstance(await desk.refusal(), Unauthenticated)
    second = await desk.refusal(PASSWORD)

    assert isinstance(first, TooMany)
    assert isinstance(second, TooMany)
    assert first.retry_after_seconds is not None
    assert second.retry_after_seconds is not None
    assert second.retry_after_seconds > first.retry_after_seconds
    later(timedelta(days=2))
    assert (await desk.come_in()).person_id == desk.person_id


async def test_guessing_elsewhere_never_shuts_out_a_browser_that_is_known(desk: Desk) -> None:
    device = (await desk.come_in()).device
    for _ in range(FREE + 1):
        await desk.refusal(peer=THERE)
    assert isinstance(await desk.refusal(PASSWORD, peer=THERE), TooMany)

    assert (await desk.come_in(peer=THERE, device=device)).person_id == desk.person_id


async def test_guessing_from_one_network_does_not_slow_another(desk: Desk) -> None:
    for _ in range(FREE):
        await desk.refusal(peer=THERE)

    assert (await desk.come_in(peer=HERE)).person_id == desk.person_id


async def test_guessing_from_everywhere_makes_the_right_one_wait_five_seconds_at_most(
    desk: Desk, later: MoveTo
) -> None:
    for number in range(FREE_OF_ADDRESS + 10):
        later(timedelta(seconds=10 * number))
        await desk.refusal(peer=f"10.{number}.0.1")

    slowed = await desk.refusal(PASSWORD)
    later(timedelta(seconds=10 * (FREE_OF_ADDRESS + 10)))
    assert isinstance(slowed, TooMany)
    assert slowed.retry_after_seconds == 5
    assert (await desk.come_in()).person_id == desk.person_id


async def test_a_network_that_tries_many_addresses_is_slowed_at_all_of_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "FREE_OF_NETWORK", 12)
    for number in range(12):
        await desk.refusal(mail=f"{number}@example.com", peer=THERE)

    assert isinstance(await desk.refusal(PASSWORD, peer=THERE), TooMany)
    assert (await desk.come_in(peer=HERE)).person_id == desk.person_id


async def test_a_known_browser_that_guesses_is_slowed_too_and_is_known_for_its_own_person_alone(desk: Desk) -> None:
    device = (await desk.come_in()).device
    for _ in range(FREE):
        await desk.refusal(device=device)

    assert isinstance(await desk.refusal(PASSWORD, device=device), TooMany)
    for _ in range(FREE):
        await desk.refusal(mail="other@example.com", peer=THERE, device=device)
    assert isinstance(await desk.refusal(mail="other@example.com", peer=THERE), TooMany)  # it counted as unknown


@pytest.mark.parametrize("device", ["", "x", "ä", "A" * 300, "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
async def test_a_forged_device_cookie_is_no_device(desk: Desk, device: str) -> None:
    for _ in range(FREE):
        await desk.refusal(device=device)

    assert isinstance(await desk.refusal(PASSWORD), TooMany)


def test_a_subscriber_is_one_network() -> None:
    assert network_of("192.0.2.200") == network_of("192.0.2.7")
    assert network_of("2001:db8:1:2ff::1") == network_of("2001:db8:1:200::9")
    assert network_of("2001:db8:1:300::1") != network_of("2001:db8:1:200::1")
    assert network_of("not an address") == "unknown"


async def test_ten_thousand_addresses_are_counted_once_each_by_processes_at_once(desk: Desk) -> None:
    await asyncio.gather(*(desk.refusal(mail="one@example.com") for _ in range(FREE)))

    assert isinstance(await desk.refusal(mail="one@example.com"), TooMany)
    assert await desk.owner.fetchval("SELECT max(count) FROM main.sign_in_failures") == FREE


# Second factor


async def test_with_an_authenticator_the_password_alone_opens_nothing(desk: Desk) -> None:
    secret = await desk.with_totp()
    ticket = await desk.ticket()
    assert await desk.owner.fetchval("SELECT count(*) FROM main.sessions") == 0

    done = await desk.try_code(code_at(secret, clock.now()), ticket=ticket)
    assert (await desk.sessions.read(done.session.token)).factors == 2


@pytest.mark.parametrize(("steps", "is_good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_clocks_may_differ_by_one_step(desk: Desk, later: MoveTo, steps: int, *, is_good: bool) -> None:
    secret = await desk.with_totp()
    later(timedelta())  # the clock stands still: no step begins between making a code and trying it
    code = code_at(secret, clock.now(), steps)
    ticket = await desk.ticket()

    if is_good:
        assert (await desk.try_code(code, ticket=ticket)).person_id == desk.person_id
    else:
        with pytest.raises(Invalid, match="wrong, or was used before"):
            await desk.try_code(code, ticket=ticket)


async def test_the_same_step_never_opens_twice_not_even_at_once(desk: Desk, later: MoveTo) -> None:
    secret = await desk.with_totp()
    later(timedelta())
    code, ticket = code_at(secret, clock.now()), await desk.ticket()

    both = await asyncio.gather(*(desk.try_code(code, ticket=ticket) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, SignedIn) for one in both) == 1
    with pytest.raises(Invalid):
        await desk.try_code(code_at(secret, clock.now(), -1), ticket=ticket)  # an older one, after a younger one


async def test_a_code_on_paper_opens_once(desk: Desk) -> None:
    await desk.with_totp()
    codes = second_factor.new_recovery_codes()
    hashes = [second_factor.recovery_hash(code) for code in codes]
    async with desk.owner.transaction():
        await people_store.replace_recovery_codes(desk.owner, person_id=desk.person_id, hashes=hashes)
    ticket = await desk.ticket()

    assert len(set(codes)) == 10
    done = await desk.try_code(codes[0].lower().replace("-", " "), ticket=ticket)
    assert done.person_id == desk.person_id
    with pytest.raises(Invalid):
        await desk.try_code(codes[0], ticket=ticket)
    assert await people_store.count_recovery_codes(desk.owner, person_id=desk.person_id) == 9


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16", "0" * 4000])
async def test_what_is_no_code_is_a_wrong_code(desk: Desk, code: str) -> None:
    await desk.with_totp()
    ticket = await desk.ticket()

    with pytest.raises(Invalid):
        await desk.try_code(code, ticket=ticket)


async def test_guessing_codes_is_slowed_like_guessing_passwords(desk: Desk) -> None:
    await desk.with_totp()
    ticket = await desk.ticket()
    for number in range(FREE):
        with pytest.raises(Invalid):
            await desk.try_code(f"{number:06}", ticket=ticket)

    with pytest.raises(TooMany):
        await desk.try_code("000099", ticket=ticket)
    with pytest.raises(TooMany):
        await desk.ticket()


async def test_half_way_ends_after_ten_minutes_and_when_the_password_is_changed(desk: Desk, later: MoveTo) -> None:
    secret = await desk.with_totp()
    ticket = await desk.ticket()
    other = await desk.ticket()
    later(timedelta(minutes=11))
    with pytest.raises(Unauthenticated, match="took too long"):
        await desk.try_code(code_at(secret, clock.now()), ticket=ticket)
    later(timedelta())
    await put_person(desk.owner, desk.vault, mail=MAIL, name=NAME, password=NEW_PASSWORD)

    for forged in (other, "", "AAAA", "ä", "A" * 400):
        with pytest.raises(Unauthenticated, match="Begin again"):
            await desk.try_code(code_at(secret, clock.now()), ticket=forged)


# Sessions


async def test_a_session_ends_by_its_age_and_by_idleness(desk: Desk, later: MoveTo) -> None:
    token = (await desk.come_in()).session.token
    for days in range(6, int(LIFE.days), 6):
        later(timedelta(days=days))
        assert (await desk.sessions.read(token)).person_id == desk.person_id
    later(LIFE + timedelta(seconds=1))
    with pytest.raises(Unauthenticated):
        await desk.sessions.read(token)

    later(timedelta())
    idle = (await desk.come_in()).session.token
    later(IDLE + timedelta(minutes=2))
    with pytest.raises(Unauthenticated):
        await desk.sessions.read(idle)


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "ä" * 43, "a" * 5000])
async def test_a_token_nobody_was_given_is_nobody(desk: Desk, token: str) -> None:
    with pytest.raises(Unauthenticated, match="not signed in"):
        await desk.sessions.read(token)


async def test_who_is_removed_from_the_account_is_out_with_the_next_request(desk: Desk) -> None:
    token = (await desk.come_in()).session.token
    await desk.owner.execute("DELETE FROM main.members")

    with pytest.raises(Unauthenticated):
        await desk.sessions.read(token)


async def test_sessions_are_listed_and_ended_one_by_one_or_all_but_this(desk: Desk, main_pool: Pool) -> None:
    tokens = [(await desk.come_in()).session.token for _ in range(4)]
    signed = await desk.sessions.read(tokens[0])
    listed = await desk.sessions.list(signed)
    other = await desk.sessions.read(tokens[1])

    assert len(listed) == 4
    assert [one.id for one in listed if one.is_this] == [signed.session_id]
    assert {one.place for one in listed} == {PLACE}
    async with main_pool.acquire() as conn:
        assert await desk.sessions.end(conn, person_id=desk.person_id, ids=[other.session_id]) == 1
        assert await desk.sessions.end(conn, person_id=desk.person_id, ids=None, but=signed.session_id) == 2
    assert (await desk.sessions.read(tokens[0])).session_id == signed.session_id
    for token in tokens[1:]:
        with pytest.raises(Unauthenticated):
            await desk.sessions.read(token)


async def test_what_is_dangerous_needs_a_fresh_proof_and_the_proof_changes_the_token(
    desk: Desk, main_pool: Pool, later: MoveTo
) -> None:
    token = (await desk.come_in()).session.token
    need_proof(await desk.sessions.read(token))
    later(PROOF_LIFE + timedelta(minutes=1))
    signed = await desk.sessions.read(token)
    with pytest.raises(NotAllowed, match="once more"):
        need_proof(signed)

    async with main_pool.acquire() as conn:
        fresh = await desk.sessions.prove(conn, signed, factors=1)
    need_proof(await desk.sessions.read(fresh))
    with pytest.raises(Unauthenticated):
        await desk.sessions.read(token)


async def test_what_is_over_is_deleted(desk: Desk, main_pool: Pool, later: MoveTo) -> None:
    await desk.come_in()
    await desk.refusal()
    later(LIFE)
    now = clock.now()
    async with main_pool.acquire() as conn:
        ended = await people_store.delete_ended(
            conn, now=now, idle_since=now - IDLE, failures_before=now - timedelta(days=1)
        )

    assert ended == 4  # one session; counts of address and network, of the address, of the network
