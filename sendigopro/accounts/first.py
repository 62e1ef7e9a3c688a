"""The account `up` makes, so that whoever starts an installation can send a message within a minute."""

from uuid import UUID

from sendigopro.accounts import keys, people_store, store
from sendigopro.accounts.create import create_account
from sendigopro.accounts.member_log import note_member
from sendigopro.accounts.model import DEFAULT_PURPOSE, LIVE, SCOPES, TEST, FirstAccount
from sendigopro.accounts.people import put_person
from sendigopro.accounts.staff import OPERATOR, put_staff
from sendigopro.audit.model import Action
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.randomness import token
from sendigopro.vault.vault import Vault

NAME = "First account"
MEMBER_EMAIL = "owner@sendigopro.test"
MEMBER_NAME = "Owner"
OWNER = "owner"
PASSWORD_LENGTH = 20


async def create_first_account(conn: Conn, vault: Vault, *, currency: str = "EUR") -> FirstAccount:
    """Make it, or, when it is there, make new keys and a new password for it; `conn` acts as `owner`.

    Keys and passwords are kept as hashes, so whoever lost the clear ones (a crash before they were written down)
    gets new ones. Two at once end with one account.
    """
    async with conn.transaction():
        account_id = await create_account(conn, vault, name=NAME, currency=currency, is_first=True)
        if account_id is None:
            account_id = await store.find_first_account(conn)
        if account_id is None:
            raise RuntimeError("there is a first account and there is none")
        new = {
            mode: await keys.create_key(conn, account_id=account_id, mode=mode, scopes=SCOPES, purpose=DEFAULT_PURPOSE)
            for mode in (TEST, LIVE)
        }
        password = token(PASSWORD_LENGTH)
        await put_member(conn, vault, account_id=account_id, email=MEMBER_EMAIL, password=password)
        await store.announce_change(conn, what="accounts")
    return FirstAccount(
        account_id=account_id,
        test_key=new[TEST].token,
        live_key=new[LIVE].token,
        member_email=MEMBER_EMAIL,
        member_password=password,
    )


async def put_member(conn: Conn, vault: Vault, *, account_id: UUID, email: str, password: str) -> None:
    """Add the account's owner, who runs the installation too, or give them this password."""
    person_id = await put_person(conn, vault, mail=email, name=MEMBER_NAME, password=password)
    was = await people_store.role_of(conn, account_id=account_id, person_id=person_id)
    await people_store.upsert_member(conn, account_id=account_id, person_id=person_id, role=OWNER)
    if was is None:
        await note_member(
            conn, vault, Action.MEMBER_ADDED, account_id=account_id, person_id=person_id, facts={"role": OWNER},
            mail=email,
        )  # fmt: skip
    else:
        await note_member(
            conn, vault, Action.MEMBER_SECURED, account_id=account_id, person_id=person_id, facts={"what": "password"}
        )
    await put_staff(conn, vault, person_id=person_id, role=OPERATOR)
