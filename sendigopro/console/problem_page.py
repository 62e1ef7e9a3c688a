"""What somebody sees in the console when a page cannot be shown: what is wrong, and where to go on."""

from http import HTTPStatus
from typing import Final

from sendigopro.console.pages import render
from sendigopro.console.visitor import sign_in_address
from sendigopro.foundation import problems
from sendigopro.foundation.asgi import Scope, Send, answer, header
from sendigopro.foundation.problems import Problem

HTML: Final = (b"content-type", b"text/html; charset=utf-8")
NO_STORE: Final = (b"cache-control", b"no-store")
TITLES: Final = {
    HTTPStatus.FORBIDDEN: "Not allowed",
    HTTPStatus.NOT_FOUND: "Nothing here",
    HTTPStatus.TOO_MANY_REQUESTS: "Too fast",
    HTTPStatus.SERVICE_UNAVAILABLE: "Back in a moment",
    HTTPStatus.INTERNAL_SERVER_ERROR: "That went wrong here",
}


def is_wanted(scope: Scope) -> bool:
    """For addresses of the console, unless whoever asks reads JSON or events only."""
    path: str = scope["path"]
    if path != "/console" and not path.startswith("/console/"):
        return False
    accepted = header(scope, b"accept") or b"*/*"
    return b"text/html" in accepted or not (b"application/json" in accepted or b"text/event-stream" in accepted)


async def answer_page(problem: Problem, scope: Scope, send: Send) -> None:
    """Who is not signed in is led to the sign-in page, and back to what they asked for."""
    if problem.status is HTTPStatus.UNAUTHORIZED:
        asked = scope["query_string"].decode("latin-1") if scope["method"] == "GET" else ""
        where = sign_in_address(scope["path"] if scope["method"] == "GET" else "/console", asked)
        await answer(send, HTTPStatus.SEE_OTHER, b"", [(b"location", where.encode()), NO_STORE])
        return
    page = render(
        "problem.html",
        title=TITLES.get(problem.status, "That did not work"),
        problem=problem,
        request_id=scope.get("request_id", ""),
    )
    headers = [one for one in problems.problem_headers(problem) if one[0] != b"content-type"]
    await answer(send, int(problem.status), page.encode(), [*headers, HTML, NO_STORE])
