"""The pages of coming in by a company's own provider: asked for by address, there and back, and what went wrong."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts.people import read_mail
from sendigopro.accounts.sessions import Sessions
from sendigopro.console import visitor
from sendigopro.console.forms import html, read_form, refuse_foreign
from sendigopro.console.visitor import SIGN_IN, safe_next
from sendigopro.foundation import clock, ids, logs
from sendigopro.foundation.problems import Invalid, NotFound, Problem, Unavailable
from sendigopro.runtime import Runtime
from sendigopro.sso import arrive, connections, store, ticket
from sendigopro.sso.fetch import UnreachableError
from sendigopro.sso.model import PREFIX, Connection, Identity, Kind, OidcSettings, Refused, SamlSettings, refused
from sendigopro.sso.providers import OIDC_PATH, Providers
from sendigopro.sso.saml import ANSWER_MAX, check_fresh
from sendigopro.sso.ticket import ARRIVAL, LIFE, Ticket
from sendigopro.vault.sealing import UnreadableError
from sendigopro.vault.vault import Vault

COMPANY = f"{SIGN_IN}/company"
SAML = f"{SIGN_IN}/saml"
COOKIE = "sendigopro_provider"
ARRIVAL_SECONDS = 60

AnyRequest = Request[Any, Any, Any]
log = logs.get(__name__)


class Arrival(msgspec.Struct, frozen=True, array_like=True):
    """A SAML response that was verified, on its way to the browser that asked for it.

    A browser sends its cookies with no form of another site, but with the page after it.
    """

    connection_id: bytes
    in_response_to: str
    assertion: str
    subject: str
    mail: str
    name: str
    factors: int
    proved_at: float
    ends_at: int

    def __repr__(self) -> str:
        return "<Arrival>"


@get(COMPANY)
async def show(request: AnyRequest) -> Response[Any]:
    """Ask for the address: its domain says which provider."""
    return html("company.html", next=safe_next(request.query_params.get("next", "/console")), mail="", problem=None)


@post(COMPANY, status_code=200)
async def choose(
    request: AnyRequest, *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault], providers: Given[Providers]
) -> Response[Any]:
    """The same for every address of a domain, whether somebody has it or not."""
    refuse_foreign(request, runtime)
    typed = read_form(body, ("email", "next"))
    wanted = safe_next(typed["next"])
    try:
        mail = read_mail(typed["email"])
        connection = await connection_for(runtime, vault, mail)
        return await leave(request, vault, providers, connection, wanted=wanted, hint=mail, is_form=True)
    except (Invalid, NotFound, Refused, Unavailable) as problem:
        return html("company.html", status=int(problem.status), next=wanted, mail=typed["email"], problem=problem)


@get(COMPANY + "/{connection:str}")
async def start(
    connection: FromPath[str], request: AnyRequest, *, runtime: Given[Runtime], vault: Given[Vault],
    providers: Given[Providers],
) -> Response[Any]:  # fmt: skip
    """A link that leads straight to a provider; `fresh=1` asks for a credential anew."""
    try:
        found = await the_connection(runtime, vault, connection)
        wanted = safe_next(request.query_params.get("next", "/console"))
        is_fresh = request.query_params.get("fresh") == "1"
        return await leave(request, vault, providers, found, wanted=wanted, is_fresh=is_fresh)
    except (Invalid, NotFound, Refused, Unavailable) as problem:
        return problem_page(request, problem)


@get(OIDC_PATH)
async def come_back(
    request: AnyRequest, *, runtime: Given[Runtime], vault: Given[Vault], providers: Given[Providers],
    sessions: Given[Sessions],
) -> Response[Any]:  # fmt: skip
    """What an OpenID provider sends the browser back with."""
    connection = None
    try:
        kept = await own_ticket(request, vault, state=request.query_params.get("state", ""))
        connection = await the_connection(runtime, vault, ids.typed(PREFIX, kept.connection_id))
        async with runtime.main.acquire() as conn:
            await ticket.use(conn, vault, kept)
        code = request.query_params.get("code", "")
        if not code or not isinstance(connection.settings, OidcSettings):
            raise refused("sso_canceled")
        if request.query_params.get("iss", connection.settings.issuer) != connection.settings.issuer:
            raise refused("sso_wrong_issuer")  # RFC 9207: an answer of another provider than was asked
        identity = await providers.oidc.finish(
            connection.settings, kept, code=code, redirect_uri=providers.redirect_uri
        )
        return await let_in(request, runtime, vault, sessions, arriving=(connection, identity), wanted=kept.wanted)
    except UnreachableError:
        return await turned_away(request, runtime, connection, refused("sso_unreachable"))
    except (Problem, UnreadableError) as problem:
        told = problem if isinstance(problem, Problem) else refused("sso_not_begun")
        return await turned_away(request, runtime, connection, told)


@post(SAML + "/{connection:str}", status_code=303)
async def take_answer(
    connection: FromPath[str], request: AnyRequest, *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault],
    providers: Given[Providers],
) -> Response[Any]:  # fmt: skip
    """A response of an identity provider, as a form of its page: verified here, and passed on to the browser's own."""
    found = None
    try:
        found = await the_connection(runtime, vault, connection)
        if not isinstance(found.settings, SamlSettings):
            raise not_here()
        answer = saml_answer(body)
        done = await asyncio.to_thread(
            providers.saml.finish, found.settings, providers.place_of(found), answer,
            is_unasked=found.choices.is_unasked,
        )  # fmt: skip
        one = done.identity
        arrival = Arrival(
            found.id.bytes, done.in_response_to or "", done.assertion_id, one.subject, one.mail, one.name, one.factors,
            0.0 if one.proved_at is None else one.proved_at.timestamp(),
            int(clock.now().timestamp()) + ARRIVAL_SECONDS,
        )  # fmt: skip
        mac = await vault.idempotency_mac(found.account_id, f"sso assertion|{found.id}|{done.assertion_id}")
        async with runtime.main.acquire() as conn:
            if not await store.use_once(conn, mac=mac, ends_at=done.ends_at):
                raise refused("sso_replayed")
        passed_on = await ticket.seal(vault, ARRIVAL, msgspec.msgpack.encode(arrival))
        return Redirect(f"{SAML}?{urlencode({'arrival': passed_on})}", status_code=303)
    except Problem as problem:
        return await turned_away(request, runtime, found, problem)


