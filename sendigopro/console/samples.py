"""A request as it is written in the languages that most people call it from. No I/O."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

INDENT = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """The same request in one language."""

    language: str
    code: str


def samples_of(method: str, address: str, key: str, body: Mapping[str, Any] | None = None) -> list[Sample]:
    """For curl, Python and TypeScript; each works as it stands, without a library of ours."""
    return [
        Sample("curl", curl(method, address, key, body)),
        Sample("Python", python(method, address, key, body)),
        Sample("TypeScript", typescript(method, address, key, body)),
    ]


def curl(method: str, address: str, key: str, body: Mapping[str, Any] | None) -> str:
    lines = [f"curl {quoted(address)}" if method in ("GET", "POST") else f"curl -X {method} {quoted(address)}"]
    lines.append(f"  -H {quoted(f'Authorization: Bearer {key}')}")
    if body is not None:
        lines.append("  -H 'Content-Type: application/json'")
        lines.append(f"  -d {quoted(json.dumps(body, ensure_ascii=False))}")
    elif method == "POST":
        lines[0] = f"curl -X POST {quoted(address)}"
    return " \\\n".join(lines)


def quoted(text: str) -> str:
    """For a shell: nothing in it is anything but text."""
    return "'" + text.replace("'", "'\\''") + "'"


def python(method: str, address: str, key: str, body: Mapping[str, Any] | None) -> str:
    lines = ["import httpx", "", f"answer = httpx.{method.lower()}(", f"    {address!r},"]
    lines.append(f"    headers={{'Authorization': {f'Bearer {key}'!r}}},")
    if body is not None:
        lines.append(f"    json={dict(body)!r},")
    return "\n".join([*lines, ")", "print(answer.status_code, answer.json())"])


def typescript(method: str, address: str, key: str, body: Mapping[str, Any] | None) -> str:
    headers = {"Authorization": f"Bearer {key}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    options: list[str] = [f"method: {json.dumps(method)}", f"headers: {json.dumps(headers)}"]
    if body is not None:
        options.append(f"body: JSON.stringify({json.dumps(body, ensure_ascii=False)})")
    inner = ",\n".join(f"  {one}" for one in options)
    return (
        f"const answer = await fetch({json.dumps(address)}, {{\n{inner},\n}});\n"
        "console.log(answer.status, await answer.json());"
    )
