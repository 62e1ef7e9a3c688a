"""Who is asking: API keys made, revoked, and recognised from memory within microseconds."""

import asyncio
import hmac
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import asyncpg

from sendigopro.accounts import store, tokens
from sendigopro.accounts.go_live import need_live, refuse_not_live
from sendigopro.accounts.model import (
    LIVE,
    AccountSettings,
    Caller,
    NewKey,
    check_purpose,
    check_scopes,
    mode_name,
)
from sendigopro.audit.model import BY_OPERATOR, Action, By
from sendigopro.audit.record import record
from sendigopro.foundation import clock, ids, logs
from sendigopro.foundation.limits import Policy
from sendigopro.foundation.postgres import CONNECTION_LOST, Conn, Pool
from sendigopro.foundation.problems import NotFound, Unauthenticated, Unavailable
from sendigopro.foundation.recent import Recent

__all__ = ["Caller", "Callers"]

CHECK_SECONDS = 1.0
TRUST_SECONDS = 5.0  # how long memory is believed when the database cannot say whether anything has changed
USED_SECONDS = 60.0
DEFAULT_RATE = Policy(rate_per_second=20_000, burst=40_000)

log = logs.get(__name__)


class _Known:
    """A key in memory."""

    __slots__ = ("caller", "hash", "is_used")

    def __init__(self, key_hash: bytes, caller: Caller) -> None:
        self.hash = key_hash
        self.caller = caller
        self.is_used = True


class Callers:
    """The keys that were used lately. `run` keeps them true; without it every request asks the database."""

    def __init__(self, pool: Pool, *, keys_max: int = 10_000, default_rate: Policy = DEFAULT_RATE) -> None:
        self._pool = pool
        self._default_rate = default_rate
        self._known: Recent[bytes, _Known] = Recent(keys_max)
        self._trusted_until = 0.0
        self._generation = 0
        self._epoch = -1
        self._used: set[tuple[UUID, UUID]] = set()
        self._changed = asyncio.Event()

    def caller_of(self, token: str) -> Caller | None:
        """Who holds this key, if that is in memory and still to be believed; no waiting."""
        digest = tokens.hash_of(token)
        known = self._known.get(digest)
        if known is None or clock.monotonic() > self._trusted_until or not hmac.compare_digest(known.hash, digest):
            return None
        known.is_used = True
        return known.caller

    async def authenticate(self, authorization: bytes | str | None) -> Caller:
        """Who is asking, from the Authorization header; a key that is wrong in any way gets one and the same answer."""
        token = read_bearer(authorization)
        caller = self.caller_of(token)
        if caller is not None:
            return caller
        if not tokens.looks_right(token):
            raise wrong_key()
        return await self._load(tokens.hash_of(token))

    async def run(self) -> None:
        """Hear of changes, look each second in case one was not heard, write down what was used; until cancelled."""
        while True:
            try:
                async with self._pool.acquire() as conn:
                    await conn.add_listener(store.CHANNEL, self._hear)
                    try:
                        await self._follow(conn)
                    finally:
                        # An error here would hide a cancellation, and the process would never end.
                        with suppress(asyncpg.PostgresError, *CONNECTION_LOST):
                            await conn.remove_listener(store.CHANNEL, self._hear)
            except (asyncpg.PostgresError, *CONNECTION_LOST) as error:
                log.warning("keys_not_followed", **logs.told(error))
                await asyncio.sleep(CHECK_SECONDS)

    async def _follow(self, conn: Conn) -> None:
        write_at = clock.monotonic() + USED_SECONDS
        while True:
            began = clock.monotonic()
            self._changed.clear()
            epoch = await store.read_config_epoch(conn)
            if epoch != self._epoch:
                self._epoch = epoch
                self._forget()
            self._trusted_until = began + TRUST_SECONDS
            if began >= write_at:
                await self.write_used(conn)
                write_at = began + USED_SECONDS
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def write_used(self, conn: Conn) -> None:
        """Write down which keys were used since the last time."""
        self._gather_used()
        used, self._used = sorted(self._used), set()
        if used:
            await store.mark_keys_used(conn, account_ids=[a for a, _ in used], key_ids=[k for _, k in used])

    def _hear(self, *_: object) -> None:
        self._forget()
        self._changed.set()

    def _forget(self) -> None:
        """What is being loaded now may be from before the change: it is used once and not kept."""
        self._generation += 1
        self._gather_used()
        self._known.clear()

    def _gather_used(self) -> None:
        for known in self._known.values():
            if known.is_used:
                known.is_used = False
                self._used.add((known.caller.account_id, known.caller.key_id))

    async def _load(self, digest: bytes) -> Caller:
        generation = self._generation
        try:
            async with self._pool.acquire() as conn:
                stored = await store.find_key_of_anyone(conn, key_hash=digest)
        except CONNECTION_LOST as error:
            raise Unavailable(
                "storage_unavailable",
                "We cannot check the key at this moment. Send the request again in a few seconds.",
                retry_after_seconds=2,
            ) from error
        if stored is None or not hmac.compare_digest(stored.hash, digest):
            raise wrong_key()
        if stored.mode == LIVE:
            refuse_not_live(stored.state)  # whoever is in memory is live: a change of state empties it
        known = _Known(digest, self._caller(stored))
        if generation == self._generation:
            self._known.put(digest, known)
        return known.caller

    def _caller(self, stored: store.StoredKey) -> Caller:
        rate = self._default_rate
        if stored.rate_per_second is not None:
            rate = Policy(stored.rate_per_second, stored.burst or 2 * stored.rate_per_second)
        counted = [(stored.account_id, rate)]
        if stored.key_rate_per_second is not None:
            counted.insert(0, (stored.id, Policy(stored.key_rate_per_second, 2 * stored.key_rate_per_second)))
        return Caller(
            account_id=stored.account_id,
            mode=stored.mode,
            key_id=stored.id,
            scopes=frozenset(stored.scopes),
            purpose=stored.purpose,
            account=AccountSettings(
                currency=stored.currency,
                on_unclear=stored.on_unclear,
            ),
            counted=tuple(counted),
        )


