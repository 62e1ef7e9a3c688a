"""OpenID Connect as a relying party: authorization code with PKCE, state and nonce; an ID token that is checked whole.

OpenID Connect Core 1.0 §3.1, Discovery 1.0, RFC 7636, and what RFC 9700 asks of clients.
"""

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, urlencode

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from sendigopro.foundation import clock
from sendigopro.sso.fetch import Fetcher, UnreachableError, read_json
from sendigopro.sso.model import Identity, OidcSettings, refused
from sendigopro.sso.ticket import Ticket

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)
"""Signatures alone: neither `none` nor anything that a client secret could forge."""
SCOPE: Final = "openid email profile"
WELL_KNOWN: Final = "/.well-known/openid-configuration"
LEEWAY_SECONDS: Final = 60
AGE_SECONDS_MAX: Final = 600
"""An ID token answers a sign-in that was begun within ten minutes."""
KNOWN_SECONDS: Final = 600.0
ASK_AGAIN_SECONDS: Final = 60.0
"""How often a key that is not known may make us ask for the keys anew: anybody can name one."""
TOKEN_LENGTH_MAX: Final = 65_536
MANY_FACTORS: Final = frozenset({"mfa", "otp", "hwk", "swk", "fpt", "face", "iris", "sms", "sc"})
"""Values of `amr` (RFC 8176) that stand for something beside a password."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    auth_methods: Sequence[str]


@dataclass(slots=True)
class Known:
    """A provider and its keys, as they were asked for last."""

    provider: Provider
    keys: KeySet
    until: float
    asked_at: float


class Oidc:
    """One per process: it remembers providers and their keys for ten minutes."""

    def __init__(self, fetcher: Fetcher) -> None:
        self.fetcher = fetcher
        self._known: dict[str, Known] = {}

    async def begin(self, settings: OidcSettings, ticket: Ticket, *, redirect_uri: str, login_hint: str) -> str:
        """Where the browser is sent."""
        provider = (await self._provider(settings.issuer)).provider
        asked = {
            "response_type": "code",
            "client_id": settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": SCOPE,
            "state": ticket.state,
            "nonce": ticket.nonce,
            "code_challenge": challenge_of(ticket.verifier),
            "code_challenge_method": "S256",
        }
        if login_hint:
            asked["login_hint"] = login_hint
        if ticket.is_fresh:
            asked |= {"prompt": "login", "max_age": "0"}
        joint = "&" if "?" in provider.authorization_endpoint else "?"
        return f"{provider.authorization_endpoint}{joint}{urlencode(asked)}"

    async def finish(self, settings: OidcSettings, ticket: Ticket, *, code: str, redirect_uri: str) -> Identity:
        """Change the code for an ID token, and check it."""
        provider = (await self._provider(settings.issuer)).provider
        token, access = await self._exchange(settings, provider, ticket, code=code, redirect_uri=redirect_uri)
        claims = await self._verified(settings, token)
        check_claims(claims, settings, ticket)
        if "email" not in claims and provider.userinfo_endpoint is not None and access:
            claims = await self._with_more(claims, provider.userinfo_endpoint, access)
        return identity_of(claims, is_fresh=ticket.is_fresh)

    async def check(self, issuer: str) -> Provider:
        """Ask anew: what the page's Test does, and adding a connection."""
        self._known.pop(issuer, None)
        return (await self._provider(issuer)).provider

    async def _exchange(
        self, settings: OidcSettings, provider: Provider, ticket: Ticket, *, code: str, redirect_uri: str
    ) -> tuple[str, str]:
        """The ID token and, where there is one, the access token."""
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri,
            "code_verifier": ticket.verifier,
        }  # fmt: skip
        headers = {}
        if "client_secret_basic" in provider.auth_methods:
            pair = f"{quote(settings.client_id, safe='')}:{quote(settings.client_secret, safe='')}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form |= {"client_id": settings.client_id, "client_secret": settings.client_secret}
        status, body = await self.fetcher.post_form(provider.token_endpoint, form, headers=headers)
        answer = read_json(body)
        token = answer.get("id_token")
        if status != 200 or not isinstance(token, str):  # noqa: PLR2004  # HTTP's OK
            raise refused("sso_wrong_client" if answer.get("error") == "invalid_client" else "sso_canceled")
        if len(token) > TOKEN_LENGTH_MAX:
            raise refused("sso_unreadable")
        access = answer.get("access_token")
        return token, access if isinstance(access, str) and access.isascii() and access.isprintable() else ""

    async def _with_more(self, claims: Mapping[str, Any], endpoint: str, access: str) -> Mapping[str, Any]:
        """Claims that the provider keeps out of the ID token (Core §5.3); only of the same subject."""
        more = read_json(await self.fetcher.get(endpoint, headers={"authorization": f"Bearer {access}"}))
        if more.get("sub") != claims.get("sub"):
            raise refused("sso_unreadable")
        return {**more, **claims}

    async def _verified(self, settings: OidcSettings, token: str) -> Mapping[str, Any]:
        """The claims, if a key of the provider signed them."""
        known = await self._provider(settings.issuer)
        try:
            return decode(token, known.keys)
        except UnknownKeyError:
            known = await self._provider(settings.issuer, is_key_unknown=True)
        try:
            return decode(token, known.keys)
        except UnknownKeyError as error:
            raise refused("sso_wrong_signature") from error

    async def _provider(self, issuer: str, *, is_key_unknown: bool = False) -> Known:
        """From memory, or asked anew; for a key that is not known at most once a minute."""
        now = clock.monotonic()
        known = self._known.get(issuer)
        if known is not None and known.until > now:
            if not is_key_unknown or known.asked_at + ASK_AGAIN_SECONDS > now:
                return known
            known.asked_at = now  # before the answer: those who come meanwhile do not ask as well
        provider = read_provider(issuer, read_json(await self.fetcher.get(address_of(issuer))), self.fetcher)
        keys = read_keys(read_json(await self.fetcher.get(provider.jwks_uri)))
        # The first asking does not count as one for an unknown key: a provider may have turned its keys just after it.
        asked_at = now if is_key_unknown else now - ASK_AGAIN_SECONDS
        self._known[issuer] = Known(provider, keys, now + KNOWN_SECONDS, asked_at)
        return self._known[issuer]


