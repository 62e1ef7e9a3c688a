"""SCIM 2.0 at /scim/v2 (RFC 7644): a gate of its own, for a token of one connection, and SCIM's own answers."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import msgspec

from sendigopro.audit.model import By
from sendigopro.foundation import ids
from sendigopro.foundation.asgi import (
    App,
    ClientGone,
    Receive,
    Scope,
    Send,
    answer,
    header,
    read_body,
    read_rest,
    too_large,
)
from sendigopro.foundation.limits import Limits, Policy
from sendigopro.foundation.problems import (
    Invalid,
    NotAllowed,
    NotFound,
    Problem,
    TooLarge,
    Unauthenticated,
    WrongMedia,
    WrongMethod,
    problem_headers,
)
from sendigopro.runtime import Runtime
from sendigopro.sso import connections, store
from sendigopro.sso.arrive import by_connection
from sendigopro.sso.connections import TOKEN_LENGTH, TOKEN_PREFIX
from sendigopro.sso.model import Connection
from sendigopro.sso.scim import PAGE_MAX, PREFIX, Listed, Scim
from sendigopro.sso.scim_documents import ERROR, LIST, resource_types, schemas, service_provider_config
from sendigopro.sso.scim_user import USER, patch_user, read_user, wrong
from sendigopro.vault.vault import Vault

USERS = "Users"
ROOT: Final = "/scim/v2/"
BODY_MAX: Final = 64_000
DRAINED_MAX: Final = 2_000_000
MEDIA: Final = (b"application/scim+json", b"application/json")
JSON: Final = (b"content-type", b"application/scim+json")
POLICY: Final = Policy(25, 200)
SCIM_TYPES: Final = {
    "invalid_filter": "invalidFilter", "invalid_value": "invalidValue", "invalid_path": "invalidPath",
    "invalid_syntax": "invalidSyntax", "no_target": "noTarget", "immutable": "mutability", "not_unique": "uniqueness",
}  # fmt: skip
"""Our code → RFC 7644's word."""
SEARCHES: Final = (".search", "Users/.search")
"""A query as a body (RFC 7644 §3.4.3): what it asks for then stands in no log of addresses."""
ALWAYS: Final = ("id", "schemas")

Answer = tuple[int, dict[str, Any] | None]


class ScimDoor:
    """Closed but for a token; whoever has one sees what its connection told of, and nothing else."""

    def __init__(self, runtime: Runtime, vault: Vault, limits: Limits) -> None:
        self._runtime = runtime
        self._vault = vault
        self._limits = limits
        self._scim = Scim(runtime, vault)
        self._base = f"{runtime.settings.url}{ROOT.rstrip('/')}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            connection = await self._connection(header(scope, b"authorization"))
            self._limits.take([(connection.id, POLICY)])
            status, document = await self._answer(scope, receive, connection)
            headers = [JSON] if document is not None else []
            if status == 201 and document is not None:  # noqa: PLR2004  # HTTP's Created
                headers.append((b"location", document["meta"]["location"].encode()))
            await answer(send, status, b"" if document is None else msgspec.json.encode(document), headers)
        except TooLarge as problem:
            await drain(receive)
            await tell(problem, send, more=[(b"connection", b"close")])
        except Problem as problem:
            await tell(problem, send)

    async def _connection(self, authorization: bytes | None) -> Connection:
        kind, _, token = (authorization or b"").decode("latin-1").partition(" ")
        is_one = token.startswith(TOKEN_PREFIX) and len(token) == len(TOKEN_PREFIX) + TOKEN_LENGTH
        if kind.lower() != "bearer" or not is_one:
            raise unauthenticated()
        async with self._runtime.main.acquire() as conn:
            stored = await store.find_by_token(conn, token_hash=connections.hash_of(token))
        if stored is None:
            raise unauthenticated()
        return await connections.opened(self._vault, stored)

    async def _answer(self, scope: Scope, receive: Receive, connection: Connection) -> Answer:
        path = scope["path"].removeprefix(ROOT).strip("/")
        head, _, rest = path.partition("/")
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=20)
        if path in SEARCHES and scope["method"] == "POST":
            return await self._page(connection, asked_in(await read_json(scope, receive)))
        if head == "Users":
            by = by_connection(connection, scope.get("request_id"))
            if not rest:
                return await self._all(scope, receive, connection, query, by=by)
            return await self._one(scope, receive, connection, rest, by=by, query=query)
        if scope["method"] != "GET":
            raise WrongMethod(["GET"])
        return 200, self._document(head, unquote(rest), query)

    async def _all(
        self, scope: Scope, receive: Receive, connection: Connection, query: Mapping[str, list[str]], *, by: By
    ) -> Answer:
        if scope["method"] == "POST":
            user = read_user(await read_json(scope, receive))
            return 201, self._shown(await self._scim.create(connection, user, by=by), query)
        if scope["method"] != "GET":
            raise WrongMethod(["GET", "POST"])
        return await self._page(connection, query)

    async def _page(self, connection: Connection, query: Mapping[str, list[str]]) -> Answer:
        start = max(1, number(query, "startIndex", 1))
        count = min(PAGE_MAX, max(0, number(query, "count", PAGE_MAX)))
        total, page = await self._scim.page(connection, filter_=one_of(query, "filter"), start=start, count=count)
        return 200, listed([self._shown(one, query) for one in page], total=total, start=start)

    async def _one(
        self, scope: Scope, receive: Receive, connection: Connection, text: str, *, by: By,
        query: Mapping[str, list[str]],
    ) -> Answer:  # fmt: skip
        method = scope["method"]
        if method not in ("GET", "PUT", "PATCH", "DELETE"):
            raise WrongMethod(["DELETE", "GET", "PATCH", "PUT"])
        try:
            user_id = ids.parse(PREFIX, text)
        except Invalid as error:
            raise NotFound("user_not_found", "There is no such user in this connection.") from error
        if method == "DELETE":
            await self._scim.delete(connection, user_id, by=by)
            return 204, None
        known = await self._scim.read(connection, user_id)
        if method == "GET":
            return 200, self._shown(known, query)
        body = await read_json(scope, receive)
        user = patch_user(known.user, body) if method == "PATCH" else read_user(body, before=known.user)
        return 200, self._shown(await self._scim.change(connection, known, user, by=by), query)

    def _document(self, head: str, rest: str, query: Mapping[str, list[str]]) -> dict[str, Any]:
        if "filter" in query and head != "Groups":
            raise NotAllowed("no_filter", "These are not filtered (RFC 7644 §4).")
        if head == "ServiceProviderConfig" and not rest:
            return service_provider_config(self._base)
        if head == "Groups" and not rest:
            return listed([], total=0, start=1)
        known = {"ResourceTypes": resource_types, "Schemas": schemas}.get(head)
        if known is None:
            raise nowhere()
        found = known(self._base)
        if not rest:
            return listed(found, total=len(found), start=1)
        for one in found:
            if one["id"] == rest:
                return one
        raise nowhere()

    def _shown(self, listed_: Listed, query: Mapping[str, list[str]]) -> dict[str, Any]:
        """The resource, with the attributes that were asked for."""
        name = ids.typed(PREFIX, listed_.stored.id)
        whole = {
            "schemas": [USER], "id": name, **listed_.user,
            "emails": [{"value": listed_.user["userName"], "primary": True}],
            "meta": {
                "resourceType": "User", "created": listed_.stored.created_at, "lastModified": listed_.stored.changed_at,
                "location": f"{self._base}/{USERS}/{name}",
            },
        }  # fmt: skip
        wanted, unwanted = names(query, "attributes"), names(query, "excludedAttributes")
        if wanted:
            return {key: value for key, value in whole.items() if key in ALWAYS or key.lower() in wanted} | {
                "meta": whole["meta"]
            }
        return {key: value for key, value in whole.items() if key in ALWAYS or key.lower() not in unwanted}


