"""What the doors of people's requests read and answer."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from sendigopro.foundation import ids
from sendigopro.foundation.phones import PhoneNumber, parse_phone
from sendigopro.foundation.problems import Invalid, Unprocessable
from sendigopro.messages.model import Mode
from sendigopro.privacy.model import GRACE_HOURS_MAX, Request, Status, Type

Identifier = Annotated[
    str, msgspec.Meta(min_length=1, max_length=64, description="Of the person: a phone number in E.164.")
]


class NewRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a person asks for."""

    type: Type
    identifier: Identifier
    reason: Annotated[str, msgspec.Meta(max_length=500, description="For your own records; kept sealed.")] | None = None
    grace_hours: Annotated[
        int,
        msgspec.Meta(ge=0, le=GRACE_HOURS_MAX, description="erase: restricted at once, forgotten when they are over."),
    ] = 0
    corrected_identifier: Identifier | None = None
    """rectify: the right one."""
    lift: Annotated[bool, msgspec.Meta(description="restrict: lift the restriction instead.")] = False


class Progress(msgspec.Struct, kw_only=True):
    """Messages written into a package so far, and how many there are."""

    done: int
    total: int


class RequestObject(msgspec.Struct, kw_only=True):
    """A request of a person. It never says whom, nor whether the account knew them."""

    id: str
    object: Literal["privacy_request"] = "privacy_request"
    mode: Literal["live", "test"]
    type: Type
    lift: bool
    status: Status
    outcome: str | None
    grace_until: datetime | None
    created_at: datetime
    due_at: datetime
    unreadable_at: datetime | None
    completed_at: datetime | None
    has_receipt: bool
    progress: Progress | None
    """Of a package that is being built, or was."""


class Signature(msgspec.Struct, kw_only=True):
    """Of the receipt in its one spelling: names sorted, no spaces."""

    algorithm: Literal["Ed25519"]
    key: str
    value: str


class ReceiptObject(msgspec.Struct, kw_only=True):
    """What was destroyed, what is kept and why, who else may hold copies; signed."""

    receipt: dict[str, Any]
    signature: Signature


class ReceiptKeyObject(msgspec.Struct, kw_only=True):
    """What receipts of this installation are verified with."""

    object: Literal["receipt_key"] = "receipt_key"
    algorithm: Literal["Ed25519"] = "Ed25519"
    public_key: str


def request_object(request: Request) -> RequestObject:
    return RequestObject(
        id=ids.typed("prq", request.id),
        mode="live" if request.mode == Mode.LIVE else "test",
        type=request.type,
        lift=request.is_lift,
        status=request.status,
        outcome=request.outcome,
        grace_until=request.grace_until,
        created_at=request.created_at,
        due_at=request.due_at,
        unreadable_at=request.unreadable_at,
        completed_at=request.completed_at,
        has_receipt=request.has_receipt,
        progress=None if request.done is None else Progress(done=request.done, total=request.total or 0),
    )


def read_identifier(text: str, *, param: str) -> PhoneNumber:
    """A person's identifier; what is none is told so, and never repeated."""
    try:
        return parse_phone(text, param=param)
    except Invalid as problem:
        raise Unprocessable("invalid_identifier", problem.detail, param=param) from None


def check_fields(wanted: NewRequest) -> None:
    """Refuse what does not belong to this type of request."""
    if (wanted.corrected_identifier is None) == (wanted.type == "rectify"):
        told = "Give it" if wanted.type == "rectify" else "Leave it out"
        raise Invalid(
            "invalid_value", f"{told}: corrected_identifier belongs to rectify alone.", param="corrected_identifier"
        )
    if wanted.lift and wanted.type != "restrict":
        raise Invalid("invalid_value", "Leave it out: lift belongs to restrict alone.", param="lift")
    if wanted.grace_hours and wanted.type != "erase":
        raise Invalid("invalid_value", "Leave it out: grace_hours belongs to erase alone.", param="grace_hours")
