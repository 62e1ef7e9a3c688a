"""The API reference at /docs/api: one page, made from the OpenAPI document, with nothing loaded from elsewhere."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sendigopro.console.pages import render
from sendigopro.foundation.asgi import App, Receive, Scope, Send, answer
from sendigopro.web.openapi import Document

HTML_TYPE = (b"content-type", b"text/html; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Row:
    """A field or parameter."""

    name: str
    kind: str
    told: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation, ready for the page."""

    name: str
    method: str
    path: str
    summary: str
    told: str
    parameters: Sequence[Row]
    fields: Sequence[Row]
    answers: Sequence[tuple[str, str]]
    curl: str
    answer: str


def page(document: Document) -> App:
    """GET /docs/api."""
    rendered: list[bytes] = []

    async def door(_scope: Scope, _receive: Receive, send: Send) -> None:
        if not rendered:
            content = document.content()
            html = render("reference.html", groups=groups(content), url=document.url, problems=problems(content))
            rendered.append(html.encode())
        await answer(send, 200, rendered[0], [HTML_TYPE, (b"cache-control", b"no-cache")])

    return door


def groups(content: Mapping[str, Any]) -> list[tuple[str, list[Entry]]]:
    """Operations by tag, in the document's order."""
    by_tag: dict[str, list[Entry]] = {tag["name"]: [] for tag in content["tags"]}
    for path, methods in content["paths"].items():
        for method, operation in methods.items():
            by_tag[operation["tags"][0]].append(entry(content, method.upper(), path, operation))
    return list(by_tag.items())


def entry(content: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> Entry:
    request = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    status, success = next((code, one) for code, one in operation["responses"].items() if code.startswith("2"))
    answers = [(status, success["description"])]
    answers += [
        (code, resolve(content, one)["description"])
        for code, one in operation["responses"].items()
        if not code.startswith("2")
    ]
    return Entry(
        name=operation["operationId"],
        method=method,
        path=path,
        summary=operation["summary"],
        told=operation.get("description", ""),
        parameters=[parameter_row(content, one) for one in operation.get("parameters", [])],
        fields=field_rows(content, request.get("schema", {})),
        answers=answers,
        curl=curl(content["servers"][0]["url"], method, path, operation, request.get("example")),
        answer=example_of(content, success),
    )


def curl(url: str, method: str, path: str, operation: Mapping[str, Any], example: object) -> str:
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
    lines = [f"curl {'' if method in ('GET', 'POST') and example else f'-X {method} '}{url}{path}"]
    if method == "GET":
        lines = [f"curl {url}{path}"]
    lines.append("-H 'Authorization: Bearer sk_test_…'")
    if example is not None:
        lines += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(example, ensure_ascii=False)}'"]
    return " \\\n  ".join(lines)


def example_of(content: Mapping[str, Any], success: Mapping[str, Any]) -> str:
    media = success.get("content", {}).get("application/json")
    if media is None:
        return ""
    example = media["example"] if "example" in media else sample(content, media["schema"])
    return json.dumps(example, indent=2, ensure_ascii=False)


SAMPLES: Mapping[str, Any] = {
    "id": "msg_01h455vb4pex5vsknk084sn02q",
    "account_id": "acc_01h455vb4pex5vsknk084sn02r",
    "to": "+15005550006",
    "direction": "outbound",
    "from": "SendiGoPro",
    "body": "Hello from SendiGoPro",
    "purpose": "transactional",
    "mode": "test",
    "status": "queued",
    "currency": "EUR",
    "segments": 1,
    "index": 0,
    "priority": 2,
    "has_more": False,
    "type": "message.delivered",
    "reason": None,
    "error": None,
    "send_at": None,
    "callback_url": None,
    "next_cursor": None,
    "price_micros": 0,
    "carrier": "sandbox",
    "carrier_code": "000",
    "attempt": 1,
    "route": ["sandbox"],
    "created_at": "2026-11-23T10:00:00.000Z",
    "expires_at": "2026-11-23T20:00:00.000Z",
}


def sample(content: Mapping[str, Any], schema: Mapping[str, Any], name: str = "") -> Any:  # noqa: ANN401  # a JSON value
    """A value of a schema that looks like a real one."""
    if name in SAMPLES:
        return SAMPLES[name]
    schema = resolve(content, schema)
    if "anyOf" in schema:
        return sample(content, schema["anyOf"][0], name)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    match schema.get("type"):
        case "object":
            return {key: sample(content, one, key) for key, one in schema.get("properties", {}).items()}
        case "array":
            return [sample(content, schema.get("items", {}))] if name in ("data", "events") else []
        case "integer":
            return 202 if name == "status" else 0
        case "boolean":
            return False
        case _:
            pass
    return "2026-11-23" if schema.get("format") == "date" else "2026-11-23T10:00:00.000Z" if "format" in schema else "…"


def resolve(content: Mapping[str, Any], one: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference."""
    if "$ref" not in one:
        return one
    found: Any = content
    for step in one["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    resolved: Mapping[str, Any] = found
    return resolved


def parameter_row(content: Mapping[str, Any], one: Mapping[str, Any]) -> Row:
    return Row(
        one["name"],
        kind(content, one["schema"]),
        one.get("description", "Its id." if one["in"] == "path" else ""),
        one["required"],
    )


def field_rows(content: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Row]:
    whole = resolve(content, schema)
    required = whole.get("required", [])
    return [
        Row(name, kind(content, one), described(content, one), name in required)
        for name, one in whole.get("properties", {}).items()
    ]


def described(content: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "description" in schema:
        return str(schema["description"])
    for one in schema.get("anyOf", ()):
        if told := described(content, one):
            return told
    return str(resolve(content, schema).get("description", "")) if "$ref" in schema else ""


def kind(content: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """A type in a word or two."""
    if "anyOf" in schema:
        return " or ".join(kind(content, one) for one in schema["anyOf"] if one.get("type") != "null")
    if "enum" in schema:
        return " · ".join(str(one) for one in schema["enum"])
    if "$ref" in schema:
        whole = resolve(content, schema)
        return kind(content, whole) if "enum" in whole else str(whole.get("title", "object"))
    if schema.get("type") == "array":
        return f"list of {kind(content, schema.get('items', {}))}"
    return {"date-time": "time", "date": "date"}.get(schema.get("format", ""), str(schema.get("type", "anything")))


def problems(content: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Status, code and words of each kind of problem."""
    found = []
    for one in content["components"]["responses"].values():
        ((_, media),) = one["content"].items()
        found.append((str(media["example"]["status"]), media["example"]["code"], media["example"]["detail"]))
    return found
