"""Which door stands where: hot doors, health, static files, and the framework for everything else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from litestar import Litestar, Request
from litestar.di import Provide
from litestar.exceptions import HTTPException

from sendigopro.accounts.keys import Caller, Callers
from sendigopro.accounts.reading import Readings
from sendigopro.accounts.request_log import RequestLog
from sendigopro.accounts.sessions import Sessions
from sendigopro.accounts.sign_in import SignIn
from sendigopro.audit.model import By
from sendigopro.channels import api as channels_api
from sendigopro.channels.directory import Directory
from sendigopro.console import (
    access,
    account,
    audit,
    carriers,
    compose,
    deliveries,
    errors,
    events,
    exports,
    find,
    forgot,
    go_live,
    handset,
    home,
    installation,
    invitation,
    invite,
    kept_views,
    keys,
    live,
    message_list,
    message_page,
    passkeys,
    privacy_centre,
    privacy_requests,
    requests,
    roles,
    routes,
    security,
    senders,
    sign_in,
    sign_up,
    sso,
    sso_sign_in,
    staff,
    staff_reviews,
    start,
    subaccounts,
    team,
    webhooks,
)
from sendigopro.console.visit import visit_of
from sendigopro.events.bus import Bus
from sendigopro.foundation.asgi import App
from sendigopro.foundation.limits import Limits
from sendigopro.foundation.operations import Operation
from sendigopro.foundation.problems import Invalid, NotFound, Problem, TooLarge, WrongMedia, WrongMethod
from sendigopro.ledger import api as ledger_api
from sendigopro.messages import api as messages_api
from sendigopro.messages import read_api
from sendigopro.messages.accept import Acceptor
from sendigopro.messages.load import Loader
from sendigopro.messages.receive import Receiver
from sendigopro.messages.view import Viewer
from sendigopro.privacy import api as privacy_api
from sendigopro.privacy.audit_log import api as audit_api
from sendigopro.privacy.desk import Desk
from sendigopro.privacy.retention import api as retention_api
from sendigopro.runtime import Runtime
from sendigopro.sso import scim_api
from sendigopro.sso.providers import Providers
from sendigopro.vault.vault import Vault
from sendigopro.web import assets, health, openapi, reference
from sendigopro.web.gate import Gate
from sendigopro.web.measures import Measures
from sendigopro.web.root import Doors, Root
from sendigopro.webhooks import api as webhooks_api
from sendigopro.website import privacy

FEATURES = (read_api, channels_api, ledger_api, webhooks_api, privacy_api, retention_api, audit_api)
PAGES = (
    home, start, message_list, kept_views, message_page, compose, exports, find, handset, senders, carriers, routes,
    keys, webhooks, deliveries, requests, events, live, errors,
    sign_in, sso_sign_in, sign_up, forgot, invitation, security, passkeys, team, invite, roles, sso, access, go_live,
    account, subaccounts, privacy_centre, privacy_requests, audit, staff, staff_reviews, installation, privacy,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parts:
    """What the doors of one web process stand on."""

    runtime: Runtime
    vault: Vault
    directory: Directory
    callers: Callers
    sessions: Sessions
    way_in: SignIn
    providers: Providers
    limits: Limits
    acceptor: Acceptor
    viewer: Viewer
    loader: Loader
    receiver: Receiver
    bus: Bus
    desk: Desk
    readiness: health.Readiness
    measures: Measures
    requests: RequestLog


def all_operations() -> list[Operation]:
    """Every operation of /v1, as the document lists them."""
    return [*messages_api.OPERATIONS, *(operation for feature in FEATURES for operation in feature.operations)]


def build(parts: Parts) -> Root:
    """The application."""
    operations = all_operations()
    framework = make_framework(parts)
    hot = messages_api.HotDoors(callers=parts.callers, acceptor=parts.acceptor, limits=parts.limits)
    gate = Gate(framework, callers=parts.callers, limits=parts.limits, operations=operations)
    document = openapi.Document(operations, url=parts.runtime.settings.url, events=webhooks_api.webhook_events)
    exact: dict[str, Mapping[str, App]] = {
        "/healthz": {"GET": health.healthz},
        "/readyz": {"GET": health.readyz(parts.readiness)},
        "/metrics": {"GET": health.metrics_door(parts.runtime)},
        "/openapi.json": {"GET": document.door},
        "/docs/api": {"GET": reference.page(document)},
    }
    for path, methods in hot.exact().items():
        # What a hot path has no door for may still be the framework's: GET /v1/messages lists.
        has_others = any(one.path == path and one.method not in methods for one in operations)
        exact[path] = {**methods, "*": gate} if has_others else methods
    prefixes: dict[str, App] = {
        assets.PREFIX: assets.Assets(),
        "/v1/": gate,
        scim_api.ROOT: scim_api.door(parts.runtime, parts.vault, parts.limits),
    }
    doors = Doors(exact=exact, prefixes=prefixes, rest=framework)
    settings = parts.runtime.settings
    return Root(
        doors,
        measures=parts.measures,
        requests=parts.requests,
        proxies=settings.proxies,
        is_https=settings.url.startswith("https://"),
    )


def make_framework(parts: Parts) -> App:
    """Litestar, with every feature's routes, and what its functions may ask for by name."""
    given: dict[str, Any] = {
        "runtime": parts.runtime,
        "vault": parts.vault,
        "directory": parts.directory,
        "viewer": parts.viewer,
        "loader": parts.loader,
        "acceptor": parts.acceptor,
        "limits": parts.limits,
        "receiver": parts.receiver,
        "bus": parts.bus,
        "desk": parts.desk,
        "sessions": parts.sessions,
        "way_in": parts.way_in,
        "readiness": parts.readiness,
        "providers": parts.providers,
    }
    given["readings"] = Readings(parts.runtime.door)
    dependencies = {name: provide(value) for name, value in given.items()}
    dependencies["caller"] = Provide(caller_of, sync_to_thread=False)
    dependencies["by"] = Provide(by_of, sync_to_thread=False)
    dependencies["visit"] = Provide(visit_of)
    routes: Sequence[Any] = [route for place in (*FEATURES, *PAGES) for route in place.routes]
    framework = Litestar(
        route_handlers=routes,
        dependencies=dependencies,
        exception_handlers={Exception: raise_on},
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    return cast("App", framework)


def provide(value: Any) -> Provide:  # noqa: ANN401  # a dependency is whatever a route names
    def give() -> Any:  # noqa: ANN401
        return value

    return Provide(give, sync_to_thread=False)


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """Who is asking: the gate has found out."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


def by_of(request: Request[Any, Any, Any]) -> By:
    """The same for the audit log: which key, with which request."""
    by: By = request.scope["state"]["by"]
    return by


def raise_on(_: Request[Any, Any, Any], error: Exception) -> NoReturn:
    """The root answers all problems, in one place; the framework's own are said in our words first."""
    raise problem_of(error) if isinstance(error, HTTPException) else error


def problem_of(error: HTTPException) -> Problem:
    match error.status_code:
        case 404:
            return NotFound("not_found", "There is nothing at this address.")
        case 405:
            return WrongMethod(["GET"])
        case 413:
            return TooLarge("body_too_large", "The body is longer than what is read here.")
        case 415:
            return WrongMedia("unsupported_media_type", "Send JSON, and say so: 'Content-Type: application/json'.")
        case _:
            pass
    return Invalid("invalid_request", "The request cannot be read as it is.")
