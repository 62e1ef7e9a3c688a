"""Opens stored messages for a worker: facts from main, who and what from the vault's keys."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from sendigopro.channels.directory import Directory
from sendigopro.foundation.personal import Body
from sendigopro.foundation.postgres import Pool, Row
from sendigopro.messages import settle_store, store
from sendigopro.messages.model import PRIORITY, Chunk, Details, Outgoing, Purpose, Rank
from sendigopro.vault.sealing import UnreadableError, open_
from sendigopro.vault.vault import KeyErasedError, Subject, Vault

NO_DETAILS = Details()
IN_ONE_TURN = 50


class Loader:
    """Reads many messages with one statement, and their identifiers with one more for each account."""

    def __init__(self, *, pool: Pool, vault: Vault, directory: Directory) -> None:
        self._pool = pool
        self._vault = vault
        self._directory = directory

    async def load_chunks(self, chunks: Sequence[Chunk]) -> dict[UUID, Outgoing]:
        """Every message of these chunks that still exists, opened for the wire."""
        message_ids = [message_id for chunk in chunks for message_id in chunk.message_ids]
        async with self._pool.acquire() as conn:
            rows = await store.read_to_send(
                conn,
                account_ids=list({chunk.account_id for chunk in chunks}),
                message_ids=message_ids,
                days=list({chunk.body_expires_on for chunk in chunks}),
            )
        messages = await self._open(rows, with_body=True)
        retried = [chunk for chunk in chunks if chunk.attempt > 1]
        if retried:
            await self._note_ranks([messages[i] for chunk in retried for i in chunk.message_ids if i in messages])
        return messages

    async def load_settled(self, pairs: Sequence[tuple[UUID, UUID]]) -> dict[UUID, Outgoing]:
        """Messages of which something is already known: for receipts that outlived the worker that sent them."""
        if not pairs:
            return {}
        by_account: dict[UUID, list[UUID]] = defaultdict(list)
        for account_id, message_id in pairs:
            by_account[account_id].append(message_id)
        rows: list[Row] = []
        async with self._pool.acquire() as conn:
            for account_id, message_ids in by_account.items():
                rows += await store.read_messages(conn, account_id=account_id, message_ids=message_ids)
        messages = await self._open(rows, with_body=False)
        await self._note_ranks(list(messages.values()))
        return messages

    async def _note_ranks(self, messages: Sequence[Outgoing]) -> None:
        if not messages:
            return
        async with self._pool.acquire() as conn:
            ranks = await settle_store.highest_ranks(
                conn,
                account_ids=list({message.account_id for message in messages}),
                message_ids=[message.id for message in messages],
            )
        for message in messages:
            message.rank = ranks.get(message.id, 0)
            message.is_charged = message.rank >= Rank.SENT
            message.was_unclear = message.rank == Rank.UNKNOWN

    async def _open(self, rows: Sequence[Any], *, with_body: bool) -> dict[UUID, Outgoing]:
        wanted: dict[UUID, list[UUID]] = defaultdict(list)
        for row in rows:
            if row["subject_id"] is not None:
                wanted[row["account_id"]].append(row["subject_id"])
        subjects: dict[UUID, Subject] = {}
        for account_id, subject_ids in wanted.items():
            subjects |= await self._vault.open_subjects(account_id, subject_ids)
        opened = {}
        for count, row in enumerate(rows, start=1):
            subject = subjects.get(row["subject_id"])
            opened[row["id"]] = await self._outgoing(row, subject, with_body=with_body)
            if count % IN_ONE_TURN == 0:
                await asyncio.sleep(0)  # a chunk of 500 takes some 10 ms: what is urgent must get in between
        return opened

    async def _outgoing(self, row: Row, subject: Subject | None, *, with_body: bool) -> Outgoing:
        account_id, message_id = row["account_id"], row["id"]
        body, details = None, NO_DETAILS
        if subject is not None and (row["details"] is not None or (with_body and row["body"] is not None)):
            expires_on = row["body_expires_on"]
            vault = self._vault
            try:
                bucket = vault.bucket_key_known(account_id, expires_on) or await vault.bucket_key(
                    account_id, expires_on
                )
            except KeyErasedError:  # the day has been forgotten, and with it what was said
                pass
            else:
                body, details = _unseal(row, vault.message_key(subject.key, bucket), with_body=with_body)
        sender = self._directory.sender_by_id(row["sender_id"])
        return Outgoing(
            account_id=account_id,
            id=message_id,
            mode=row["mode"],
            purpose=row["purpose"],
            priority=PRIORITY[Purpose(row["purpose"])],
            subject_id=row["subject_id"],
            sender=sender.value if sender is not None else "",
            recipient=subject.phone if subject is not None else None,
            body=body,
            segments=row["segments"],
            encoding=row["encoding"],
            country=row["country"],
            price_micros=row["price_micros"],
            held_micros=row["held_micros"],
            currency=row["currency"],
            send_at=row["send_at"],
            expires_at=row["expires_at"],
            body_expires_on=row["body_expires_on"],
            has_callback=row["has_callback"],
            details=details,
        )


def _unseal(row: Row, key: bytes, *, with_body: bool) -> tuple[Body | None, Details]:
    """Open body and details; what can no longer be opened is gone, as it was meant to be."""
    account, message = row["account_id"].bytes, row["id"].bytes
    body, details = None, NO_DETAILS
    try:
        if with_body and row["body"] is not None:
            body = Body(open_(key, (account, b"message_bodies", b"body", message), row["body"]).decode())
        if row["details"] is not None:
            packed = open_(key, (account, b"message_bodies", b"details", message), row["details"])
            details = msgspec.msgpack.decode(packed, type=Details)
    except UnreadableError:
        return None, NO_DETAILS
    return body, details
