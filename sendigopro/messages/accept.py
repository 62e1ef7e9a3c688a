"""Valid? allowed? routed, priced, sealed; then on disk with its group, and only then answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from sendigopro.accounts.keys import Caller
from sendigopro.accounts.retention_terms import RetentionClock
from sendigopro.channels.directory import Directory
from sendigopro.channels.model import Carrier, Sender
from sendigopro.foundation import clock, ids, segments
from sendigopro.foundation.addresses import read_url
from sendigopro.foundation.partitions import expiry_bucket
from sendigopro.foundation.phones import PhoneNumber, parse_phone
from sendigopro.foundation.postgres import Pool
from sendigopro.foundation.problems import Invalid, NotAllowed, Problem, TooMany, Unavailable
from sendigopro.foundation.recent import Recent
from sendigopro.messages import store
from sendigopro.messages.group import REFUSED, Entry, GroupWriter
from sendigopro.messages.model import PRIORITY, Channel, Details, Direction, Mode, Purpose, Status
from sendigopro.messages.route import route
from sendigopro.messages.rows import Prepared, Terms
from sendigopro.messages.view import MessageObject
from sendigopro.vault.sealing import Sealer, column_of
from sendigopro.vault.vault import Subject, Vault

BODY_MAX = 1600
TTL_DEFAULT = timedelta(hours=10)
TTL_MAX_SECONDS = 86_400
SCHEDULE_MIN = timedelta(seconds=300)
SCHEDULE_MAX = timedelta(days=35)
TAGS_MAX = 10
METADATA_MAX = 50
BATCH_MAX = 1000
ACCOUNTS_MAX = 10_000

Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
MetadataKey = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
MetadataValue = Annotated[str, msgspec.Meta(max_length=500)]


class NewMessage(msgspec.Struct, forbid_unknown_fields=True, rename={"sender": "from"}, kw_only=True):
    """What a customer asks for."""

    to: Annotated[
        str,
        msgspec.Meta(
            min_length=1, max_length=64, description="The recipient's number in E.164.", examples=["+15005550006"]
        ),
    ]
    body: Annotated[
        str,
        msgspec.Meta(
            min_length=1, max_length=BODY_MAX, description="What the message says.", examples=["Hello from SendiGoPro"]
        ),
    ]
    sender: (
        Annotated[
            str,
            msgspec.Meta(
                min_length=1, max_length=21, description="One of the account's senders; its default one when left out."
            ),
        ]
        | None
    ) = None
    channel: Literal["sms"] = "sms"
    purpose: Literal["otp", "transactional", "service", "marketing", "emergency"] | None = None
    send_at: (
        Annotated[datetime, msgspec.Meta(tz=True, description="When to send: 5 minutes to 35 days ahead.")] | None
    ) = None
    ttl_seconds: (
        Annotated[int, msgspec.Meta(ge=1, le=TTL_MAX_SECONDS, description="How long it may wait to be sent.")] | None
    ) = None
    callback_url: (
        Annotated[
            str,
            msgspec.Meta(
                min_length=8, max_length=2048, description="Called with a signed webhook at the final status."
            ),
        ]
        | None
    ) = None
    metadata: Annotated[dict[MetadataKey, MetadataValue], msgspec.Meta(max_length=METADATA_MAX)] = {}
    tags: Annotated[list[Tag], msgspec.Meta(max_length=TAGS_MAX)] = []


class Idempotency(msgspec.Struct, frozen=True):
    """An Idempotency-Key and the body it came with."""

    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """One result for each message asked for; `is_replay` when the key had been answered before."""

    results: list[MessageObject | Problem]
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class Sketch:
    """What a message would become."""

    sender: Sender
    purpose: str
    country: str
    segments: int
    encoding: int
    price_micros: int
    currency: str


class _Draft(msgspec.Struct, gc=False):
    """A message that may be sent, before it is known to the vault."""

    message_id: bytes
    phone: PhoneNumber
    sender: Sender
    purpose: str
    encoding: int
    segments: int
    expires_at: datetime
    asked: NewMessage


class _Day(msgspec.Struct, gc=False):
    """Where the bodies of messages that expire on one day are kept, and under which key."""

    expires_on: date
    bucket_key: bytes


@dataclass(slots=True)
class _Request:
    """Who asks, and what is the same for all messages of a request: found once, however many they are."""

    caller: Caller
    account: bytes
    default_sender: Sender | None
    carrier: Carrier | None
    body_column: bytes
    details_column: bytes
    terms: dict[tuple[str, UUID], Terms] = field(default_factory=dict)
    days: dict[tuple[str, date], _Day] = field(default_factory=dict)


class Acceptor:
    """A process's way in: checks, seals and hands groups to its writers."""

    def __init__(
        self,
        *,
        pool: Pool,
        vault: Vault,
        directory: Directory,
        writers: Sequence[GroupWriter],
        price_micros: int,
        currency: str,
        allow_private_webhooks: bool,
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._directory = directory
        self._writers = writers
        self._price_micros = price_micros
        self._currency = currency
        self._allow_private_webhooks = allow_private_webhooks
        self._typed_accounts: Recent[UUID, str] = Recent(ACCOUNTS_MAX)
        self.queue_depths: dict[UUID, int] = {}
        self.queue_ceiling = 5_000_000
        self.has_disk = True

    async def accept(
        self, caller: Caller, asked: Sequence[NewMessage | Problem], *, idempotency: Idempotency | None
    ) -> Answer:
        """Accept what can be accepted; each message gets an object or a problem of its own.

        Raises a problem that concerns the whole request: no scope, queue full, disk full, key reused.
        """
        self._may_write(caller)
        request = self._open(caller)
        drafts = [one if isinstance(one, Problem) else self._check(request, one, ids.new_bytes()) for one in asked]
        good = [draft for draft in drafts if isinstance(draft, _Draft)]
        if idempotency is not None and len(good) < len(drafts):
            # What is refused now may have been accepted then: send_at was further away.
            used = await self._find_claim(caller, idempotency)
            if used is not None:
                return self._replay(caller, asked, used)
        if not good:
            return Answer([draft for draft in drafts if isinstance(draft, Problem)])
        subjects = await self._vault.subjects_of(caller.account_id, caller.mode, [draft.phone for draft in good])
        await self._find_days(request, good)
        prepared = [self._prepare(request, draft, subject) for draft, subject in zip(good, subjects, strict=True)]
        objects = [self._describe(caller, draft) for draft in good]
        claim = await self._claim(caller, drafts, objects, idempotency)
        done: asyncio.Future[list[Problem | None] | store.Claim] = asyncio.get_running_loop().create_future()
        self._writer_of(caller.account_id).submit(Entry(caller.account_id, prepared, claim, done))
        verdict = await done
        if isinstance(verdict, store.Claim):
            return self._replay(caller, asked, verdict)
        return Answer(_merge(drafts, objects, verdict))

    def sketch(self, caller: Caller, asked: NewMessage) -> Sketch:
        """What `accept` would make of it, by the same checks, or their problem; nothing is met, sealed or written."""
        self._may_write(caller)
        draft = self._draft(self._open(caller), asked, ids.new_bytes())
        return Sketch(
            draft.sender, draft.purpose, draft.phone.country, draft.segments, draft.encoding,
            self._price(caller, draft), self._currency,
        )  # fmt: skip

    def _may_write(self, caller: Caller) -> None:
        if "messages.write" not in caller.scopes:
            raise NotAllowed("missing_scope", "This key may not send messages. Use one with the scope messages.write.")
        if not self.has_disk:
            raise Unavailable(
                "storage_full",
                "The server is short of disk space. Nothing was accepted; try again later.",
                retry_after_seconds=30,
            )
        if self.queue_depths.get(caller.account_id, 0) > self.queue_ceiling:
            raise TooMany(
                "queue_full",
                f"More than {self.queue_ceiling:,} messages of this account wait already. Try again later.",
                retry_after_seconds=60,
            )

    def _open(self, caller: Caller) -> _Request:
        account_id, account = caller.account_id, caller.account_id.bytes
        choice = route(self._directory.route(account_id, caller.mode, Channel.SMS))
        return _Request(
            caller,
            account,
            default_sender=self._directory.sender(account_id, Channel.SMS, None),
            carrier=None if choice is None else choice.carrier,
            body_column=column_of(account, b"message_bodies", b"body"),
            details_column=column_of(account, b"message_bodies", b"details"),
        )

    def _check(self, request: _Request, asked: NewMessage, message_id: bytes) -> _Draft | Problem:
        try:
            return self._draft(request, asked, message_id)
        except Problem as problem:
            return problem

    def _draft(self, request: _Request, asked: NewMessage, message_id: bytes) -> _Draft:
        now = ids.time_of(message_id)  # so that a replay, which has the id, counts from the same moment
        phone = parse_phone(asked.to)
        if "\0" in asked.body:
            raise Invalid("invalid_body", "The body contains a NUL character. Remove it.", param="body")
        if asked.callback_url is not None:
            read_url(asked.callback_url, allow_private=self._allow_private_webhooks, param="callback_url")
        counted = segments.count(asked.body)
        sender = request.default_sender
        if asked.sender is not None:
            sender = self._directory.sender(request.caller.account_id, Channel.SMS, asked.sender)
        if sender is None:
            raise _no_sender(asked.sender)
        if request.carrier is None:
            raise Unavailable(
                "no_route", "No carrier is set up for this message. The operator adds one with `sendigopro routes set`."
            )
        start = now if asked.send_at is None else _check_send_at(asked.send_at, now)
        return _Draft(
            message_id=message_id,
            phone=phone,
            sender=sender,
            purpose=asked.purpose or request.caller.purpose,
            encoding=counted.encoding,
            segments=counted.parts,
            expires_at=start + (TTL_DEFAULT if asked.ttl_seconds is None else timedelta(seconds=asked.ttl_seconds)),
            asked=asked,
        )

    async def _find_days(self, request: _Request, drafts: Sequence[_Draft]) -> None:
        """Have the keys at hand under which bodies are kept: one for each day they expire on."""
        account_id = request.caller.account_id
        retention, today = self._directory.retention(account_id), clock.today()
        for purpose, day in {(draft.purpose, draft.expires_at.date()) for draft in drafts}:
            kept = timedelta(days=retention.days(purpose, RetentionClock.BODY))
            expires_on = expiry_bucket(day + kept, today)
            request.days[purpose, day] = _Day(expires_on, await self._vault.bucket_key(account_id, expires_on))

    def _prepare(self, request: _Request, draft: _Draft, subject: Subject) -> Prepared:
        """Seal a message, and gather what its rows will hold."""
        asked, message_id, vault = draft.asked, draft.message_id, self._vault
        day, terms = request.days[draft.purpose, draft.expires_at.date()], self._terms(request, draft)
        sealer = Sealer(vault.message_key(subject.key, day.bucket_key))
        details = None
        if asked.metadata or asked.tags or asked.callback_url:
            packed = msgspec.msgpack.encode(Details(asked.metadata, asked.tags, asked.callback_url))
            details = sealer.seal(request.details_column, message_id, packed)
        return Prepared(
            id=message_id,
            terms=terms,
            subject_id=subject.raw_id,
            segments=draft.segments,
            encoding=draft.encoding,
            country=_two_letters(draft.phone.country),
            price_micros=self._price(request.caller, draft),
            send_at=asked.send_at,
            expires_at=draft.expires_at,
            body_expires_on=day.expires_on,
            has_callback=asked.callback_url is not None,
            body=sealer.seal(request.body_column, message_id, asked.body.encode()),
            details=details,
            tags=[vault.tag_mac(request.caller.account_id, tag) for tag in dict.fromkeys(asked.tags)],
        )

    def _terms(self, request: _Request, draft: _Draft) -> Terms:
        known = request.terms.get((draft.purpose, draft.sender.id))
        if known is not None:
            return known
        assert request.carrier is not None
        caller, purpose = request.caller, Purpose[draft.purpose.upper()]
        terms = request.terms[draft.purpose, draft.sender.id] = Terms(
            account_id=caller.account_id, mode=caller.mode, channel=Channel.SMS, direction=Direction.OUTBOUND,
            purpose=purpose, priority=PRIORITY[purpose], sender_id=draft.sender.id, key_id=caller.key_id,
            carrier_id=request.carrier.id, currency=self._currency,
        )  # fmt: skip
        return terms

    def _price(self, caller: Caller, draft: _Draft) -> int:
        return self._price_micros * draft.segments if caller.mode == Mode.LIVE else 0

    def _describe(self, caller: Caller, draft: _Draft) -> MessageObject:
        asked, message_id = draft.asked, draft.message_id
        return MessageObject(
            id=ids.typed("msg", message_id),
            account_id=self._typed(caller.account_id),
            mode="live" if caller.mode == Mode.LIVE else "test",
            status=Status.QUEUED if asked.send_at is None else Status.SCHEDULED,
            to=draft.phone.phone.reveal(),
            sender=draft.sender.value,
            body=asked.body,
            purpose=draft.purpose,
            segments=draft.segments,
            encoding="ucs2" if draft.encoding else "gsm7",
            price_micros=self._price(caller, draft),
            currency=self._currency,
            created_at=ids.time_of(message_id),
            send_at=asked.send_at,
            expires_at=draft.expires_at,
            metadata=asked.metadata,
            tags=asked.tags,
            callback_url=asked.callback_url,
        )

    def _typed(self, account_id: UUID) -> str:
        """An account's id as customers see it; written once for the many messages of one account."""
        known = self._typed_accounts.get(account_id)
        if known is None:
            known = ids.typed("acc", account_id)
            self._typed_accounts.put(account_id, known)
        return known

    async def _claim(
        self,
        caller: Caller,
        drafts: Sequence["_Draft | Problem"],
        objects: Sequence[MessageObject],
        idempotency: Idempotency | None,
    ) -> store.Claim | None:
        if idempotency is None:
            return None
        accepted = iter(objects)
        message_ids = [
            ids.parse("msg", next(accepted).id) if isinstance(draft, _Draft) else REFUSED for draft in drafts
        ]
        key_mac = await self._vault.idempotency_mac(caller.account_id, f"{caller.mode}:{idempotency.key}")
        body_mac = await self._vault.body_mac(caller.account_id, idempotency.body)
        return store.Claim(caller.account_id, key_mac, body_mac, message_ids, 202)

    async def _find_claim(self, caller: Caller, idempotency: Idempotency) -> store.Claim | None:
        vault, account_id = self._vault, caller.account_id
        key_mac = await vault.idempotency_mac(account_id, f"{caller.mode}:{idempotency.key}")
        today = clock.today()
        days = [today + timedelta(days=n) for n in (-1, 0, 1)]
        async with self._pool.acquire() as conn:
            rows = await store.find_claims(conn, account_ids=[account_id], key_macs=[key_mac], days=days)
        if not rows or rows[0]["body_mac"] != await vault.body_mac(account_id, idempotency.body):
            return None
        return store.Claim(account_id, key_mac, rows[0]["body_mac"], list(rows[0]["message_ids"]), rows[0]["code"])

    def _replay(self, caller: Caller, asked: Sequence[NewMessage | Problem], claim: store.Claim) -> Answer:
        """Rebuild what was answered before, under the ids of then and by the clock of then."""
        request = self._open(caller)
        results: list[MessageObject | Problem] = []
        for one, message_id in zip(asked, claim.message_ids, strict=False):
            if isinstance(one, Problem):
                results.append(one)
                continue
            draft = self._check(request, one, message_id.bytes if message_id.int else ids.new_bytes())
            if isinstance(draft, Problem):
                results.append(draft)
            elif not message_id.int:
                results.append(Invalid("not_accepted", "This item was refused when the request was first made."))
            else:
                results.append(self._describe(caller, draft))
        return Answer(results, is_replay=True)

    def _writer_of(self, account_id: UUID) -> GroupWriter:
        return self._writers[account_id.int % len(self._writers)]


def _merge(
    drafts: Sequence["_Draft | Problem"], objects: Sequence[MessageObject], verdict: Sequence[Problem | None]
) -> list[MessageObject | Problem]:
    accepted = iter(zip(objects, verdict, strict=True))
    results: list[MessageObject | Problem] = []
    for draft in drafts:
        if isinstance(draft, Problem):
            results.append(draft)
        else:
            described, problem = next(accepted)
            results.append(problem or described)
    return results


def _no_sender(value: str | None) -> Problem:
    if value is None:
        return Invalid(
            "no_default_sender",
            "The account has no default sender. Name one in `from`, or add one first.",
            param="from",
        )
    return Invalid(
        "sender_not_owned",
        "This sender is not the account's. Use one of GET /v1/senders, or add it first.",
        param="from",
    )


def _check_send_at(send_at: datetime, now: datetime) -> datetime:
    if not now + SCHEDULE_MIN <= send_at <= now + SCHEDULE_MAX:
        raise Invalid(
            "send_at_out_of_range",
            "send_at must be at least 5 minutes and at most 35 days ahead. Leave it out to send now.",
            param="send_at",
        )
    return send_at.astimezone(UTC)


def _two_letters(country: str) -> str:
    """Networks without a country (satellite, international) have three digits: counted together as ZZ."""
    return country if len(country) == 2 else "ZZ"  # noqa: PLR2004  # ISO 3166-1 alpha-2
