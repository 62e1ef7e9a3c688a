"""The page of single sign-on: which provider speaks for whom, for which domains, and its SCIM token."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts import custom_roles
from sendigopro.accounts.roles import Permission, need_all
from sendigopro.accounts.sessions import need_proof
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation import ids, strict_query
from sendigopro.foundation.postgres import Conn, as_account
from sendigopro.foundation.problems import Conflict, Invalid, NotAllowed, NotFound, Problem
from sendigopro.runtime import Runtime
from sendigopro.sso import connections, domains, store
from sendigopro.sso.fetch import UnreachableError
from sendigopro.sso.model import DEFAULT_ROLES, PREFIX, Choices, Connection, Kind, OidcSettings, check_role
from sendigopro.sso.providers import Providers
from sendigopro.sso.saml import Place
from sendigopro.sso.scim_api import ROOT
from sendigopro.vault.vault import Vault

HOME: Final = "/console/sso"
FIELDS: Final = ("issuer", "client_id", "client_secret", "metadata", "default_role", "joins")
METADATA_MAX: Final = 256 * 1024
SHOWN_AGAIN: Final = (Invalid, Conflict, NotAllowed, NotFound)
SAML_MISSING: Final = (
    "SAML needs the program xmlsec1 and the package sendigopro[saml] on this installation. Ask whoever runs it, or use"
    " OpenID Connect."
)


@dataclass(frozen=True, slots=True)
class Record:
    """A domain, and what must stand in the domain name system for it."""

    name: str
    is_verified: bool
    record: str
    value: str


@dataclass(frozen=True, slots=True)
class Line:
    """A connection as the page shows it."""

    id: str
    connection: Connection
    issuer: str
    domains: list[Record]
    place: Place | None
    """What a SAML provider is told of us."""


@dataclass(slots=True)
class Desk:
    """Who looks, and what the page is made from."""

    visit: Visit
    runtime: Runtime
    vault: Vault
    providers: Providers

    async def lines(self) -> list[Line]:
        account_id = self.visit.account_id
        async with self.runtime.main.acquire() as conn:
            stored = await store.list_connections(conn, account_id=account_id)
            opened = [await connections.opened(self.vault, one) for one in stored]
            claimed = await domains.list_all(conn, self.vault, account_id=account_id)
        lines = []
        for one in opened:
            records = []
            for domain in claimed:
                if domain.connection_id == one.id:
                    name, value = await domains.record_of(self.vault, account_id, domain.name)
                    records.append(Record(domain.name, domain.verified_at is not None, name, value))
            place = self.providers.place_of(one) if one.kind is Kind.SAML else None
            lines.append(Line(ids.typed(PREFIX, one.id), one, one.settings.issuer, records, place))
        return lines

    async def page(
        self, *, problem: Problem | None = None, at: str = "new", token: str = "", typed: dict[str, str] | None = None
    ) -> Response[str]:
        lines = await self.lines()
        return framed(
            self.visit, "sso.html", lines=lines, roles=DEFAULT_ROLES, redirect_uri=self.providers.redirect_uri,
            scim_url=f"{self.runtime.settings.url}{ROOT}".rstrip("/"), problem=problem, at=at, token=token,
            typed=typed or dict.fromkeys(FIELDS, ""), sign_in=f"{self.runtime.settings.url}/console/sign-in/company",
        )  # fmt: skip


@get(HOME)
async def show(
    visit: Given[Visit], runtime: Given[Runtime], vault: Given[Vault], providers: Given[Providers]
) -> Response[str]:
    """All connections, and how one is made."""
    visit.need(Permission.CHANGE_ACCOUNT)
    return await Desk(visit, runtime, vault, providers).page()


@post(HOME, status_code=303)
async def add(
    visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault], providers: Given[Providers]
) -> Response[Any]:
    """An OpenID provider, once it answers as one. It signs nobody in before a domain is shown."""
    desk = changing(visit, runtime, vault, providers)
    typed = read_form(body, FIELDS)
    try:
        need_proof(visit.signed)
        client_id, secret = connections.read_client(typed["client_id"], typed["client_secret"])
        choices = Choices(check_role(typed["default_role"]), bool(typed["joins"]), is_required=False, is_unasked=False)
        provider = await reached(providers, typed["issuer"].strip())
        settings = OidcSettings(provider, client_id, secret)
        async with as_account(runtime.door, visit.account_id) as conn:
            await need_role(conn, visit, choices.default_role)
            await connections.add(
                conn, vault, account_id=visit.account_id, settings=settings, choices=choices, by=visit.by
            )
    except SHOWN_AGAIN as problem:
        return await desk.page(problem=problem, typed={**typed, "client_secret": ""})
    return Redirect(HOME, status_code=303)


@post(HOME + "/saml", status_code=303)
async def add_saml(
    visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault], providers: Given[Providers]
) -> Response[Any]:
    """A SAML identity provider, by what it says of itself; then we say where it sends its answers."""
    desk = changing(visit, runtime, vault, providers)
    typed = read_form(body, FIELDS, longest=METADATA_MAX)
    try:
        need_proof(visit.signed)
        choices = Choices(check_role(typed["default_role"]), bool(typed["joins"]), is_required=False, is_unasked=False)
        somewhere = f"{providers.url}{HOME}"
        if not providers.saml.is_here:
            raise Conflict("saml_not_installed", SAML_MISSING)
        settings = await asyncio.to_thread(
            providers.saml.read_metadata, typed["metadata"], Place(f"{somewhere}/metadata", somewhere)
        )
        async with as_account(runtime.door, visit.account_id) as conn:
            await need_role(conn, visit, choices.default_role)
            await connections.add(
                conn, vault, account_id=visit.account_id, settings=settings, choices=choices, by=visit.by
            )
    except SHOWN_AGAIN as problem:
        return await desk.page(problem=problem, at="saml", typed=typed)
    return Redirect(HOME, status_code=303)


@post(HOME + "/{connection:str}/change", status_code=303)
async def change(
    connection: FromPath[str], visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault],
    providers: Given[Providers],
) -> Response[Any]:  # fmt: skip
    """Who becomes what, and whether there is another way in."""
    desk = changing(visit, runtime, vault, providers)
    connection_id = strict_query.path_id(PREFIX, connection)
    typed = read_form(body, ("default_role", "joins", "is_required", "is_unasked"))
    try:
        need_proof(visit.signed)
        choices = Choices(
            check_role(typed["default_role"]), *(bool(typed[one]) for one in ("joins", "is_required", "is_unasked"))
        )
        async with as_account(runtime.door, visit.account_id) as conn:
            await need_role(conn, visit, choices.default_role)
            await connections.change(
                conn, account_id=visit.account_id, connection_id=connection_id, choices=choices, by=visit.by
            )
        if choices.is_required:
            async with runtime.main.acquire() as conn, conn.transaction():
                await connections.end_other_sign_ins(conn, vault, account_id=visit.account_id)
    except (Invalid, Conflict, NotAllowed) as problem:
        return await desk.page(problem=problem, at=connection)
    return Redirect(HOME, status_code=303)


@post(HOME + "/{connection:str}/remove", status_code=303)
async def remove(
    connection: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault],
    providers: Given[Providers],
) -> Response[Any]:  # fmt: skip
    """With its domains and its token; who came in by it stays a member."""
    desk = changing(visit, runtime, vault, providers)
    connection_id = strict_query.path_id(PREFIX, connection)
    try:
        need_proof(visit.signed)
        async with as_account(runtime.door, visit.account_id) as conn:
            await connections.remove(conn, account_id=visit.account_id, connection_id=connection_id, by=visit.by)
    except NotAllowed as problem:
        return await desk.page(problem=problem, at=connection)
    return Redirect(HOME, status_code=303)


@post(HOME + "/{connection:str}/domains", status_code=303)
async def claim_domain(
    connection: FromPath[str], visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault],
    providers: Given[Providers],
) -> Response[Any]:  # fmt: skip
    """Say that a domain is ours, or look whether the record that shows it stands there by now."""
    desk = changing(visit, runtime, vault, providers)
    connection_id = await own(desk, connection)
    typed = read_form(body, ("domain", "check"))
    try:
        need_proof(visit.signed)
        await need_its_role(desk, connection_id)
        domain = domains.read_domain(typed["domain"])
        await (check_domain(desk, domain) if typed["check"] else claim(desk, connection_id, domain))
    except SHOWN_AGAIN as problem:
        return await desk.page(problem=problem, at=connection)
    return Redirect(HOME, status_code=303)


@post(HOME + "/{connection:str}/scim", status_code=200)
async def make_token(
    connection: FromPath[str], visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault],
    providers: Given[Providers],
) -> Response[Any]:  # fmt: skip
    """The token by which the provider says who has left; shown once, or ended."""
    desk = changing(visit, runtime, vault, providers)
    connection_id = strict_query.path_id(PREFIX, connection)
    is_end = bool(read_form(body, ("end",))["end"])
    try:
        need_proof(visit.signed)
        if not is_end:
            await need_its_role(desk, await own(desk, connection))
        clear = ""
        async with as_account(runtime.door, visit.account_id) as conn:
            which = {"account_id": visit.account_id, "connection_id": connection_id}
            if is_end:
                await connections.end_scim_token(conn, **which, by=visit.by)
            else:
                clear = await connections.new_scim_token(conn, **which, by=visit.by)
    except NotAllowed as problem:
        return await desk.page(problem=problem, at=connection)
    return await desk.page(at=connection, token=clear)


# Parts


def changing(visit: Visit, runtime: Runtime, vault: Vault, providers: Providers) -> Desk:
    visit.need(Permission.CHANGE_ACCOUNT)
    return Desk(visit, runtime, vault, providers)


async def reached(providers: Providers, issuer: str) -> str:
    """The issuer by its own name, once it was asked; what does not answer as a provider is told so."""
    try:
        return (await providers.oidc.check(issuer)).issuer
    except UnreachableError:
        raise Invalid(
            "issuer_unreachable",
            "No OpenID provider answers there. The issuer is its address before /.well-known/openid-configuration.",
            param="issuer",
        ) from None


async def own(desk: Desk, text: str) -> UUID:
    """A connection of this account, or 404."""
    connection_id = strict_query.path_id(PREFIX, text)
    async with desk.runtime.main.acquire() as conn:
        found = await store.read_connection(conn, account_id=desk.visit.account_id, connection_id=connection_id)
    if found is None:
        raise connections.not_found()
    return connection_id


async def need_role(conn: Conn, visit: Visit, role: str) -> None:
    """Nobody has a provider make people what they could not make them: it might let in themselves."""
    held = await custom_roles.held_now(conn, visit.signed)
    need_all(held, await custom_roles.granted_in(conn, account_id=visit.account_id, role=role))


async def need_its_role(desk: Desk, connection_id: UUID) -> None:
    """The same before a connection lets in more people: by another domain, or by a token that adds them."""
    account_id = desk.visit.account_id
    async with as_account(desk.runtime.door, account_id) as conn:
        found = await store.read_connection(conn, account_id=account_id, connection_id=connection_id)
        if found is None:
            raise connections.not_found()
        await need_role(conn, desk.visit, found.default_role)


async def claim(desk: Desk, connection_id: UUID, domain: str) -> None:
    async with as_account(desk.runtime.door, desk.visit.account_id) as conn:
        await domains.claim(
            conn, desk.vault, account_id=desk.visit.account_id, connection_id=connection_id, domain=domain
        )


async def check_domain(desk: Desk, domain: str) -> None:
    """`Conflict` while the record is not there: name servers may take an hour."""
    account_id = desk.visit.account_id
    if not await domains.is_shown(desk.vault, desk.providers.text_records, account_id=account_id, domain=domain):
        raise Conflict(
            "domain_not_shown", "The record is not there yet. Name servers may need an hour; then check again.",
            param="domain",
        )  # fmt: skip
    async with as_account(desk.runtime.door, account_id) as conn:
        await domains.verified(conn, desk.vault, account_id=account_id, domain=domain)


routes = [show, add, add_saml, change, remove, claim_domain, make_token]
