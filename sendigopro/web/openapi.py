"""The OpenAPI 3.1 document, made from the very types the doors read and write."""

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

import sendigopro
from sendigopro.foundation.asgi import JSON_TYPE, Receive, Scope, Send, answer
from sendigopro.foundation.operations import Operation, WebhookEvent
from sendigopro.foundation.problems import CONTENT_TYPE, DOCS

REF = "#/components/schemas/{name}"
LISTED = re.compile(r"Listed_(\w+?)_(?=\W|$)")
# Code and words of an example for each kind of problem; the codes are stable, the words are not.
PROBLEMS: Mapping[int, tuple[str, str]] = {
    400: ("invalid_value", "Expected `str`, got `int`."),
    401: ("invalid_key", "There is no such API key, or it was revoked. Check that it is whole."),
    402: ("insufficient_credit", "The account's credit does not cover this message. Top it up."),
    403: ("missing_scope", "This key may not do that. Use one with the scope messages.write."),
    404: ("not_found", "There is no such msg_… in this account and mode."),
    409: ("too_late", "The message has been sent, or has ended. It cannot be canceled any more."),
    413: ("body_too_large", "The body may have at most 64,000 bytes. Split the request."),
    415: ("unsupported_media_type", "Send JSON, and say so: 'Content-Type: application/json'."),
    422: ("idempotency_key_reused", "This Idempotency-Key came with another body before."),
    429: ("rate_limited", "More than 100 requests a second. Wait, then go on more slowly."),
    500: ("internal", "Something went wrong here. It is in our log under this request_id."),
    503: ("storage_unavailable", "The database cannot be reached at this moment. Send the request again."),
}
ALWAYS = (401, 429, 500, 503)
REQUEST_ID = "req_01h455vb4pex5vsknk084sn02q"


class FieldProblem(msgspec.Struct):
    """One of several things that are wrong."""

    pointer: str
    detail: str