def read_bearer(authorization: bytes | str | None) -> str:
    """The key out of `Bearer sk_…`."""
    if not authorization:
        raise Unauthenticated("missing_key", "No API key came with the request. Send it as Authorization: Bearer sk_….")
    text = authorization.decode("latin-1") if isinstance(authorization, bytes) else authorization
    scheme, _, token = text.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(
            "missing_key", "The Authorization header holds no bearer token. Send Authorization: Bearer sk_…."
        )
    return token.strip()


def wrong_key() -> Unauthenticated:
    return Unauthenticated("invalid_key", "There is no such API key, or it was revoked. Check that it is whole.")


async def create_key(
    conn: Conn,
    *,
    account_id: UUID,
    mode: int,
    scopes: Sequence[str],
    purpose: str,
    rate_per_second: int | None = None,
    by: By = BY_OPERATOR,
) -> NewKey:
    """Make a key; the caller shows it once, and nobody ever again."""
    new = NewKey(ids.new(), tokens.new_token(mode))
    async with conn.transaction():
        if mode == LIVE:
            await need_live(conn, account_id=account_id)
        await store.insert_key(
            conn,
            account_id=account_id,
            key_id=new.id,
            mode=mode,
            key_hash=tokens.hash_of(new.token),
            last4=new.token[-4:],
            scopes=check_scopes(scopes),
            purpose=check_purpose(purpose),
            rate_per_second=rate_per_second,
        )
        facts = {"mode": mode_name(mode), "scopes": [*scopes], "purpose": purpose, "rate_per_second": rate_per_second}
        await record(
            conn, account_id=account_id, actor=by.actor, request_id=by.request_id, action=Action.KEY_CREATED,
            target=ids.typed("key", new.id), facts=facts,
        )  # fmt: skip
    return new


async def revoke_key(conn: Conn, *, account_id: UUID, key_id: UUID, by: By = BY_OPERATOR) -> None:
    """Let a key open nothing more; every process hears of it at once, and within two seconds even if deaf."""
    async with conn.transaction():
        if not await store.revoke_key(conn, account_id=account_id, key_id=key_id):
            raise NotFound("no_such_key", "The account has no such key, or it was revoked before.")
        await store.announce_change(conn, what="keys")
        await record(
            conn, account_id=account_id, actor=by.actor, request_id=by.request_id, action=Action.KEY_REVOKED,
            target=ids.typed("key", key_id),
        )  # fmt: skip
