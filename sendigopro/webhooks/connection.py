"""One keep-alive connection: writes a request, reads its answer, trusts nothing that comes back."""

import asyncio
from enum import IntEnum
from typing import Protocol, cast

import httptools
import msgspec

ANSWER_MAX = 64 * 1024  # head and body together; what a body says is never kept
STALE_SECONDS = 1.0  # a reused connection that dies this soon after a write was already closed by the other side
OK_MIN, OK_MAX = 200, 299
INTERIM_MAX = 199
SWITCHING = 101


class Failure(IntEnum):
    """Why there is no HTTP status; numbers below 100 stand beside statuses in the same column."""

    PUT_OFF = 0  # not tried: the endpoint fails too often to be asked about each event
    TIMED_OUT = 1
    NOT_CONNECTED = 2
    NOT_ENCRYPTED = 3
    NAME_UNKNOWN = 4
    FORBIDDEN_ADDRESS = 5
    BROKE_OFF = 6
    NOT_HTTP = 7
    TOO_LONG = 8


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What came back: a status (or a `Failure`), and the two headers that change what we do next."""

    code: int
    millis: int
    retry_after: bytes | None = None
    wants_no_more: bool = False

    @property
    def is_ok(self) -> bool:
        return OK_MIN <= self.code <= OK_MAX


class Post(Protocol):
    """Something to post. `wire` is called when a connection is free, so that the signature is fresh."""

    is_second_try: bool

    def wire(self) -> bytes: ...

    def answered(self, answer: Answer, /) -> None: ...


class Keeper(Protocol):
    """Whoever owns connections: takes them back, and hears of their end."""

    def freed(self, connection: "Connection", /) -> None: ...

    def lost(self, connection: "Connection", /) -> None: ...

    def again(self, post: Post, /) -> None: ...


class Connection(asyncio.Protocol):
    """Callbacks only: no task and no future per request."""

    __slots__ = (
        "_code",
        "_has_length",
        "_is_complete",
        "_is_lasting",
        "_is_spoilt",
        "_keeper",
        "_loop",
        "_parser",
        "_received",
        "_retry_after",
        "_served",
        "_started",
        "_transport",
        "_wants_no_more",
        "deadline",
        "idle_since",
        "post",
    )

    def __init__(self, keeper: Keeper, loop: asyncio.AbstractEventLoop) -> None:
        self._keeper = keeper
        self._loop = loop
        self._served = 0
        self._is_spoilt = False
        self.post: Post | None = None
        self.deadline = self.idle_since = self._started = 0.0
        self._received = 0
        self._code = 0
        self._retry_after: bytes | None = None
        self._has_length = self._is_complete = self._is_lasting = self._wants_no_more = False

    def send(self, post: Post, *, started: float, deadline: float) -> None:
        """Write a request; the other side has until `deadline`."""
        self.post = post
        self._started = started
        self.deadline = deadline
        self._transport.write(post.wire())

    def time_out(self) -> None:
        self._finish(Failure.TIMED_OUT, is_reusable=False)

    def close(self) -> None:
        """End the connection now; an answer half read is worth nothing."""
        self._is_spoilt = True
        self._transport.abort()

    @property
    def is_usable(self) -> bool:
        return not self._is_spoilt and not self._transport.is_closing()

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        if self.post is None:  # nobody asked: an answer to nothing must never become the answer to the next request
            self.close()
            return
        room = ANSWER_MAX - self._received
        self._received += len(data)
        try:
            self._parser.feed_data(data if len(data) <= room else data[:room])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._is_spoilt = True
            if not self._is_complete:
                self._finish(Failure.NOT_HTTP, is_reusable=False)
                return
        if self._is_complete:
            self._finish(self._code, is_reusable=self._is_lasting and len(data) <= room)
        elif len(data) > room:
            # A status that has been read counts; the rest of an endless body would not change it.
            self._finish(self._code or Failure.TOO_LONG, is_reusable=False)

    def connection_lost(self, error: Exception | None) -> None:
        self._is_spoilt = True
        post = self.post
        self._keeper.lost(self)
        if post is None:
            return
        if self._code and not self._has_length and error is None:
            self._finish(self._code, is_reusable=False)  # such a body ends with the connection
        elif self._is_stale(post):
            self.post = None
            post.is_second_try = True
            self._keeper.again(post)
        else:
            self._finish(Failure.BROKE_OFF, is_reusable=False)

    def _is_stale(self, post: Post) -> bool:
        """Tell whether the other side closed a kept connection just when we wrote to it, as servers do."""
        is_prompt = self._loop.time() - self._started < STALE_SECONDS
        return bool(self._served and not self._received and is_prompt and not post.is_second_try)

    # httptools calls these

    def on_message_begin(self) -> None:
        if self._is_complete:
            self._is_spoilt = True  # two answers to one question

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in {b"content-length", b"transfer-encoding"}:
            self._has_length = True
        elif name == b"retry-after":
            self._retry_after = value
        elif name == b"webhook-delivery":
            self._wants_no_more = value.strip().lower() == b"abort-message"

    def on_headers_complete(self) -> None:
        if not self._is_complete and not self._is_interim():
            self._code = self._parser.get_status_code()

    def on_message_complete(self) -> None:
        if self._is_interim():  # 100 Continue, 103 Early Hints: the answer is still to come
            self._has_length = self._wants_no_more = False
            self._retry_after = None
        elif not self._is_complete:
            self._is_complete = True
            self._is_lasting = self._parser.should_keep_alive()

    def _is_interim(self) -> bool:
        code = self._parser.get_status_code()
        return code <= INTERIM_MAX and code != SWITCHING

    def _finish(self, code: int, *, is_reusable: bool) -> None:
        post = self.post
        if post is None:
            return
        self.post = None
        self._served += 1
        now = self._loop.time()
        answer = Answer(code, round((now - self._started) * 1000), self._retry_after, self._wants_no_more)
        self._forget_answer()
        post.answered(answer)
        if is_reusable and not self._is_spoilt:
            self.idle_since = now
            self._keeper.freed(self)
        else:
            self.close()

    def _forget_answer(self) -> None:
        self._received = 0
        self._code = 0
        self._retry_after = None
        self._has_length = self._is_complete = self._is_lasting = self._wants_no_more = False