class ProblemDocument(msgspec.Struct, omit_defaults=True):
    """What went wrong (RFC 9457). `code` is stable; `detail` says what, where, and what to do next."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    param: str | None = None
    errors: list[FieldProblem] = []
    request_id: str | None = None


class Document:
    """Built when first asked for, and kept as bytes."""

    def __init__(self, operations: Sequence[Operation], *, url: str, events: Sequence[WebhookEvent] = ()) -> None:
        self.operations = operations
        self.events = events
        self.url = url
        self.built: dict[str, Any] | None = None
        self.encoded = b""

    async def door(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """GET /openapi.json."""
        if not self.encoded:
            self.encoded = msgspec.json.encode(self.content())
        await answer(send, 200, self.encoded, [JSON_TYPE, (b"cache-control", b"no-cache")])

    def content(self) -> dict[str, Any]:
        """The document as plain values."""
        if self.built is None:
            self.built = build(self.operations, url=self.url, events=self.events)
        return self.built


def build(operations: Sequence[Operation], *, url: str, events: Sequence[WebhookEvent]) -> dict[str, Any]:
    types = types_of(operations, events)
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    schema_of = dict(zip(map(id, types), schemas, strict=True))
    require_what_is_always_there(types, components)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = describe(operation, schema_of, components)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "SendiGoPro",
            "version": sendigopro.__version__,
            "description": "Send and receive messages. Test keys (`sk_test_…`) send nothing out and cost nothing.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "security": [{"key": []}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "webhooks": {event.name: describe_event(event, schema_of) for event in events},
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key: `sk_test_…` or `sk_live_…`."}
            },
            "headers": HEADERS,
            "responses": {f"Problem{status}": describe_problem(status) for status in PROBLEMS},
            "schemas": components,
        },
    }
    return with_plain_names(document)


def types_of(operations: Iterable[Operation], events: Iterable[WebhookEvent]) -> list[Any]:
    found: dict[int, Any] = {id(ProblemDocument): ProblemDocument}
    for operation in operations:
        for one in (operation.request, *operation.answers.values()):
            if one is not None:
                found[id(one)] = one
    for event in events:
        found[id(event.data)] = event.data
    return list(found.values())


def require_what_is_always_there(types: Sequence[Any], components: dict[str, Any]) -> None:
    """An answer has all its fields, also those with defaults; only a request may leave them out."""
    for component in components.values():
        is_request = component.get("additionalProperties") is False
        if component.get("type") == "object" and not is_request and "properties" in component:
            component["required"] = [*component["properties"]]
    for struct in structs_in(types):
        omits = struct.__struct_config__.omit_defaults
        fields = msgspec.structs.fields(struct)
        left_out = {one.encode_name for one in fields if one.default is msgspec.UNSET or (omits and not one.required)}
        if left_out and struct.__name__ in components:
            required = components[struct.__name__].get("required", [])
            components[struct.__name__]["required"] = [name for name in required if name not in left_out]


def structs_in(types: Sequence[Any]) -> set[type[msgspec.Struct]]:
    """Every struct that these types are made of."""
    found: set[type[msgspec.Struct]] = set()
    waiting = list(msgspec.inspect.multi_type_info(types))
    while waiting:
        one = waiting.pop()
        if isinstance(one, msgspec.inspect.StructType):
            struct = getattr(one.cls, "__origin__", one.cls)
            if one.cls is struct:
                if struct in found:
                    continue
                found.add(struct)
            waiting += [field.type for field in one.fields]
        elif isinstance(one, msgspec.inspect.UnionType):
            waiting += one.types
        elif isinstance(one, msgspec.inspect.ListType):
            waiting.append(one.item_type)
        elif isinstance(one, msgspec.inspect.Metadata):
            waiting.append(one.type)
    return found


def describe(operation: Operation, schema_of: Mapping[int, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": describe_answers(operation, schema_of),
    }
    if operation.description:
        described["description"] = operation.description
    if parameters := describe_parameters(operation):
        described["parameters"] = parameters
    if operation.request is not None:
        content: dict[str, Any] = {"schema": schema_of[id(operation.request)]}
        if operation.request_example is not None:
            content["example"] = operation.request_example
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    del components
    return described


def describe_answers(operation: Operation, schema_of: Mapping[int, Any]) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, one in operation.answers.items():
        described: dict[str, Any] = {
            "description": HTTPStatus(status).phrase,
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS if name != "Retry-After"},
        }
        if operation.file_type is not None:
            described["content"] = {operation.file_type: {"schema": {"type": "string", "format": "binary"}}}
        if one is not None:
            content = {"schema": schema_of[id(one)]}
            if operation.answer_example is not None:
                content["example"] = operation.answer_example
            described["content"] = {"application/json": content}
        if operation.links:
            described["links"] = {
                name: {"operationId": name, "parameters": {parameter: "$response.body#/id"}}
                for name, parameter in operation.links.items()
            }
        answers[str(status)] = described
    for status in sorted({*ALWAYS, *operation.problems, *implied_problems(operation)}):
        answers[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    return answers


def implied_problems(operation: Operation) -> Iterable[int]:
    if operation.request is not None or operation.query is not None or operation.headers:
        yield 400
    if operation.method not in ("GET", "HEAD"):
        yield from (400, 413, 415)
    if "{" in operation.path:
        yield 404


def describe_parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "example": example}
        for name, example in operation.path_ids.items()
    ]
    if operation.query is not None:
        (_,), components = msgspec.json.schema_components([operation.query], ref_template=REF)
        parameters += [
            describe_query(name, schema, components) for name, schema in query_properties(operation, components)
        ]
    header = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]*$"}
    parameters += [
        {"name": name, "in": "header", "required": False, "description": told, "schema": header}
        for name, told in operation.headers.items()
    ]
    return parameters


def query_properties(operation: Operation, components: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    assert operation.query is not None  # only asked for those that have one
    properties: Mapping[str, Any] = components[operation.query.__name__]["properties"]
    return properties.items()


def describe_query(name: str, schema: dict[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    """A query parameter: null is left out, for a query string cannot say it, and references are written out."""
    choices = [dict(one) for one in schema.get("anyOf", [schema]) if one != {"type": "null"}]
    (plain,) = choices
    if "$ref" in plain:
        plain = dict(components[plain["$ref"].rpartition("/")[2]])
    described = plain.pop("description", None) or schema.get("description")
    for leftover in ("default", "title"):
        plain.pop(leftover, None)
    if schema.get("default") is not None:
        plain["default"] = schema["default"]
    parameter = {"name": name, "in": "query", "required": False, "schema": plain}
    return {**parameter, "description": described} if described else parameter


def describe_event(event: WebhookEvent, schema_of: Mapping[int, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schema_of[id(event.data)]}
    if event.example is not None:
        content["example"] = event.example
    return {
        "post": {
            "operationId": "on_" + event.name.replace(".", "_"),
            "summary": event.summary,
            "security": [],
            "requestBody": {"required": True, "content": {"application/json": content}},
            "responses": {"2XX": {"description": "Taken. Anything else is tried again, later and later."}},
        }
    }


def describe_problem(status: int) -> dict[str, Any]:
    code, detail = PROBLEMS[status]
    phrase = HTTPStatus(status).phrase
    example = {
        "type": DOCS + code,
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": REQUEST_ID,
    }
    headers = ["Request-Id", *(["Retry-After"] if status in (429, 503) else [])]
    return {
        "description": phrase,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {CONTENT_TYPE: {"schema": {"$ref": REF.format(name="ProblemDocument")}, "example": example}},
    }


HEADERS = {
    "Request-Id": {
        "description": "Names this request in our logs; yours, if you sent a sane one.",
        "required": True,
        "schema": {"type": "string", "examples": [REQUEST_ID]},
    },
    "RateLimit-Policy": {
        "description": "How many requests (q) in how many seconds (w).",
        "schema": {"type": "string", "examples": ['"default";q=100;w=1']},
    },
    "RateLimit": {
        "description": "How many are left (r), and in how many seconds all are again (t).",
        "schema": {"type": "string", "examples": ['"default";r=42;t=1']},
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
}


def with_plain_names(document: dict[str, Any]) -> dict[str, Any]:
    """`Listed_MessageObject_` is how msgspec names a list; people say MessageObjectList."""
    text = msgspec.json.encode(document).decode()
    renamed: dict[str, Any] = msgspec.json.decode(LISTED.sub(r"\1List", text))
    return renamed
