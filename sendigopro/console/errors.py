"""The page of the error book: every problem and reason, to be searched by eye, by the palette's key, or by address."""

from litestar import Response, get
from litestar.di import NamedDependency as Given

from sendigopro.console.error_book import FAILURES, PROBLEMS, REASONS
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit


@get("/console/errors")
async def show(visit: Given[Visit]) -> Response[str]:
    """For every member: it says nothing of anybody."""
    return framed(visit, "errors.html", problems=PROBLEMS, reasons=REASONS, failures=FAILURES)


routes = [show]
