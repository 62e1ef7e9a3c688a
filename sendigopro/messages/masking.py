"""A message as it is shown to who may not know whom it is about, or what it said."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import msgspec

from sendigopro.foundation.masks import mask_phone
from sendigopro.messages.view import MessageObject


@dataclass(frozen=True, slots=True)
class Sees:
    """What of people somebody is shown."""

    subjects: bool
    """Whom a message is about (`subjects.read`)."""
    bodies: bool
    """What it said, and what the account wrote beside it (`bodies.read`)."""


NOTHING: Final = Sees(subjects=False, bodies=False)
EVERYTHING: Final = Sees(subjects=True, bodies=True)


def sees_of(scopes: Collection[str]) -> Sees:
    return Sees("subjects.read" in scopes, "bodies.read" in scopes)


def masked(message: MessageObject, sees: Sees) -> MessageObject:
    """The same message, with what is not for these eyes covered, and `masked` saying which fields that was."""
    if sees == EVERYTHING:
        return message
    person = "to" if message.direction == "outbound" else "from"
    number = message.to if person == "to" else message.sender
    covered = [] if sees.subjects or number is None else [person]
    if covered:
        number = mask_phone(number or "")
    body, metadata = message.body, message.metadata
    if not sees.bodies:
        covered += [name for name, value in (("body", body), ("metadata", metadata)) if value]
        body, metadata = None, {}
    return msgspec.structs.replace(
        message,
        to=number if person == "to" else message.to,
        sender=number if person == "from" else message.sender,
        body=body,
        metadata=metadata,
        masked=covered or msgspec.UNSET,
    )
