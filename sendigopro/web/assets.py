"""Style sheets, scripts and pictures of the package, served from memory; nothing outside these folders."""

import hashlib
from pathlib import Path

from sendigopro.foundation.asgi import Receive, Scope, Send, answer, header
from sendigopro.foundation.problems import NotFound, WrongMethod

PREFIX = "/static/"
PACKAGE = Path(__file__).parents[1]
FOLDERS = tuple(PACKAGE / ring / "static" for ring in ("console", "web", "website"))
TYPES = {".css": b"text/css; charset=utf-8", ".js": b"text/javascript; charset=utf-8", ".svg": b"image/svg+xml"}


class Assets:
    """Read once, when first asked for."""

    def __init__(self) -> None:
        self.files = {path.name: path for folder in FOLDERS for path in folder.iterdir() if path.suffix in TYPES}
        self.read: dict[str, tuple[bytes, bytes]] = {}

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        name = scope["path"].removeprefix(PREFIX)
        path = self.files.get(name)
        if path is None:
            raise NotFound("not_found", "There is no such file.")
        if scope["method"] != "GET":
            raise WrongMethod(["GET"])
        body, tag = self.content(name, path)
        headers = [(b"etag", tag), (b"cache-control", b"no-cache")]
        if header(scope, b"if-none-match") == tag:
            await answer(send, 304, b"", headers)
        else:
            await answer(send, 200, body, [*headers, (b"content-type", TYPES[path.suffix])])

    def content(self, name: str, path: Path) -> tuple[bytes, bytes]:
        known = self.read.get(name)
        if known is None:
            body = path.read_bytes()
            known = self.read[name] = body, b'"%s"' % hashlib.sha256(body).hexdigest()[:20].encode()
        return known