@get(SAML)
async def arrive_by_saml(
    request: AnyRequest, *, runtime: Given[Runtime], vault: Given[Vault], sessions: Given[Sessions]
) -> Response[Any]:
    """The same browser that asked comes in; one that never asked does so only where the account allows it."""
    connection = None
    try:
        arrival = await read_arrival(vault, request.query_params.get("arrival", ""))
        connection = await the_connection(runtime, vault, ids.typed(PREFIX, arrival.connection_id))
        wanted, is_fresh = "/console", False
        if arrival.in_response_to or not connection.choices.is_unasked:
            kept = await own_ticket(request, vault, state=arrival.in_response_to)
            if kept.connection_id != connection.id:
                raise refused("sso_not_begun")
            wanted, is_fresh = kept.wanted, kept.is_fresh
            async with runtime.main.acquire() as conn:
                await ticket.use(conn, vault, kept)
        identity = identity_of(arrival)
        if is_fresh:
            check_fresh(identity)
        mac = await vault.idempotency_mac(connection.account_id, f"sso arrival|{connection.id}|{arrival.assertion}")
        async with runtime.main.acquire() as conn:
            if not await store.use_once(conn, mac=mac, ends_at=clock.now() + LIFE):
                raise refused("sso_replayed")
        return await let_in(request, runtime, vault, sessions, arriving=(connection, identity), wanted=wanted)
    except Problem as problem:
        return await turned_away(request, runtime, connection, problem)


@get(SAML + "/{connection:str}/metadata")
async def show_metadata(
    connection: FromPath[str], runtime: Given[Runtime], vault: Given[Vault], providers: Given[Providers]
) -> Response[bytes]:
    """Ours, for the provider of this connection."""
    found = await the_connection(runtime, vault, connection)
    if found.kind is not Kind.SAML:
        raise not_here()
    document = await asyncio.to_thread(providers.saml.metadata, providers.place_of(found))
    return Response(document, media_type="application/samlmetadata+xml")


# Parts