class UnknownKeyError(Exception):
    """The token names a key that the provider did not have when we asked."""


def address_of(issuer: str) -> str:
    return issuer.rstrip("/") + WELL_KNOWN


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def read_provider(issuer: str, found: Mapping[str, Any], fetcher: Fetcher) -> Provider:
    """Its discovery document: it must name itself as it was named, and addresses that may be asked."""
    if found.get("issuer") != issuer:
        raise UnreachableError("it names itself otherwise than the issuer that was given")
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    addresses = [found.get(name) for name in names]
    if not all(isinstance(one, str) for one in addresses):
        raise UnreachableError(f"its discovery document lacks one of {', '.join(names)}")
    authorization, token, keys = (fetcher.check(str(one)) for one in addresses)
    more = found.get("userinfo_endpoint")
    methods = found.get("token_endpoint_auth_methods_supported")
    return Provider(
        issuer, authorization, token, keys, fetcher.check(more) if isinstance(more, str) else None,
        methods if isinstance(methods, list) else ["client_secret_basic"],
    )  # fmt: skip


def read_keys(found: Mapping[str, Any]) -> KeySet:
    """Those for signatures; kinds that we do not know are left out (RFC 7517 §5), and so are secrets."""
    usable = [
        one
        for one in found.get("keys", [])
        if isinstance(one, dict) and one.get("kty") in ("RSA", "EC", "OKP") and one.get("use", "sig") == "sig"
    ]
    keys = []
    for one in usable[:50]:
        try:
            keys += KeySet.import_key_set({"keys": [one]}).keys
        except (JoseError, ValueError, TypeError):
            continue
    if not keys:
        raise UnreachableError("it has no key for signatures")
    return KeySet(keys)


def decode(token: str, keys: KeySet) -> Mapping[str, Any]:
    try:
        return jwt.decode(token, keys, registry=JWSRegistry(algorithms=list(ALGORITHMS))).claims
    except InvalidKeyIdError as error:
        raise UnknownKeyError from error
    except (JoseError, ValueError) as error:
        raise refused("sso_wrong_signature") from error


def check_claims(claims: Mapping[str, Any], settings: OidcSettings, ticket: Ticket) -> None:
    """OpenID Connect Core §3.1.3.7, in its order."""
    if claims.get("iss") != settings.issuer:
        raise refused("sso_wrong_issuer")
    check_audience(claims, settings.client_id)
    check_times(claims)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), ticket.nonce.encode()):
        raise refused("sso_wrong_nonce")


def check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    authorized = claims.get("azp")
    if not isinstance(named, list) or client_id not in named:
        raise refused("sso_wrong_audience")
    if (len(named) > 1 or authorized is not None) and authorized != client_id:
        raise refused("sso_wrong_audience")


def check_times(claims: Mapping[str, Any]) -> None:
    now = int(clock.now().timestamp())
    issued, ends, begins = claims.get("iat"), claims.get("exp"), claims.get("nbf", now)
    for one in (issued, ends, begins):
        if isinstance(one, bool) or not isinstance(one, int | float):
            raise refused("sso_wrong_time")
    registry = jwt.JWTClaimsRegistry(now=now, leeway=LEEWAY_SECONDS, exp={"essential": True}, iat={"essential": True})
    try:
        registry.validate({"iat": issued, "exp": ends, "nbf": begins})
    except JoseError as error:
        raise refused("sso_wrong_time") from error
    if now - issued > AGE_SECONDS_MAX + LEEWAY_SECONDS:  # type: ignore[operator]  # looked at above
        raise refused("sso_wrong_time")


def identity_of(claims: Mapping[str, Any], *, is_fresh: bool) -> Identity:
    """Who it is, from claims that were checked."""
    subject, mail, name = claims.get("sub"), claims.get("email"), claims.get("name")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:  # noqa: PLR2004  # Core §2
        raise refused("sso_unreadable")
    if not isinstance(mail, str) or claims.get("email_verified") is not True:
        raise refused("sso_no_mail")
    return Identity(
        subject, mail, name if isinstance(name, str) else "", factors_of(claims), proved_at(claims, is_fresh=is_fresh)
    )


def proved_at(claims: Mapping[str, Any], *, is_fresh: bool) -> datetime | None:
    """When a credential was shown; whoever asked for a fresh one must be told (Core §3.1.2.1, max_age)."""
    told = claims.get("auth_time")
    shown = None if isinstance(told, bool) or not isinstance(told, int | float) else told
    if is_fresh and (shown is None or clock.now().timestamp() - shown > AGE_SECONDS_MAX):
        raise refused("sso_not_fresh")
    return None if shown is None else datetime.fromtimestamp(shown, UTC)


def factors_of(claims: Mapping[str, Any]) -> int:
    """Two when the provider says that there were several (RFC 8176), else one."""
    methods, level = claims.get("amr"), claims.get("acr")
    has_many = isinstance(methods, list) and not MANY_FACTORS.isdisjoint(one for one in methods if isinstance(one, str))
    is_mfa = isinstance(level, str) and level.rstrip("/").rpartition("/")[2].rpartition(":")[2].lower() in (
        "mfa", "multifactor", "multi-factor", "phr", "phrh",
    )  # fmt: skip
    return 2 if has_many or is_mfa else 1
