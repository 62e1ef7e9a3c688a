"""What an account does with its endpoints: make, change, rotate, test, replay."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sendigopro.accounts.model import mode_name
from sendigopro.audit import sealed as audit_sealed
from sendigopro.audit.model import Action, By, Facts
from sendigopro.audit.record import record
from sendigopro.events import store as events
from sendigopro.events.model import Batch, Event
from sendigopro.events.privacy import SUBJECT_ERASED
from sendigopro.foundation import clock, ids
from sendigopro.foundation.addresses import ForbiddenAddress, Lookup, addresses_of, forbidden, read_url
from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.foundation.problems import Conflict, Invalid, NotFound
from sendigopro.messages.model import EVENT_OF
from sendigopro.vault.vault import Vault
from sendigopro.webhooks import delivery_store, store
from sendigopro.webhooks.listing import BEGINNING, EVENT_TO_BATCH, earlier, kept_since, later
from sendigopro.webhooks.model import DISABLED_EVENT, TEST_EVENT, Disabled, Endpoint, EndpointRow, Replay, RetryRow
from sendigopro.webhooks.sealed import ensure_callback, open_endpoint, open_secret, seal_secret, seal_text
from sendigopro.webhooks.sign import new_secret

ENDPOINTS_MAX = 50
SECRETS_MAX = 5
OVERLAP_SECONDS = 24 * 3600
LOOKUP_SECONDS = 2.0
EVENT_TYPES = tuple(sorted({*EVENT_OF.values(), DISABLED_EVENT, SUBJECT_ERASED}))


class Endpoints:
    """The endpoints of all accounts, in the hand of whoever asks, one account at a time; `door` sees no other's."""

    def __init__(self, *, main: Pool, door: Pool, vault: Vault, lookup: Lookup, allow_private: bool, by: By) -> None:
        self._main = main
        self._door = door
        self._vault = vault
        self._lookup = lookup
        self._allow_private = allow_private
        self._by = by

    async def create(
        self,
        account_id: UUID,
        mode: int,
        *,
        url: str,
        event_types: Sequence[str],
        description: str,
        endpoint_id: UUID | None = None,
    ) -> tuple[Endpoint, str]:
        """A new endpoint and its secret, or `Invalid` with what is wrong about the URL."""
        await self._check(url)
        endpoint_id, secret_id, secret = endpoint_id or ids.new(), ids.new(), new_secret()
        row = EndpointRow(
            account_id, endpoint_id, mode, False,  # noqa: FBT003  # is_callback
            await seal_text(self._vault, account_id, "url", endpoint_id, url),
            types_of(event_types),
            await seal_text(self._vault, account_id, "description", endpoint_id, description),
            True, None, None, clock.now(),  # noqa: FBT003  # is_enabled
        )  # fmt: skip
        sealed = await seal_secret(self._vault, account_id, secret_id, secret)
        beside = await audit_sealed.seal(self._vault, account_id=account_id, values={"url": url})
        async with self._door.acquire() as conn, conn.transaction():
            await store.enter_account(conn, account_id=account_id)
            if await store.count_endpoints(conn, account_id=account_id, mode=mode) >= ENDPOINTS_MAX:
                raise Conflict(
                    "too_many_endpoints", f"An account has at most {ENDPOINTS_MAX} endpoints. Delete one first."
                )
            made = await store.insert_endpoint(conn, row=row)
            await store.insert_secret(
                conn, account_id=account_id, endpoint_id=endpoint_id, secret_id=secret_id, secret=sealed
            )
            await store.tell_processes(conn)
            await self._note(
                conn, account_id, endpoint_id, Action.ENDPOINT_CREATED, beside=beside,
                facts={"mode": mode_name(mode), "event_types": [*row.event_types]},
            )  # fmt: skip
        return await open_endpoint(self._vault, made), secret

    async def get(self, account_id: UUID, mode: int, endpoint_id: UUID) -> Endpoint:
        return await open_endpoint(self._vault, await self._row(account_id, mode, endpoint_id))

    async def page(
        self, account_id: UUID, mode: int, *, after: UUID | None, before: UUID | None, limit: int
    ) -> list[Endpoint]:
        """Newest first."""
        async with self._door.acquire() as conn, conn.transaction():
            await store.enter_account(conn, account_id=account_id)
            rows = await store.list_endpoints(
                conn, account_id=account_id, mode=mode, after=after, before=before, limit=limit
            )
        return [await open_endpoint(self._vault, row) for row in rows]

    async def change(
        self,
        account_id: UUID,
        mode: int,
        endpoint_id: UUID,
        *,
        url: str | None = None,
        event_types: Sequence[str] | None = None,
        description: str | None = None,
        is_enabled: bool | None = None,
    ) -> Endpoint:
        """Change what is given; the rest stays."""
        row = await self._row(account_id, mode, endpoint_id)
        beside = None
        if url is not None:
            await self._check(url)
            beside = await audit_sealed.seal(self._vault, account_id=account_id, values={"url": url})
            row = replace(row, url=await seal_text(self._vault, account_id, "url", endpoint_id, url))
        if event_types is not None:
            row = replace(row, event_types=types_of(event_types))
        if description is not None:
            sealed = await seal_text(self._vault, account_id, "description", endpoint_id, description)
            row = replace(row, description=sealed)
        if is_enabled is not None and is_enabled != row.is_enabled:
            row = replace(row, is_enabled=is_enabled, disabled_reason=None if is_enabled else Disabled.BY_ACCOUNT)
        async with self._door.acquire() as conn, conn.transaction():
            await store.enter_account(conn, account_id=account_id)
            changed = await store.update_endpoint(conn, row=row)
            if changed is None:
                raise no_such_endpoint()
            await store.tell_processes(conn)
            given = {"url": url, "event_types": event_types, "description": description, "is_enabled": is_enabled}
            await self._note(
                conn, account_id, endpoint_id, Action.ENDPOINT_CHANGED, beside=beside,
                facts={
                    "changed": [name for name, value in given.items() if value is not None],
                    "event_types": [*changed.event_types], "is_enabled": changed.is_enabled,
                },
            )  # fmt: skip
        return await open_endpoint(self._vault, changed)

    async def delete(self, account_id: UUID, mode: int, endpoint_id: UUID) -> None:
        async with self._door.acquire() as conn, conn.transaction():
            await store.enter_account(conn, account_id=account_id)
            if not await store.delete_endpoint(conn, account_id=account_id, mode=mode, endpoint_id=endpoint_id):
                raise no_such_endpoint()
            await store.delete_secrets(conn, account_id=account_id, endpoint_id=endpoint_id)
            await store.tell_processes(conn)
            await self._note(conn, account_id, endpoint_id, Action.ENDPOINT_REMOVED)

    # Secrets

    async def secret(self, account_id: UUID, mode: int, endpoint_id: UUID) -> str:
        """The current secret."""
        await self._row(account_id, mode, endpoint_id)
        return await self._newest_secret(account_id, endpoint_id)

    async def show_secret(self, account_id: UUID, mode: int, endpoint_id: UUID) -> str:
        """The same to somebody who looks at it; the audit log says so."""
        secret = await self.secret(account_id, mode, endpoint_id)
        async with self._door.acquire() as conn, conn.transaction():
            await store.enter_account(conn, account_id=account_id)
            await self._note(conn, account_id, endpoint_id, Action.SECRET_SHOWN)
        return secret

    async def rotate(self, account_id: UUID, mode: int, endpoint_id: UUID) -> str:
        """A new secret; deliveries are signed with the old one too for a day."""
        await self._row(account_id, mode, endpoint_id)
        return await self._rotate(account_id, endpoint_id)

    async def callback_secret(self, account_id: UUID, mode: int) -> str:
        """What webhooks to messages' own callback URLs are signed with."""
        return await self._newest_secret(account_id, await self._callback(account_id, mode))

    async def rotate_callback(self, account_id: UUID, mode: int) -> str:
        return await self._rotate(account_id, await self._callback(account_id, mode))

    async def _callback(self, account_id: UUID, mode: int) -> UUID:
        await ensure_callback(self._door, self._vault, account_id=account_id, mode=mode)
        async with self._door.acquire() as conn, conn.transaction():
            await store.enter_account(conn, account_id=account_id)
            rows = await store.read_endpoints(conn, account_id=account_id, mode=mode)
        return next(row.id for row in rows if row.is_callback)

    async def _newest_secret(self, account_id: UUID, endpoint_id: UUID) -> str:
        async with self._door.acquire() as conn, conn.transaction():
            await store.enter_account(conn, account_id=account_id)
            rows = await store.read_secrets(conn, account_id=account_id, endpoint_ids=[endpoint_id])
        return await open_secret(self._vault, account_id, rows[0])

    async def _rotate(self, account_id: UUID, endpoint_id: UUID) -> str:
        secret_id, secret = ids.new(), new_secret()
        sealed = await seal_secret(self._vault, account_id, secret_id, secret)
        async with self._door.acquire() as conn, conn.transaction():
            await store.enter_account(conn, account_id=account_id)
            left = await store.expire_secrets(
                conn, account_id=account_id, endpoint_id=endpoint_id, overlap_seconds=OVERLAP_SECONDS
            )
            if left >= SECRETS_MAX:
                raise Conflict(
                    "too_many_secrets", "Too many rotations within a day. Wait until old secrets have ended."
                )
            await store.insert_secret(
                conn, account_id=account_id, endpoint_id=endpoint_id, secret_id=secret_id, secret=sealed
            )
            await store.touch_endpoint(conn, account_id=account_id, endpoint_id=endpoint_id)
            await store.tell_processes(conn)
            await self._note(conn, account_id, endpoint_id, Action.SECRET_ROLLED)
        return secret

    # Events once more

    async def test(self, account_id: UUID, mode: int, endpoint_id: UUID) -> UUID:
        """Send one endpoint a `webhook.test`; the event's id."""
        row = await self._row(account_id, mode, endpoint_id)
        refuse_disabled(row)
        event = Event(ids.new_bytes(), TEST_EVENT, endpoint_id.bytes, clock.now_us(), {"status": "enabled"})
        async with self._main.acquire() as conn, conn.transaction():
            await events.publish(conn, [Batch(account_id, mode, events=[event])], owner="", lease_seconds=0)
        return ids.from_bytes(event.id)

    async def replay_event(self, account_id: UUID, mode: int, endpoint_id: UUID, *, event_id: UUID) -> None:
        """Tell one event again, with the same webhook-id."""
        refuse_disabled(await self._row(account_id, mode, endpoint_id))
        between = (max(earlier(event_id, EVENT_TO_BATCH), kept_since()), later(event_id, EVENT_TO_BATCH))
        async with self._main.acquire() as conn, conn.transaction():
            batch = await events.find_batch(
                conn, account_id=account_id, mode=mode, event_id=event_id.bytes, between=between
            )
            if batch is None:
                raise NotFound("event_not_found", "There is no such event in this account and mode.", param="event_id")
            row = RetryRow(account_id, endpoint_id, event_id, batch.id, endpoint_id, mode, 0)
            await delivery_store.replay_events(conn, row=row, event_ids=[event_id], batch_ids=[batch.id])

    async def replay_since(self, account_id: UUID, mode: int, endpoint_id: UUID, *, since: datetime) -> Replay:
        """Tell everything since a moment again; workers go through it."""
        refuse_disabled(await self._row(account_id, mode, endpoint_id))
        if since > clock.now():
            raise Invalid("invalid_since", "The time lies in the future.", param="since")
        async with self._door.acquire() as conn, conn.transaction():
            await store.enter_account(conn, account_id=account_id)
            return await delivery_store.insert_replay(
                conn,
                account_id=account_id,
                replay_id=ids.new(),
                mode=mode,
                endpoint_id=endpoint_id,
                since=max(since, BEGINNING),
            )

    # Parts

    async def _note(
        self,
        conn: Conn,
        account_id: UUID,
        endpoint_id: UUID,
        action: Action,
        *,
        facts: Facts | None = None,
        beside: audit_sealed.Beside | None = None,
    ) -> None:
        """In the audit log; the address stands beside it."""
        await record(
            conn, account_id=account_id, actor=self._by.actor, request_id=self._by.request_id, action=action,
            target=ids.typed("we", endpoint_id), facts=facts, beside=beside,
        )  # fmt: skip

    async def _row(self, account_id: UUID, mode: int, endpoint_id: UUID) -> EndpointRow:
        async with self._door.acquire() as conn, conn.transaction():
            await store.enter_account(conn, account_id=account_id)
            row = await store.read_endpoint(conn, account_id=account_id, mode=mode, endpoint_id=endpoint_id)
        if row is None or row.is_callback:
            raise no_such_endpoint()
        return row

    async def _check(self, url: str) -> None:
        """Refuse at once what every post would refuse; a name that cannot be looked up now may be known tomorrow."""
        target = read_url(url, allow_private=self._allow_private)
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                await addresses_of(target.origin, allow_private=self._allow_private, lookup=self._lookup)
        except ForbiddenAddress as error:
            raise forbidden("url") from error
        except (OSError, TimeoutError, UnicodeError):
            return


def types_of(event_types: Sequence[str]) -> tuple[str, ...]:
    for name in event_types:
        if name not in EVENT_TYPES:
            raise Invalid(
                "unknown_event_type",
                f"There is no event '{name[:64]}'; there are {', '.join(EVENT_TYPES)}.",
                param="event_types",
            )
    return tuple(sorted(set(event_types)))


def refuse_disabled(row: EndpointRow) -> None:
    if not row.is_enabled:
        raise Conflict("endpoint_disabled", "The endpoint is disabled. Enable it first.")


def no_such_endpoint() -> NotFound:
    return NotFound("endpoint_not_found", "There is no such endpoint in this account and mode.", param="id")
