"""The form of an endpoint: what was typed, and what is right about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sendigopro.console.forms import read_form
from sendigopro.foundation import ids
from sendigopro.foundation.problems import Invalid
from sendigopro.webhooks.endpoints import EVENT_TYPES
from sendigopro.webhooks.model import Endpoint

DESCRIPTION_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Typed:
    """As it was filled in."""

    once: str = ""
    """The id a new endpoint will have: the same form makes one, however often it is sent."""
    url: str = ""
    description: str = ""
    event_types: Sequence[str] = ()


def fresh() -> Typed:
    return Typed(once=ids.typed("we", ids.new()))


def of_endpoint(endpoint: Endpoint) -> Typed:
    return Typed("", endpoint.url, endpoint.description, endpoint.event_types)


def read_typed(body: bytes) -> Typed:
    values = read_form(body, ("once", "url", "description", *EVENT_TYPES))
    types = [name for name in EVENT_TYPES if values.pop(name)]
    return Typed(values["once"], values["url"].strip(), values["description"].strip(), types)


def check(typed: Typed) -> None:
    """What the page itself must see to; the address is looked at where it is used."""
    if len(typed.description) > DESCRIPTION_MAX or not typed.description.isprintable():
        raise Invalid(
            "invalid_value", f"A description has at most {DESCRIPTION_MAX} printable characters.", param="description"
        )


def once(typed: Typed) -> UUID:
    return ids.parse("we", typed.once, param="once")


def read_since(text: str) -> datetime:
    """From a date field: a time in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("invalid_since", "Give a date and a time, in UTC.", param="since") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
