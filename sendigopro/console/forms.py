"""What a browser's form holds, and the page it comes back on when something is wrong with it."""

from collections.abc import Sequence
from urllib.parse import parse_qs

from litestar import Request, Response
from litestar.enums import MediaType

from sendigopro.console.pages import render
from sendigopro.foundation.problems import Invalid, NotAllowed
from sendigopro.runtime import Runtime

VALUE_MAX = 4096


def read_form(body: bytes, fields: Sequence[str], *, longest: int = VALUE_MAX) -> dict[str, str]:
    """These fields, as they were typed; what is missing is empty. Raises `Invalid` for what is no form."""
    try:
        found = parse_qs(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict",
            max_num_fields=len(fields) + 1,
        )  # fmt: skip
    except ValueError:
        found = {}
    values = {name: found.get(name, [""])[0] for name in fields}
    if any(len(value) > longest or "\0" in value for value in values.values()) or (body and not found):
        raise Invalid("invalid_form", "This form cannot be read. Go back and fill it in again.")
    return values


def read_query(request: Request, fields: Sequence[str]) -> dict[str, str]:  # type: ignore[type-arg]  # whatever it carries
    """These fields of the address, as somebody may have typed them; what is missing or no text is empty."""
    try:
        found = parse_qs(request.scope["query_string"].decode("ascii"), errors="strict", max_num_fields=50)
    except ValueError:
        found = {}
    values = {name: found.get(name, [""])[0].strip() for name in fields}
    return {name: value if len(value) <= VALUE_MAX and "\0" not in value else "" for name, value in values.items()}


def refuse_foreign(request: Request, runtime: Runtime) -> None:  # type: ignore[type-arg]  # whatever it carries
    """A form on somebody else's page must not speak for us; browsers say where a form stood (Fetch Metadata)."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    ours = {runtime.settings.url, f"{request.url.scheme}://{request.headers.get('host', '')}"}
    if site not in (None, "same-origin", "none") or (origin is not None and origin not in ours):
        raise NotAllowed("cross_site", "This came from another site.")


def html(template: str, *, status: int = 200, **values: object) -> Response[str]:
    """A page that nobody keeps."""
    return Response(
        render(template, **values), status_code=status, media_type=MediaType.HTML,
        headers={"cache-control": "no-store", "referrer-policy": "same-origin"},
    )  # fmt: skip
