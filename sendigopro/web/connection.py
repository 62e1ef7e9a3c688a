"""uvicorn's HTTP/1.1 connection with limits on the head, time limits, and refusals that say what is wrong."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from sendigopro.foundation import ids
from sendigopro.foundation.problems import CONTENT_TYPE, HeadTooLarge, Invalid, Problem, problem_json

HEAD_BYTES_MAX = 32_768
HEADERS_MAX = 100
TARGET_BYTES_MAX = 8_192
# A whole request, head and body, must be here within this time (1 MB at 35 kB/s); `drop_the_slow` looks each 5 s.
REQUEST_SECONDS_MAX = 30.0


class Connection(HttpToolsProtocol):
    """One client. `reading_since` is set while a request is under way to us, and while none was ever sent."""

    reading_since: float | None
    refusal: Problem | None = None
    head_bytes = 0

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401  # uvicorn narrows it wrongly
        super().connection_made(transport)
        self.reading_since = self.loop.time()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.reading_since = self.loop.time()
        self.head_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > TARGET_BYTES_MAX:
            self.refuse(HeadTooLarge("target_too_long", f"The address may have at most {TARGET_BYTES_MAX:,} bytes."))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self.head_bytes += len(name) + len(value)
        if self.head_bytes > HEAD_BYTES_MAX or len(self.headers) > HEADERS_MAX:
            self.refuse(
                HeadTooLarge(
                    "headers_too_large",
                    f"All headers together may have at most {HEAD_BYTES_MAX:,} bytes, in {HEADERS_MAX} lines.",
                )
            )

    def on_headers_complete(self) -> None:
        self.refuse_two_lengths()
        super().on_headers_complete()

    def refuse_two_lengths(self) -> None:
        """Two answers to where a body ends are how requests are smuggled past a proxy (RFC 9112 §6.3)."""
        lengths = [name for name, _ in self.headers if name in (b"content-length", b"transfer-encoding")]
        if len(lengths) > 1:
            self.refuse(Invalid("invalid_request", "Content-Length and Transfer-Encoding: send one, once."))

    def on_message_complete(self) -> None:
        self.reading_since = None
        super().on_message_complete()

    def refuse(self, problem: Problem) -> None:
        """Stop the parser; `data_received` then asks `send_400_response` to answer."""
        self.refusal = problem
        raise problem

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's sentence says less than ours
        problem = self.refusal or Invalid("invalid_http", "This is not a well-formed HTTP/1.1 request.")
        request_id = ids.typed("req", ids.new_bytes())
        body = problem_json(problem, request_id)
        head = (
            f"content-type: {CONTENT_TYPE}\r\ncontent-length: {len(body)}\r\nrequest-id: {request_id}\r\n"
            "x-content-type-options: nosniff\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[int(problem.status)] + head.encode() + body)
        self.transport.close()


def drop_the_slow(connections: set[Any], now: float) -> int:
    """Close connections whose request takes too long to arrive; how many they were."""
    slow = [
        connection
        for connection in connections
        if isinstance(connection, Connection)
        and connection.reading_since is not None
        and now - connection.reading_since > REQUEST_SECONDS_MAX
    ]
    for connection in slow:
        connection.transport.close()
    return len(slow)
