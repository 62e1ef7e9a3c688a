"""How a feature describes its doors, so that one OpenAPI document can be made from all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path. Problems that every door can answer (401, 429, …) are added by the document."""

    method: str
    path: str
    name: str
    summary: str
    tag: str
    answers: Mapping[int, type | None]
    description: str = ""
    request: type | None = None
    request_example: Any = None
    answer_example: Any = None
    query: type | None = None
    path_ids: Mapping[str, str] = field(default_factory=dict)
    """Path parameter → an id that shows its form."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Request header that may be given → what it does."""
    problems: Sequence[int] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    """Operation that takes the answer's id → in which path parameter."""
    body_limit_bytes: int = 1_000_000
    file_type: str | None = None
    """What a door that hands out a file answers with, instead of JSON."""


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """One type of event that an endpoint may be sent."""

    name: str
    summary: str
    data: type
    example: Any = None