async def leave(
    request: AnyRequest, vault: Vault, providers: Providers, connection: Connection, *, wanted: str, hint: str = "",
    is_fresh: bool = False, is_form: bool = False,
) -> Response[Any]:  # fmt: skip
    """Off to the provider, with a sealed note in the browser of what was begun."""
    begun = ticket.new_ticket(connection, wanted=wanted, is_fresh=is_fresh)
    try:
        if isinstance(connection.settings, OidcSettings):
            there = await providers.oidc.begin(
                connection.settings, begun, redirect_uri=providers.redirect_uri, login_hint=hint
            )
        else:
            there = await asyncio.to_thread(
                providers.saml.begin, connection.settings, providers.place_of(connection), request_id=begun.state,
                is_fresh=is_fresh,
            )  # fmt: skip
    except (UnreachableError, Invalid) as error:
        log.warning("sso_unreachable", connection=ids.typed(PREFIX, connection.id), **logs.told(error))
        raise refused("sso_unreachable") from error
    cookie = visitor.cookie(request, COOKIE, await ticket.write(vault, begun), seconds=int(LIFE.total_seconds()))
    if not is_form:
        return Redirect(there, status_code=303, cookies=[cookie])
    # A form may lead to pages of ours only (CSP form-action), redirects included: so a page that goes on by itself.
    page = html("company_go.html", there=there)
    page.cookies.append(cookie)
    return page


async def own_ticket(request: AnyRequest, vault: Vault, *, state: str) -> Ticket:
    """What this browser began; `Refused` when it began nothing, or something else."""
    kept = await ticket.read(vault, request.cookies.get(visitor.cookie_name(request, COOKIE), ""))
    if not state or kept.state != state:
        raise refused("sso_not_begun")
    return kept


async def let_in(
    request: AnyRequest, runtime: Runtime, vault: Vault, sessions: Sessions, *, arriving: tuple[Connection, Identity],
    wanted: str,
) -> Response[Any]:  # fmt: skip
    async with runtime.main.acquire() as conn, conn.transaction():
        session = await arrive.let_in(conn, vault, sessions, *arriving, place=visitor.place_of(request))
    cookies = [visitor.session_cookie(request, session.token), visitor.gone(request, COOKIE)]
    return Redirect(wanted, status_code=303, cookies=cookies)


async def turned_away(
    request: AnyRequest, runtime: Runtime, connection: Connection | None, problem: Problem
) -> Response[Any]:
    """One page for all that can go wrong. The connection remembers the code, so that an admin sees it too."""
    if connection is not None:
        async with runtime.main.acquire() as conn:
            await store.note_refusal(
                conn, account_id=connection.account_id, connection_id=connection.id, code=problem.code
            )
    named = None if connection is None else ids.typed(PREFIX, connection.id)
    log.info("sso_refused", code=problem.code, connection=named, request_id=request.scope.get("request_id"))
    return problem_page(request, problem)


def problem_page(request: AnyRequest, problem: Problem) -> Response[Any]:
    request_id = request.scope.get("request_id", "")
    page = html("company_problem.html", status=int(problem.status), problem=problem, request_id=request_id)
    page.cookies.append(visitor.gone(request, COOKIE))
    return page


async def connection_for(runtime: Runtime, vault: Vault, mail: str) -> Connection:
    async with runtime.main.acquire() as conn:
        found = await connections.find_for(conn, vault, mail=mail)
    if found is None:
        raise NotFound(
            "sso_unknown_domain",
            "No company sign-in is known for this mail domain. Sign in with your password, or ask an admin of your "
            "account to set it up on the page Single sign-on.",
            param="email",
        )
    return found


async def the_connection(runtime: Runtime, vault: Vault, text: str) -> Connection:
    try:
        connection_id = ids.parse(PREFIX, text)
    except Invalid as error:
        raise not_here() from error
    async with runtime.main.acquire() as conn:
        found = await connections.find(conn, vault, connection_id=connection_id)
    if found is None:
        raise not_here()
    return found


def saml_answer(body: bytes) -> str:
    if len(body) > 2 * ANSWER_MAX:
        raise refused("sso_unreadable")
    try:
        found = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=5)
    except ValueError as error:
        raise refused("sso_unreadable") from error
    return found.get("SAMLResponse", [""])[0]


async def read_arrival(vault: Vault, text: str) -> Arrival:
    try:
        arrival = msgspec.msgpack.decode(await ticket.unseal(vault, ARRIVAL, text), type=Arrival)
    except (ValueError, UnreadableError, msgspec.MsgspecError) as error:
        raise refused("sso_not_begun") from error
    if arrival.ends_at < clock.now().timestamp():
        raise refused("sso_not_begun")
    return arrival


def identity_of(arrival: Arrival) -> Identity:
    shown = datetime.fromtimestamp(arrival.proved_at, UTC) if arrival.proved_at else None
    return Identity(arrival.subject, arrival.mail, arrival.name, arrival.factors, shown)


def not_here() -> NotFound:
    return NotFound("sso_no_connection", "There is no such connection, or not any more. Begin at the sign-in page.")


routes = [show, choose, start, come_back, take_answer, arrive_by_saml, show_metadata]
