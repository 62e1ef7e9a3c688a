"""The gate before every /v1 door that is not hot: who asks, how often, and what kind of body; then the framework."""

import re
from collections.abc import Iterable

from sendigopro.accounts.keys import Callers
from sendigopro.audit.model import Actor, ActorKind, By
from sendigopro.foundation.asgi import App, Message, Receive, Scope, Send, header, read_json_body
from sendigopro.foundation.limits import Limits
from sendigopro.foundation.operations import Operation
from sendigopro.foundation.problems import NotFound, Problem, WrongMethod

BODY_LIMIT_BYTES = 1_000_000


class Gate:
    """Closed by default: a route behind it is reached only with a valid key, and only if it is in the document."""

    def __init__(self, inner: App, *, callers: Callers, limits: Limits, operations: Iterable[Operation]) -> None:
        self.inner = inner
        self.callers = callers
        self.limits = limits
        self.places = places_of(operations)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = await self.callers.enter(scope)
        headers = self.limits.take(caller.counted)
        by = By(Actor(ActorKind.KEY, caller.key_id), scope.get("request_id"))
        scope.setdefault("state", {}).update(caller=caller, by=by)

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        try:
            self.refuse_unknown(scope["path"], scope["method"])
            body = await read_json_body(scope, receive, limit_bytes=BODY_LIMIT_BYTES) if has_body(scope) else b""
            await self.inner(scope, replay(body, receive), send_with_limits)
        except Problem as problem:
            problem.headers = (*problem.headers, *headers)
            raise

    def refuse_unknown(self, path: str, method: str) -> None:
        """404 for what is nowhere, 405 with the methods there are."""
        for pattern, methods in self.places:
            if pattern.fullmatch(path):
                if method not in methods:
                    raise WrongMethod(methods)
                return
        raise NotFound("not_found", f"There is nothing at {path[:200]}.")


def places_of(operations: Iterable[Operation]) -> list[tuple[re.Pattern[str], set[str]]]:
    methods: dict[str, set[str]] = {}
    for operation in operations:
        methods.setdefault(operation.path, set()).add(operation.method)
    methods = dict(sorted(methods.items(), key=lambda place: place[0].count("{")))  # a word goes before a parameter
    return [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), known) for path, known in methods.items()]


def has_body(scope: Scope) -> bool:
    if scope["method"] == "GET":
        return False
    length = header(scope, b"content-length")
    return header(scope, b"transfer-encoding") is not None or length not in (None, b"0")


def replay(body: bytes, rest: Receive) -> Receive:
    """Give the framework the body that was already read; then what really comes, so that a long answer is not cut."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else await rest()

    return receive
