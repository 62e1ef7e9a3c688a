"""A package is taken away: opened, noted on the audit log, handed out piece by piece."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID

from sendigopro.audit.model import Action, By
from sendigopro.foundation import strict_query
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Conflict
from sendigopro.privacy import requests_store
from sendigopro.privacy.desk import Desk, note
from sendigopro.privacy.package.build import open_package
from sendigopro.privacy.package.model import SubjectGoneError


async def fetch(desk: Desk, *, account_id: UUID, mode: int, request_id: UUID, by: By) -> AsyncIterator[bytes]:
    """What is held of the person, as a ZIP; `Conflict` when there is none, or no longer."""
    async with as_account(desk.door, account_id) as conn:
        found = await requests_store.read_request(conn, account_id=account_id, mode=mode, request_id=request_id)
    if found is None:
        raise strict_query.not_found("prq")
    async with AsyncExitStack() as opening:
        try:
            chunks = await opening.enter_async_context(
                open_package(desk.vault, desk.exports, account_id=account_id, request_id=request_id)
            )
        except SubjectGoneError:
            told = f"This request of the type {found.type} is {found.status}; there is no package, or no longer."
            raise Conflict("no_package", told) from None
        async with as_account(desk.door, account_id) as conn:
            await note(conn, found, Action.PACKAGE_FETCHED, by=by)
        opened = opening.pop_all()

    async def streamed() -> AsyncIterator[bytes]:
        async with opened:
            async for chunk in chunks:
                yield chunk

    return streamed()
