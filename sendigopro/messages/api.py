"""The two hot doors: raw ASGI in front of the framework, so that a message costs no more than it must."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec

from sendigopro.accounts.keys import Caller, Callers
from sendigopro.foundation.asgi import JSON_TYPE, App, Receive, Scope, Send, answer, header, read_json_body
from sendigopro.foundation.limits import Limits
from sendigopro.foundation.operations import Operation
from sendigopro.foundation.problems import Invalid, Problem, as_mapping
from sendigopro.foundation.strict_json import decode, decode_typed
from sendigopro.messages.accept import BATCH_MAX, Acceptor, Answer, Idempotency, NewMessage
from sendigopro.messages.view import MessageObject

ONE_LIMIT_BYTES = 64_000
BATCH_LIMIT_BYTES = 4_000_000
KEY_LENGTH_MAX = 255
COUNT = msgspec.Meta(min_length=1, max_length=BATCH_MAX)
REPLAYED = (b"idempotent-replayed", b"true")


class NewBatch(msgspec.Struct, forbid_unknown_fields=True):
    """Up to 1,000 messages, each accepted or refused on its own."""

    messages: Annotated[list[NewMessage], COUNT]


class RawBatch(msgspec.Struct, forbid_unknown_fields=True):
    """The same, read one by one: when one of them is not what it should be."""

    messages: Annotated[list[msgspec.Raw], COUNT]


class BatchResult(msgspec.Struct, omit_defaults=True):
    """What became of one item; either `message` or `error` is there."""

    index: int
    status: int
    message: MessageObject | None = None
    error: dict[str, Any] | None = None


class BatchAnswer(msgspec.Struct, kw_only=True):
    """One result for each item, in order."""

    object: Literal["batch"] = "batch"
    data: list[BatchResult]


ONE = msgspec.json.Decoder(NewMessage)
BATCH = msgspec.json.Decoder(NewBatch)
RAW_BATCH = msgspec.json.Decoder(RawBatch)
ENCODER = msgspec.json.Encoder()


class HotDoors:
    """POST /v1/messages and POST /v1/messages/batch."""

    def __init__(self, *, callers: Callers, acceptor: Acceptor, limits: Limits) -> None:
        self._callers = callers
        self._acceptor = acceptor
        self._limits = limits

    def exact(self) -> Mapping[str, Mapping[str, App]]:
        """Path → method → door, for the root."""
        return {"/v1/messages": {"POST": self.one}, "/v1/messages/batch": {"POST": self.batch}}

    async def one(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept one message: 202 once it is on disk."""
        caller, headers = await self._enter(scope, cost=1)
        raw = await read_json_body(scope, receive, limit_bytes=ONE_LIMIT_BYTES)
        asked = decode(raw, ONE)
        answered = await self._acceptor.accept(caller, [asked], idempotency=_idempotency(scope, raw))
        (result,) = answered.results
        if isinstance(result, Problem):
            raise result
        await answer(send, 202, ENCODER.encode(result), _headers(headers, answered))

    async def batch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept many: 202, and a result for each."""
        caller, headers = await self._enter(scope, cost=1)
        raw = await read_json_body(scope, receive, limit_bytes=BATCH_LIMIT_BYTES)
        asked = _read_batch(raw)
        answered = await self._acceptor.accept(caller, asked, idempotency=_idempotency(scope, raw))
        data = [_result(index, result) for index, result in enumerate(answered.results)]
        await answer(send, 202, ENCODER.encode(BatchAnswer(data=data)), _headers(headers, answered))

    async def _enter(self, scope: Scope, *, cost: int) -> tuple[Caller, list[tuple[bytes, bytes]]]:
        caller = await self._callers.enter(scope)
        return caller, self._limits.take(caller.counted, cost=cost)


def _read_batch(raw: bytes) -> Sequence[NewMessage | Problem]:
    """All at once, which is quick; or one by one, so that a bad item fails alone."""
    try:
        return decode(raw, BATCH).messages
    except Invalid:
        return [_read_item(item) for item in decode(raw, RAW_BATCH).messages]


def _read_item(item: msgspec.Raw) -> NewMessage | Problem:
    try:
        return decode_typed(item, ONE)
    except Invalid as problem:
        return problem


def _idempotency(scope: Scope, raw: bytes) -> Idempotency | None:
    key = header(scope, b"idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= KEY_LENGTH_MAX or not key.isascii() or not key.decode().isprintable():
        raise Invalid(
            "invalid_idempotency_key",
            f"Idempotency-Key must be 1 to {KEY_LENGTH_MAX} printable ASCII characters, for example a UUID.",
            param="Idempotency-Key",
        )
    return Idempotency(key.decode(), raw)


def _headers(limits: list[tuple[bytes, bytes]], answered: Answer) -> list[tuple[bytes, bytes]]:
    return [JSON_TYPE, *limits, REPLAYED] if answered.is_replay else [JSON_TYPE, *limits]


def _result(index: int, result: MessageObject | Problem) -> BatchResult:
    if isinstance(result, Problem):
        return BatchResult(index, int(result.status), error=as_mapping(result))
    return BatchResult(index, 202, message=result)


IDEMPOTENCY_HEADER = {
    "Idempotency-Key": "Repeats of a request with the same key and body are answered once, for 24 hours."
}
EXAMPLE = {"to": "+15005550006", "body": "Hello from SendiGoPro"}

OPERATIONS = (
    Operation(
        method="POST",
        path="/v1/messages",
        name="create_message",
        summary="Send a message",
        tag="Messages",
        answers={202: MessageObject},
        request=NewMessage,
        request_example=EXAMPLE,
        headers=IDEMPOTENCY_HEADER,
        problems=(400, 402, 403, 409, 413, 415, 422, 503),
        links=dict.fromkeys(
            ("get_message", "list_message_events", "explain_message", "cancel_message", "delete_message"), "message_id"
        ),
        body_limit_bytes=ONE_LIMIT_BYTES,
    ),
    Operation(
        method="POST",
        path="/v1/messages/batch",
        name="create_messages",
        summary="Send up to 1,000 messages, each with a result of its own",
        tag="Messages",
        answers={202: BatchAnswer},
        request=NewBatch,
        request_example={"messages": [EXAMPLE, {"to": "+15005550001", "body": "Refused: not a number"}]},
        headers=IDEMPOTENCY_HEADER,
        problems=(400, 403, 409, 413, 415, 422, 503),
        body_limit_bytes=BATCH_LIMIT_BYTES,
    ),
)
