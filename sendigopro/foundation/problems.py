"""What can be wrong with a request, and how we say it (RFC 9457).

Problem
├── Invalid          400  the request says something impossible
├── Unauthenticated  401  we do not know who is asking
├── Unpaid           402  credit does not cover it
├── NotAllowed       403  known, but may not
├── NotFound         404  no such thing for this account
├── WrongMethod      405  there is such a place, but not for this
├── Conflict         409  right, but not now
├── TooLarge         413  more than we read
├── WrongMedia       415  not JSON
├── Unprocessable    422  an idempotency key with another body
├── TooMany          429  slow down
├── HeadTooLarge     431  an address or headers longer than we read
└── Unavailable      503  our fault, and it passes
"""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar

import msgspec

DOCS = "https://docs.sendigopro.org/errors/"
CONTENT_TYPE = "application/problem+json"


class Problem(Exception):  # RFC 9457's own word, and ours
    """A refusal that the caller can read; `code` is stable, `detail` tells what, where and what next."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        param: str | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.param = param
        self.errors = tuple(errors)
        self.retry_after_seconds = retry_after_seconds
        self.headers: Sequence[tuple[bytes, bytes]] = ()
        """More headers of the answer: what is left of a rate limit."""

    @property
    def title(self) -> str:
        """The code as a short phrase."""
        return self.code.replace("_", " ").capitalize()


class Invalid(Problem):
    """The request says something impossible."""

    status = HTTPStatus.BAD_REQUEST


class Unauthenticated(Problem):
    """We do not know who is asking."""

    status = HTTPStatus.UNAUTHORIZED


class Unpaid(Problem):
    """Credit does not cover it."""

    status = HTTPStatus.PAYMENT_REQUIRED


class NotAllowed(Problem):
    """Known, but may not."""

    status = HTTPStatus.FORBIDDEN


class NotFound(Problem):
    """No such thing for this account."""

    status = HTTPStatus.NOT_FOUND


class WrongMethod(Problem):
    """There is such a place, but not for this method; the answer names those it has."""

    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        super().__init__("method_not_allowed", f"This address knows {self.allowed}.")


class Conflict(Problem):
    """Right, but not now."""

    status = HTTPStatus.CONFLICT


class TooLarge(Problem):
    """More than we read."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class WrongMedia(Problem):
    """A body of a kind that we do not read."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Unprocessable(Problem):
    """An idempotency key that came with another body before."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class TooMany(Problem):
    """Slow down."""

    status = HTTPStatus.TOO_MANY_REQUESTS


class HeadTooLarge(Problem):
    """An address or headers longer than we read."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class Unavailable(Problem):
    """Our fault, and it passes."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


def as_mapping(problem: Problem, request_id: str | None = None) -> dict[str, object]:
    """The members of the problem document."""
    document: dict[str, object] = {
        "type": DOCS + problem.code,
        "title": problem.title,
        "status": int(problem.status),
        "detail": problem.detail,
        "code": problem.code,
    }
    if problem.param is not None:
        document["param"] = problem.param
    if problem.errors:
        document["errors"] = list(problem.errors)
    if request_id is not None:
        document["request_id"] = request_id
    return document


def problem_json(problem: Problem, request_id: str | None = None) -> bytes:
    """The problem document as it goes over the wire."""
    return msgspec.json.encode(as_mapping(problem, request_id))


def problem_headers(problem: Problem) -> list[tuple[bytes, bytes]]:
    """The headers that go with it."""
    headers = [(b"content-type", CONTENT_TYPE.encode()), *problem.headers]
    if problem.retry_after_seconds is not None:
        headers.append((b"retry-after", b"%d" % problem.retry_after_seconds))
    if isinstance(problem, Unauthenticated):
        headers.append((b"www-authenticate", b'Bearer realm="SendiGoPro"'))
    if isinstance(problem, WrongMethod):
        headers.append((b"allow", problem.allowed.encode()))
    return headers
