"""The outermost ASGI function: every request enters here, and every answer leaves with its Request-Id.

Hot doors are asked by exact path before anything else. A `Problem` that any door raises is answered here;
a database that is away is a 503; anything else is a 500 that tells the caller nothing and the log where it happened.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sendigopro.accounts.request_log import RequestLog
from sendigopro.console import problem_page
from sendigopro.foundation import clock, ids, logs, problems
from sendigopro.foundation.asgi import App, ClientGone, Message, Receive, Scope, Send, answer_problem, header, read_rest
from sendigopro.foundation.peers import Network, true_peer
from sendigopro.foundation.postgres import CONNECTION_LOST
from sendigopro.foundation.problems import NotFound, Problem, TooLarge, Unavailable, WrongMethod
from sendigopro.web.measures import Measures

SANE_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
NO_STORE = (b"cache-control", b"no-store")
API_HEADERS = ((b"x-content-type-options", b"nosniff"), NO_STORE)
PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self';"
    b" form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"content-security-policy", PAGE_POLICY),
)
HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
# After refusing a long body we still read a little of it, so that the client sees the answer and not a broken pipe.
LINGER_BYTES = 8_000_000

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Doors:
    """What stands where; the longest prefix wins, and `rest` takes what is left."""

    exact: Mapping[str, Mapping[str, App]]
    """Path → method → door."""
    prefixes: Mapping[str, App]
    rest: App


class Root:
    """Finds the door, adds headers, answers problems, counts."""

    def __init__(
        self,
        doors: Doors,
        *,
        measures: Measures,
        requests: RequestLog | None = None,
        proxies: Sequence[Network] = (),
        is_https: bool = False,
    ) -> None:
        self.doors = doors
        self.measures = measures
        self.requests = requests
        self.proxies = proxies
        secure = (HTTPS_ONLY,) if is_https else ()
        self.api_headers = (*API_HEADERS, *secure)
        self.page_headers = (*PAGE_HEADERS, *secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        began = clock.monotonic()
        scope, given = self.as_asked(scope)
        request_id = scope["request_id"].encode()
        path: str = scope["path"]
        common = self.api_headers if path.startswith(("/v1/", "/scim/")) else self.page_headers
        status = size = 0
        code: str | None = None

        async def send_with_headers(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"] = [*message.get("headers", ()), (b"request-id", request_id)]
                present = {name for name, _ in headers}
                headers += [pair for pair in common if pair[0] not in present]
            else:
                size += len(message.get("body", b""))
            await send(message)

        door = "other"
        try:
            door, app = self.find(scope, path)
            await app(scope, receive, send_with_headers)
        except Problem as problem:
            code = problem.code
            if status == 0:
                await refuse(problem, scope, receive, send_with_headers)
        except ClientGone:
            status = 499
        except Exception as error:  # the last resort: whatever it was, the caller gets an answer
            told = logs.told(error)
            log.error("request_failed", request_id=scope["request_id"], method=scope["method"], door=door, **told)  # noqa: TRY400  # a traceback shows values
            if status != 0:
                raise
            meant = meant_by(error)
            code = meant.code
            await tell(meant, scope, send_with_headers)
        seconds = clock.monotonic() - began
        self.measures.note(door, status, seconds)
        if self.requests is not None and common is self.api_headers:
            self.requests.note(scope, given, status=status, problem=code, seconds=seconds, size=size)

    def as_asked(self, scope: Scope) -> tuple[Scope, bytes | None]:
        """HEAD is GET, the peer is who really asks, and the request has an id; with the one its caller gave."""
        if scope["method"] == "HEAD":  # the server leaves the body out
            scope = {**scope, "method": "GET"}
        if self.proxies:
            scope = {**scope, "client": (true_peer(scope, self.proxies), 0)}
        given = header(scope, b"request-id")
        if given is not None and not SANE_ID.fullmatch(given):
            given = None
        scope["request_raw"] = ids.new_bytes()
        scope["request_id"] = given.decode() if given is not None else ids.typed("req", scope["request_raw"])
        return scope, given

    def find(self, scope: Scope, path: str) -> tuple[str, App]:
        """The door for a path, and the name under which it is counted."""
        if (methods := self.doors.exact.get(path)) is not None:
            if (app := methods.get(scope["method"])) is not None:
                return path, app
            if "*" not in methods:
                raise WrongMethod(methods)
            return path, methods["*"]
        for prefix, app in self.doors.prefixes.items():
            if path.startswith(prefix):
                return prefix, app
        return "other", self.doors.rest


async def refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a problem; after a body that is too long, close the connection, but not in the client's face."""
    if not isinstance(problem, TooLarge):
        await tell(problem, scope, send)
        return
    document = problems.problem_json(problem, scope.get("request_id"))
    headers = problems.problem_headers(problem)
    headers += [(b"content-length", str(len(document)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": int(problem.status), "headers": headers})
    await send({"type": "http.response.body", "body": document, "more_body": True})
    await linger(receive)
    await send({"type": "http.response.body", "body": b""})


async def tell(problem: Problem, scope: Scope, send: Send) -> None:
    """To people as a page, to programs as a document."""
    if problem_page.is_wanted(scope):
        await problem_page.answer_page(problem, scope, send)
    else:
        await answer_problem(send, problem, scope)


async def linger(receive: Receive) -> None:
    try:
        await read_rest(receive, b"", limit_bytes=LINGER_BYTES)
    except (TooLarge, ClientGone):
        return


def meant_by(error: Exception) -> Problem:
    """A database that is away passes; anything else raised is ours to mend."""
    return away() if isinstance(error, CONNECTION_LOST) else internal()


def away() -> Problem:
    return Unavailable(
        "storage_unavailable",
        "The database cannot be reached at this moment. Send the request again in a few seconds.",
        retry_after_seconds=2,
    )


def internal() -> Problem:
    return Problem("internal", "Something went wrong here. It is in our log under this request_id.")


async def nothing_here(scope: Scope, _receive: Receive, _send: Send) -> None:
    """The door for paths that lead nowhere."""
    raise NotFound("not_found", f"There is nothing at {scope['path'][:200]}.")
