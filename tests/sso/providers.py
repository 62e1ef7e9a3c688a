"""Providers to sign in by: one nobody here wrote, and a hostile one that says whatever a test tells it to."""

import asyncio
import base64
import json
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey
from yarl import URL

from sendigopro.foundation import clock
from tests.peers import places

CLIENT_ID, CLIENT_SECRET = "console", "s3cret-of-the-console-0123456789"
needs_oidc_provider = pytest.mark.skipif(
    not os.environ.get("CI") and (places.node() is None or places.node_package("oidc-provider") is None),
    reason="needs Node.js and `python tests/peers/install.py`",
)


@asynccontextmanager
async def npm_program(script: str, *arguments: str) -> AsyncIterator[dict[str, Any]]:
    """Start it, and give the first thing that it says."""
    process = await asyncio.create_subprocess_exec(
        str(places.node()), str(Path(__file__).with_name(script)), *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            yield json.loads(await process.stdout.readline())
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def oidc_provider(*redirects: str) -> AsyncIterator[str]:
    """Where it stands."""
    async with npm_program("oidc_provider.mjs", str(places.node_package("oidc-provider")), *redirects) as said:
        yield said["issuer"]


async def pass_through(address: str, *, login: str) -> str:
    """Be a browser at the provider: log in, agree, and give the address it sends us back to."""
    issuer = urlsplit(address).netloc
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        form: dict[str, str] | None = None
        for _ in range(20):
            if urlsplit(address).netloc != issuer:
                return address
            method = "GET" if form is None else "POST"
            async with session.request(method, address, data=form, allow_redirects=False) as answer:
                form = None
                if "location" in answer.headers:
                    address = str(answer.url.join(URL(answer.headers["location"])))
                    continue
                text = await answer.text()
                asked = re.search(r'<form[^>]*action="([^"]+)"', text)
                assert asked is not None, (answer.status, text[:400])
                prompt = re.search(r'name="prompt" value="(\w+)"', text)
                form = {"prompt": "" if prompt is None else prompt[1], "login": login, "password": "x"}
                address = str(answer.url.join(URL(asked[1])))
    raise AssertionError("the provider goes round in circles")


Change = Callable[[dict[str, Any]], Any]


@dataclass(slots=True)
class Hostile:
    """A provider of ours: real keys, and answers that a test may spoil."""

    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    issuer: str = ""
    mail: str = "rosa@example.com"
    nonce: str = ""
    change: Change = lambda _: None
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "one"})
    signed_with: RSAKey | None = None
    asked_for_keys: int = 0
    token: str | None = None
    form: dict[str, str] = field(default_factory=dict)

    def claims(self) -> dict[str, Any]:
        now = int(clock.now().timestamp())
        found = {
            "iss": self.issuer, "aud": CLIENT_ID, "sub": "number 7", "nonce": self.nonce, "iat": now, "exp": now + 300,
            "email": self.mail, "email_verified": True, "name": "Rosa",
        }  # fmt: skip
        self.change(found)
        return found

    def id_token(self) -> str:
        if self.token is not None:
            return self.token
        if self.header.get("alg") == "none":
            return f"{packed({**self.header})}.{packed(self.claims())}."
        return jwt.encode(self.header, self.claims(), self.signed_with or self.key, algorithms=[self.header["alg"]])

    async def discovery(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/auth",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        )

    async def keys(self, _: web.Request) -> web.Response:
        self.asked_for_keys += 1
        return web.json_response({"keys": [self.key.as_dict(private=False), {"kty": "made up"}]})

    async def exchange(self, request: web.Request) -> web.Response:
        self.form = {name: str(value) for name, value in (await request.post()).items()}
        return web.json_response({"id_token": self.id_token(), "access_token": "x", "token_type": "Bearer"})

    def remember(self, address: str) -> str:
        """What a browser would bring here; gives the state."""
        asked = parse_qs(urlsplit(address).query)
        self.nonce = asked["nonce"][0]
        return asked["state"][0]


def packed(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@asynccontextmanager
async def hostile_provider() -> AsyncIterator[Hostile]:
    made = Hostile()
    application = web.Application()
    application.router.add_get("/.well-known/openid-configuration", made.discovery)
    application.router.add_get("/keys", made.keys)
    application.router.add_post("/token", made.exchange)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None  # noqa: SLF001  # where it listens is told nowhere else
    made.issuer = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]  # noqa: SLF001
    try:
        yield made
    finally:
        await runner.cleanup()