def door(runtime: Runtime, vault: Vault, limits: Limits) -> App:
    return ScimDoor(runtime, vault, limits)


async def read_json(scope: Scope, receive: Receive) -> dict[str, Any]:
    """An object of at most 64 kB, in one of the two types that clients send."""
    media = (header(scope, b"content-type") or b"").partition(b";")[0].strip().lower()
    if media not in MEDIA:
        raise WrongMedia("unsupported_media_type", "Send 'Content-Type: application/scim+json'.")
    length = header(scope, b"content-length")
    if length is not None and length.isdigit() and int(length) > BODY_MAX:
        raise too_large(BODY_MAX)
    try:
        found = msgspec.json.decode(await read_body(receive, limit_bytes=BODY_MAX))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise wrong("invalid_syntax", "The body is no JSON.") from error
    if not isinstance(found, dict):
        raise wrong("invalid_syntax", "The body is no JSON object.")
    return found


async def drain(receive: Receive) -> None:
    """Read a little of what is too long, so that the client sees the answer and not a broken pipe."""
    try:
        await read_rest(receive, b"", limit_bytes=DRAINED_MAX)
    except (TooLarge, ClientGone):
        return


async def tell(problem: Problem, send: Send, *, more: list[tuple[bytes, bytes]] | None = None) -> None:
    """RFC 7644 §3.12."""
    document: dict[str, Any] = {"schemas": [ERROR], "status": str(int(problem.status)), "detail": problem.detail}
    if problem.code in SCIM_TYPES:
        document["scimType"] = SCIM_TYPES[problem.code]
    headers = [JSON, *(one for one in problem_headers(problem) if one[0] != b"content-type"), *(more or [])]
    await answer(send, int(problem.status), msgspec.json.encode(document), headers)


def listed(resources: list[dict[str, Any]], *, total: int, start: int) -> dict[str, Any]:
    return {
        "schemas": [LIST], "totalResults": total, "startIndex": start, "itemsPerPage": len(resources),
        "Resources": resources,
    }  # fmt: skip


def number(query: Mapping[str, list[str]], name: str, default: int) -> int:
    text = one_of(query, name)
    if text is None:
        return default
    try:
        return max(-1, min(int(text), 1_000_000_000))
    except ValueError as error:
        raise wrong("invalid_value", f"{name} is a number.") from error


def asked_in(body: Mapping[str, Any]) -> dict[str, list[str]]:
    """A SearchRequest, as the query of an address would have it."""
    return {
        name: [str(one) for one in value] if isinstance(value, list) else [str(value)]
        for name, value in body.items()
        if name != "schemas" and value is not None
    }


def one_of(query: Mapping[str, list[str]], name: str) -> str | None:
    return query.get(name, [None])[0]


def names(query: Mapping[str, list[str]], name: str) -> set[str]:
    """Attributes by their names in small letters; a part of one stands for the whole."""
    told = ",".join(query.get(name, []))
    return {one.strip().lower().rpartition(":")[2].partition(".")[0] for one in told.split(",") if one.strip()}


def unauthenticated() -> Unauthenticated:
    return Unauthenticated("invalid_token", "This token opens nothing. Make a new one on the page Single sign-on.")


def nowhere() -> NotFound:
    return NotFound("not_found", "There is nothing at this address. Users are at /scim/v2/Users.")
