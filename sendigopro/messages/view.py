"""A message as customers see it: built from memory where we have it, else from the tables and the vault."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from sendigopro.accounts.retention_terms import PEOPLE, RetentionClock, RetentionTerms
from sendigopro.channels.directory import Directory
from sendigopro.foundation import clock, ids
from sendigopro.foundation.alphabets import Encoding
from sendigopro.foundation.postgres import Reading, Row
from sendigopro.messages import read_store, store
from sendigopro.messages.model import STATUS_OF, Details, Direction, Mode, Purpose, Rank, Status, Why, product_of
from sendigopro.messages.settle import Seen
from sendigopro.vault.sealing import open_
from sendigopro.vault.vault import KeyErasedError, Subject, Vault


class MessageObject(msgspec.Struct, rename={"sender": "from"}, kw_only=True):
    """One message. `body` is null once redacted; webhooks about outbound messages carry none.

    To a key without `subjects.read` numbers are covered, to one without `bodies.read` texts are left out.
    """

    id: str
    object: Literal["message"] = "message"
    account_id: str
    mode: Literal["live", "test"]
    channel: Literal["sms"] = "sms"
    direction: Literal["outbound", "inbound"] = "outbound"
    status: Status
    to: str | None
    sender: str | None
    body: str | None = None
    purpose: str
    segments: int
    encoding: Literal["gsm7", "ucs2"]
    price_micros: int
    currency: str
    reason: str | None = None
    created_at: datetime
    send_at: datetime | None = None
    expires_at: datetime
    metadata: dict[str, str] = {}
    tags: list[str] = []
    callback_url: str | None = None
    masked: list[str] | msgspec.UnsetType = msgspec.UNSET
    """The fields that are not as they are, because of the key's scopes; absent when all are."""


def object_of(seen: Seen) -> MessageObject:
    """An outbound message from a worker's memory, for webhooks: without its body."""
    message = seen.message
    return MessageObject(
        id=ids.typed("msg", message.id),
        account_id=ids.typed("acc", message.account_id),
        mode="live" if message.mode == Mode.LIVE else "test",
        status=STATUS_OF[seen.rank],
        to=message.recipient.reveal() if message.recipient is not None else None,
        sender=message.sender,
        purpose=Purpose(message.purpose).name.lower(),
        segments=message.segments,
        encoding="ucs2" if message.encoding else "gsm7",
        price_micros=message.price_micros,
        currency=message.currency,
        reason=seen.reason,
        created_at=ids.time_of(message.id),
        send_at=message.send_at,
        expires_at=message.expires_at,
        metadata=message.details.metadata,
        tags=message.details.tags,
        callback_url=message.details.callback_url,
    )


class Viewer:
    """Describes stored messages, opening what the vault still can open and no term of the account has ended."""

    def __init__(self, *, reading: Reading, vault: Vault, directory: Directory) -> None:
        self._reading = reading
        self._vault = vault
        self._directory = directory

    async def describe(
        self, account_id: UUID, message_ids: Sequence[UUID], *, with_body: bool = True
    ) -> dict[UUID, MessageObject]:
        """The messages of that account among these ids; ids it does not know, or whose term is over, are absent."""
        if not message_ids:
            return {}
        retention, today = self._directory.retention(account_id), clock.today()
        async with self._reading(account_id) as conn:
            rows = await store.read_messages(conn, account_id=account_id, message_ids=message_ids)
            rows = [row for row in rows if not is_over(row, RetentionClock.RECORD, retention, today)]
            known = [row["id"] for row in rows]
            states = await read_store.read_states(conn, account_id=account_id, message_ids=known) if known else {}
        subjects = await self._open_subjects(account_id, rows, retention, today)
        described = {}
        for row in rows:
            subject, body, details = subjects.get(row["subject_id"]), None, Details()
            if subject is not None and not is_over(row, RetentionClock.BODY, retention, today):
                body, details = await self._open_content(row, subject)
            described[row["id"]] = self._build(row, subject, states, body if with_body else None, details)
        return described

    async def _open_subjects(
        self, account_id: UUID, rows: Sequence[Row], retention: RetentionTerms, today: date
    ) -> dict[UUID, Subject]:
        """Whom these messages are about, but for people whom the account has not met for its term.

        Who was written to within the term was met within it, so only old messages cost a question.
        """
        subject_ids = {row["subject_id"] for row in rows if row["subject_id"] is not None}
        if not subject_ids:
            return {}
        subjects = await self._vault.open_subjects(account_id, list(subject_ids))
        before = retention.over_before(PEOPLE, RetentionClock.IDENTIFIER, today=today)
        doubtful = {row["subject_id"] for row in rows if row["expires_at"].date() < before} & subjects.keys()
        if doubtful:
            for gone in await self._vault.unseen_among(account_id, list(doubtful), since=before):
                del subjects[gone]
        return subjects

    async def _open_content(self, row: Row, subject: Subject) -> tuple[str | None, Details]:
        """A message's body and details in clear, as far as its keys live."""
        account_id: UUID = row["account_id"]
        try:
            bucket = await self._vault.bucket_key(account_id, row["body_expires_on"])
        except KeyErasedError:
            return None, Details()
        key = self._vault.message_key(subject.key, bucket)
        body, details = None, Details()
        if row["body"] is not None:
            place = (account_id.bytes, b"message_bodies", b"body", row["id"].bytes)
            body = open_(key, place, row["body"]).decode()
        if row["details"] is not None:
            place = (account_id.bytes, b"message_bodies", b"details", row["id"].bytes)
            details = msgspec.msgpack.decode(open_(key, place, row["details"]), type=Details)
        return body, details

    def _build(
        self,
        row: Row,
        subject: Subject | None,
        states: "dict[UUID, read_store.State]",
        body: str | None,
        details: Details,
    ) -> MessageObject:
        state = states.get(row["id"], read_store.State())
        sender = self._directory.sender_by_id(row["sender_id"]) if row["sender_id"] is not None else None
        ours = sender.value if sender is not None else None
        person = subject.phone.reveal() if subject is not None else None
        outbound = row["direction"] == Direction.OUTBOUND
        return MessageObject(
            id=ids.typed("msg", row["id"]),
            account_id=ids.typed("acc", row["account_id"]),
            mode="live" if row["mode"] == Mode.LIVE else "test",
            direction="outbound" if outbound else "inbound",
            status=status_of(state),
            to=person if outbound else ours,
            sender=ours if outbound else person,
            body=body,
            purpose=Purpose(row["purpose"]).name.lower(),
            segments=row["segments"],
            encoding="ucs2" if row["encoding"] == Encoding.UCS2 else "gsm7",
            price_micros=row["price_micros"],
            currency=row["currency"],
            reason=state.reason,
            created_at=ids.time_of(row["id"]),
            send_at=row["send_at"],
            expires_at=row["expires_at"],
            metadata=details.metadata,
            tags=details.tags,
            callback_url=details.callback_url,
        )


def is_over(row: Row, kind: RetentionClock, retention: RetentionTerms, today: date) -> bool:
    """Whether the account's term for this is over, though nothing may have ended it yet."""
    product = product_of(row["direction"], row["purpose"])
    return retention.is_over(product, kind, row["expires_at"].date(), today=today)


def status_of(state: "read_store.State") -> Status:
    """The highest outcome; before there is one, what the queue says."""
    if state.rank is not None:
        return STATUS_OF[Rank(state.rank)]
    if state.waiting_why is not None:
        return Status.SCHEDULED if state.waiting_why == Why.SCHEDULED else Status.SENDING
    if state.is_intended or state.attempt > 1:
        return Status.SENDING
    return Status.QUEUED
