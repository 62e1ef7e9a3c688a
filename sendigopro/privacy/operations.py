"""How the doors of people's requests stand in the API document."""

from sendigopro.foundation import strict_query
from sendigopro.foundation.lists import Listed
from sendigopro.foundation.operations import Operation
from sendigopro.privacy.shapes import NewRequest, ReceiptKeyObject, ReceiptObject, RequestObject

TAG = "Privacy"
REQUESTS = "/v1/privacy/requests"
ONE = f"{REQUESTS}/{{request_id}}"
IDS = {"request_id": "prq_01h455vb4pex5vsknk084sn02q"}
EXAMPLE = {
    "id": IDS["request_id"],
    "object": "privacy_request",
    "mode": "test",
    "type": "erase",
    "lift": False,
    "status": "erasing",
    "outcome": None,
    "grace_until": None,
    "created_at": "2026-11-23T12:00:00Z",
    "due_at": "2026-12-23T12:00:00Z",
    "unreadable_at": "2026-11-23T12:00:00Z",
    "completed_at": None,
    "has_receipt": False,
    "progress": None,
}
IDEMPOTENCY_HEADER = {
    "Idempotency-Key": "Repeats of a request with the same key and body are answered once, for 24 hours."
}

OPERATIONS = (
    Operation(
        method="POST",
        path=REQUESTS,
        name="create_privacy_request",
        summary="Do what a person asks",
        description=(
            "Erase, rectify, restrict, object, withdraw; access and export. Who is unknown or was erased before is "
            "answered like who is known. More than 100 erasures an hour wait for a second person's approval."
        ),
        tag=TAG,
        answers={202: RequestObject},
        answer_example=EXAMPLE,
        request=NewRequest,
        request_example={"type": "erase", "identifier": "+4915112345678", "grace_hours": 24},
        headers=IDEMPOTENCY_HEADER,
        problems=(400, 403, 409, 413, 415, 422),
        links={"get_privacy_request": "request_id"},
    ),
    Operation(
        method="GET",
        path=REQUESTS,
        name="list_privacy_requests",
        summary="List requests, newest first",
        tag=TAG,
        answers={200: Listed[RequestObject]},
        query=strict_query.Page,
        problems=(400, 403),
    ),
    Operation(
        method="GET",
        path=ONE,
        name="get_privacy_request",
        summary="Look at a request",
        tag=TAG,
        answers={200: RequestObject},
        answer_example=EXAMPLE,
        path_ids=IDS,
        problems=(403, 404),
    ),
    Operation(
        method="GET",
        path=f"{ONE}/receipt",
        name="get_privacy_receipt",
        summary="Fetch the signed receipt of an erasure",
        description="Save it as it comes: it is verified byte for byte, with the key of /v1/privacy/receipt-key.",
        tag=TAG,
        answers={200: ReceiptObject},
        path_ids=IDS,
        problems=(403, 404, 409),
    ),
    Operation(
        method="GET",
        path=f"{ONE}/package",
        name="get_privacy_package",
        summary="Fetch the package of a person",
        description="A ZIP with a page to read, tables and data for programs. For seven days after it was built."
        " Besides privacy.read the key needs subjects.read and bodies.read.",
        tag=TAG,
        answers={200: None},
        file_type="application/zip",
        path_ids=IDS,
        problems=(403, 404, 409),
    ),
    Operation(
        method="POST",
        path=f"{ONE}/approve",
        name="approve_privacy_request",
        summary="Approve an erasure as the second person",
        description="With another key than it was asked with, and the scope privacy.approve.",
        tag=TAG,
        answers={200: RequestObject},
        answer_example=EXAMPLE,
        path_ids=IDS,
        problems=(403, 404, 409),
    ),
    Operation(
        method="POST",
        path=f"{ONE}/cancel",
        name="cancel_privacy_request",
        summary="Cancel an erasure that waits",
        tag=TAG,
        answers={200: RequestObject},
        answer_example={**EXAMPLE, "status": "canceled"},
        path_ids=IDS,
        problems=(403, 404, 409),
    ),
    Operation(
        method="GET",
        path="/v1/privacy/receipt-key",
        name="get_receipt_key",
        summary="Show the key that receipts are verified with",
        tag=TAG,
        answers={200: ReceiptKeyObject},
        problems=(403,),
    ),
)
