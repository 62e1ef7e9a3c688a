"""What the webhook doors read and answer."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from sendigopro.foundation import ids
from sendigopro.messages.model import Mode
from sendigopro.webhooks.connection import OK_MAX, OK_MIN, Failure
from sendigopro.webhooks.model import Attempt, Endpoint, Replay

STATUS_MIN = 100

Url = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=2048, description="Where to post: https, port 443 or 8443, on the public internet."
    ),
]
EventTypes = Annotated[
    list[str], msgspec.Meta(max_length=100, description="Which events to send; an empty list: all of them.")
]
Description = Annotated[str, msgspec.Meta(max_length=200, description="For yourself.")]


class NewEndpoint(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where webhooks shall go."""

    url: Url
    event_types: EventTypes = []
    description: Description = ""


class EndpointChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What shall be different; what is left out stays."""

    url: Url | msgspec.UnsetType = msgspec.UNSET
    event_types: EventTypes | msgspec.UnsetType = msgspec.UNSET
    description: Description | msgspec.UnsetType = msgspec.UNSET
    is_enabled: bool | msgspec.UnsetType = msgspec.UNSET


class EndpointObject(msgspec.Struct, kw_only=True):
    """Where webhooks go."""

    id: str
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    mode: Literal["live", "test"]
    url: str
    event_types: list[str]
    description: str
    is_enabled: bool
    disabled_reason: Literal["by_account", "gone", "failing"] | None
    failing_since: datetime | None
    created_at: datetime


class MadeEndpointObject(EndpointObject, kw_only=True):
    """An endpoint that has just been made, with the secret that is shown at …/secret later."""

    secret: str


class SecretObject(msgspec.Struct, kw_only=True):
    """What signatures are made with (Standard Webhooks)."""

    object: Literal["webhook_secret"] = "webhook_secret"
    secret: str


class ReplayRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One event, or everything since a moment: one of the two."""

    event_id: str | None = None
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class ReplayObject(msgspec.Struct, kw_only=True):
    """Events on their way once more, with the ids they had."""

    id: str | None
    object: Literal["webhook_replay"] = "webhook_replay"
    event_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class TestObject(msgspec.Struct, kw_only=True):
    """The test event that is on its way."""

    object: Literal["webhook_test"] = "webhook_test"
    event_id: str


class AttemptObject(msgspec.Struct, kw_only=True):
    """One attempt to tell one endpoint of one event. What a receiver answers is never kept, only its status."""

    id: str
    object: Literal["webhook_delivery"] = "webhook_delivery"
    endpoint_id: str
    event_id: str
    status: Literal["succeeded", "failed"]
    response_status: int | None
    error: str | None
    duration_ms: int
    attempt: int
    created_at: datetime


class AttemptQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which attempts."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100, description="How many at most.")] = 20
    after: Annotated[str, msgspec.Meta(description="Only those listed after this id.")] | None = None
    endpoint_id: str | None = None
    event_id: str | None = None
    status: Literal["succeeded", "failed"] | None = None
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class EventQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which events, from the oldest on."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100, description="How many at most.")] = 20
    after: Annotated[str, msgspec.Meta(description="The next_cursor of the last page.")] | None = None
    since: Annotated[datetime, msgspec.Meta(tz=True, description="Begin here when there is no cursor yet.")] | None = (
        None
    )


class EventObject(msgspec.Struct, kw_only=True):
    """Something that happened; exactly what a webhook says."""

    id: str
    type: str
    timestamp: datetime
    account_id: str
    sequence: int
    """Of two events about one message the one with the higher number is the later state."""
    data: dict[str, Any]


def endpoint_object(endpoint: Endpoint) -> EndpointObject:
    return EndpointObject(
        id=ids.typed("we", endpoint.id),
        mode="live" if endpoint.mode == Mode.LIVE else "test",
        url=endpoint.url,
        event_types=list(endpoint.event_types),
        description=endpoint.description,
        is_enabled=endpoint.is_enabled,
        disabled_reason=endpoint.disabled_reason,  # type: ignore[arg-type]  # one of the three, or null
        failing_since=endpoint.failing_since,
        created_at=endpoint.created_at,
    )


def made_endpoint_object(endpoint: Endpoint, secret: str) -> MadeEndpointObject:
    return MadeEndpointObject(**msgspec.structs.asdict(endpoint_object(endpoint)), secret=secret)


def replay_object(replay: Replay) -> ReplayObject:
    return ReplayObject(id=ids.typed("rpl", replay.id), since=replay.since, until=replay.until)


def attempt_object(attempt: Attempt) -> AttemptObject:
    is_status = attempt.code >= STATUS_MIN
    return AttemptObject(
        id=attempt_id(attempt),
        endpoint_id=ids.typed("we", attempt.endpoint_id),
        event_id=ids.typed("evt", attempt.event_id),
        status="succeeded" if OK_MIN <= attempt.code <= OK_MAX else "failed",
        response_status=attempt.code if is_status else None,
        error=None if is_status else Failure(attempt.code).name.lower(),
        duration_ms=attempt.millis,
        attempt=attempt.attempt,
        created_at=ids.time_of(attempt.row_id),
    )


def attempt_id(attempt: Attempt) -> str:
    return f"{ids.typed('whd', attempt.row_id)}-{attempt.position}"
