"""Asking a provider: to checked addresses only, never through a redirect, never longer or more than is sensible."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from sendigopro.foundation.addresses import ForbiddenAddress, Lookup, Origin, addresses_of, look_up, read_url
from sendigopro.foundation.problems import Invalid

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult

ANSWER_MAX: Final = 512 * 1024
TIMEOUT_SECONDS: Final = 10.0
OK: Final = 200


class UnreachableError(Exception):
    """The provider gave no answer that could be used; the text says in words why."""


@dataclass(frozen=True, slots=True)
class Fetcher:
    """How a process asks providers; `lookup` and `tls` are given by who starts it."""

    allow_private: bool
    lookup: Lookup = look_up
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    def check(self, url: str, *, param: str = "url") -> str:
        """An address that may be asked, as far as it can be said before its name is looked up."""
        try:
            read_url(url, allow_private=self.allow_private, param=param)
        except Invalid as problem:
            told = {
                "forbidden_url": "This address leads into a private network. Providers are asked at public ones only.",
                "invalid_url": "This is no address that can be asked. Write it like https://login.example.com, "
                "with port 443 or 8443.",
            }
            raise Invalid(problem.code, told[problem.code], param=param) from problem
        return url

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> bytes:
        status, body = await self._send("GET", url, headers=headers)
        if status != OK:
            raise UnreachableError(f"it answered with status {status}")
        return body

    async def post_form(self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body: an error of the token endpoint says in its body what is wrong."""
        return await self._send("POST", url, form=form, headers=headers)

    async def _send(
        self, method: str, url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        # Half a second and 20 MB, spared to every process that never asks a provider.
        from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector  # noqa: PLC0415

        try:
            origin = read_url(url, allow_private=self.allow_private).origin
            addresses = await addresses_of(origin, allow_private=self.allow_private, lookup=self.lookup)
            connector = TCPConnector(
                resolver=resolver_of(origin, addresses), use_dns_cache=False, ssl=self.tls or strict_tls()
            )
            timeout = ClientTimeout(total=TIMEOUT_SECONDS)
            async with (
                ClientSession(connector=connector, timeout=timeout) as session,
                session.request(
                    method, url, data=form, headers={"accept": "application/json", **(headers or {})},
                    allow_redirects=False,
                ) as answer,
            ):  # fmt: skip
                body = await answer.content.read(ANSWER_MAX + 1)
                while len(body) <= ANSWER_MAX and not answer.content.at_eof():
                    body += await answer.content.read(ANSWER_MAX + 1 - len(body))
                if len(body) > ANSWER_MAX:
                    raise UnreachableError("its answer is longer than 512 kB")
                return answer.status, body
        except (Invalid, ForbiddenAddress) as error:
            raise UnreachableError("its address leads where providers may not be") from error
        except TimeoutError as error:
            raise UnreachableError(f"it did not answer within {TIMEOUT_SECONDS:.0f} seconds") from error
        except (OSError, ClientError, UnicodeError) as error:
            raise UnreachableError("no connection to it could be made, or it was not encrypted as it should") from error


def resolver_of(origin: Origin, addresses: tuple[str, ...]) -> Any:  # noqa: ANN401  # aiohttp's own type, loaded when first needed
    """Answers with the addresses that were checked, so that no second look-up can lead elsewhere (DNS rebinding)."""
    import socket  # noqa: PLC0415  # beside aiohttp

    from aiohttp.abc import AbstractResolver  # noqa: PLC0415  # as above

    class Checked(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> "list[ResolveResult]":
            del family
            if host != origin.host:
                raise OSError("another name than the one that was checked")
            return [
                {
                    "hostname": host, "host": one, "port": port, "proto": 0, "flags": socket.AI_NUMERICHOST,
                    "family": socket.AF_INET6 if ":" in one else socket.AF_INET,
                }
                for one in addresses
            ]  # fmt: skip

        async def close(self) -> None:
            pass

    return Checked()


def strict_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def read_json(body: bytes) -> dict[str, Any]:
    """An object; `UnreachableError` for anything else."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UnreachableError("its answer is no JSON object") from error
