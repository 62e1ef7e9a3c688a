"""Signing up: what somebody typed waits for the link in their mail; an account comes of it, or nothing stays.

The page answers alike, whether the address is known or not; the mail alone says so. The credential is chosen after the
link was opened: nobody can sign up with somebody else's address and a password of their own, and wait for them.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sendigopro.accounts import coming_store, mails, people, people_store
from sendigopro.accounts.coming_store import StoredSignUp
from sendigopro.accounts.create import check_name, create_account
from sendigopro.accounts.go_live import OPEN, begin_review_state
from sendigopro.accounts.member_log import by_member, note_member
from sendigopro.accounts.newcomers import Credential, Newcomer, link_over, put_newcomer
from sendigopro.accounts.sessions import TOKEN_LENGTH, hash_of
from sendigopro.accounts.throttle import Throttle
from sendigopro.audit.model import Action
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.foundation.problems import Invalid
from sendigopro.foundation.randomness import token as new_token
from sendigopro.mail.outbox import put_mail
from sendigopro.vault.model import PLATFORM
from sendigopro.vault.vault import Vault

LIFE: Final = timedelta(hours=23)
"""With the hour between two rounds of the retention job: a day."""
JOB_MAX: Final = 100
TABLE: Final = "sign_ups"
OWNER: Final = "owner"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed, and is well formed."""

    mail: str = field(repr=False)
    name: str = field(repr=False)
    company: str = field(repr=False)
    job: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignUp:
    """One that waits for its credential, in clear."""

    id: UUID
    wanted: Wanted
    of_age_at: datetime


def read_wanted(*, mail: str, name: str, company: str, job: str, is_of_age: bool) -> Wanted:
    """`Invalid`, with the field that is wrong."""
    address, person, company, job = people.read_mail(mail), people.read_name(name), company.strip(), job.strip()
    try:
        check_name(company)
    except Invalid as problem:
        raise Invalid(problem.code, problem.detail, param="company") from problem
    if len(job) > JOB_MAX or not job.isprintable():
        raise Invalid("invalid_job", f"A role has up to {JOB_MAX} printable characters.", param="job")
    if not is_of_age:
        raise Invalid("too_young", "Who uses SendiGoPro must be 16 or older.", param="of_age")
    return Wanted(address, person, company, job or None)


async def ask(pool: Pool, vault: Vault, wanted: Wanted, *, url: str, peer: str) -> None:
    """Send a link, or, to who is known, word of that. An address that was written to often today gets no more."""
    throttle = Throttle(pool, vault)
    network, address = await throttle.counts_of_mails(mail=wanted.mail, peer=peer)
    await throttle.refuse_hasty([network])
    is_flooded = await throttle.wait_of([address]) > 0
    await throttle.note_failure([network, address])
    mac, token = await people.mail_mac(vault, wanted.mail), new_token(TOKEN_LENGTH)
    row = await _sealed(vault, wanted, mac)
    async with pool.acquire() as conn, conn.transaction():
        if is_flooded:
            return
        if await people_store.is_known(conn, mail_mac=mac):
            await put_mail(conn, vault, mails.known_already(wanted.mail, url=url))
            return
        await coming_store.insert_sign_up(conn, row, token_hash=hash_of(token), ends_at=clock.now() + LIFE)
        await put_mail(conn, vault, mails.confirm(wanted.mail, url=url, token=token))


async def find(conn: Conn, vault: Vault, token: str) -> SignUp:
    """`Unauthenticated` when the link is over."""
    row = await coming_store.find_sign_up(conn, token_hash=hash_of(token), now=clock.now())
    if row is None:
        raise link_over()
    return await _opened(vault, row)


async def confirm(
    conn: Conn, vault: Vault, *, token: str, credential: Credential, currency: str, go_live: str = OPEN
) -> tuple[UUID, UUID]:
    """The person and the account they own; in the caller's transaction."""
    row = await coming_store.take_sign_up(conn, token_hash=hash_of(token), now=clock.now())
    if row is None:
        raise link_over()
    sign_up = await _opened(vault, row)
    wanted = sign_up.wanted
    newcomer = Newcomer(sign_up.id, wanted.mail, wanted.name, wanted.job, sign_up.of_age_at, clock.now())
    await put_newcomer(conn, vault, newcomer, credential=credential)
    account_id = await create_account(conn, vault, name=wanted.company, currency=currency)
    assert account_id is not None  # only the first account can be there already
    await begin_review_state(conn, account_id, go_live=go_live)
    await people_store.insert_member(conn, account_id=account_id, person_id=newcomer.id, role=OWNER)
    await note_member(
        conn, vault, Action.MEMBER_ADDED, account_id=account_id, person_id=newcomer.id, by=by_member(newcomer.id),
        facts={"role": OWNER, "way": "sign_up"}, mail=wanted.mail,
    )  # fmt: skip
    return newcomer.id, account_id


async def _sealed(vault: Vault, wanted: Wanted, mac: bytes) -> StoredSignUp:
    sign_up_id = ids.new()

    async def seal(column: str, text: str) -> bytes:
        return await vault.seal_account(PLATFORM, TABLE, column, sign_up_id, text.encode())

    return StoredSignUp(
        sign_up_id, mac, await seal("mail", wanted.mail), await seal("name", wanted.name),
        await seal("company", wanted.company), None if wanted.job is None else await seal("job", wanted.job),
        clock.now(),
    )  # fmt: skip


async def _opened(vault: Vault, row: StoredSignUp) -> SignUp:
    async def opened(column: str, sealed: bytes) -> str:
        return (await vault.open_account(PLATFORM, TABLE, column, row.id, sealed)).decode()

    wanted = Wanted(
        await opened("mail", row.mail), await opened("name", row.name), await opened("company", row.company),
        None if row.job is None else await opened("job", row.job),
    )  # fmt: skip
    return SignUp(row.id, wanted, row.of_age_at)
