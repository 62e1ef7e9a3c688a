"""What a receipt says. It is the same for whom the account knew and for whom it did not: it must tell nobody which."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sendigopro.foundation import ids
from sendigopro.privacy.backups import Backups
from sendigopro.privacy.model import Request

VERSION: Final = 1
DESTROYED: Final = {
    "keys": "The keys under which the identifier and the contents of messages were sealed.",
    "queue": "Messages that waited or were scheduled: canceled, their credit released.",
    "bodies": "Texts, metadata, tags and callback addresses of messages.",
    "idempotency": "Marks of requests for these messages alone. Marks of batches end after two days and name nobody.",
    "webhooks": "Events and repeats are described from what is stored: from now on without the person.",
    "rows": "What led from messages to the person: set to nothing.",
    "reports": "Carriers' reports of the number that match no message. Within four days instead: one that may be of a "
    "message of another account, one that came later, and all of them if the erasure was done again after a restore.",
    "subjects": "The person's row: sealed identifier and look-up mark.",
    "caches": "What processes had in memory: dropped within 0.3 seconds.",
    "exports": "Packages that were built for the person.",
}
"""Store → what was destroyed in it."""
KEPT: Final = (
    {
        "what": "a keyed mark of the identifier, so that it is not contacted again; it opens nothing",
        "ground": "GDPR 17(3)(b), 21(3)",
        "until": "withdrawn",
    },
    {
        "what": "facts of messages without a person: time, country, outcome, price",
        "ground": "GDPR 17(3)(b) and (e), tax and accounting law",
        "until": "the term of messages",
    },
    {
        "what": "this receipt and the entry in the erasure journal",
        "ground": "GDPR 5(2), 17(3)(e)",
        "until": "audit term",
    },
)


def contents(
    request: Request,
    *,
    completed_at: datetime,
    steps: Mapping[str, datetime],
    backups: Backups,
    carriers: Sequence[tuple[str, int | None]],
    has_webhooks: bool,
) -> dict[str, Any]:
    """The receipt of a completed erasure; `steps` are the times at which each store was done."""
    return {
        "version": VERSION,
        "request_id": ids.typed("prq", request.id),
        "account_id": ids.typed("acc", request.account_id),
        "mode": "live" if request.mode else "test",
        "type": request.type,
        "requested_at": written(request.created_at),
        "unreadable_at": written(request.unreadable_at or completed_at),
        "completed_at": written(completed_at),
        "destroyed": [{"store": store, "what": what, "at": written(steps[store])} for store, what in DESTROYED.items()],
        "backups": {
            "level": backups.level,
            "open_until": None if backups.open_until is None else written(backups.open_until),
            "told": backups.told,
        },
        "kept": list(KEPT),
        "others": _others(completed_at, carriers, has_webhooks=has_webhooks),
    }


def _others(
    completed_at: datetime, carriers: Sequence[tuple[str, int | None]], *, has_webhooks: bool
) -> list[dict[str, Any]]:
    """Whoever may have got the person's data from here. All carriers: only those used would tell who was known."""
    told = [
        {
            "who": name,
            "kind": "carrier",
            "may_hold": "number, text and time of messages that it transported",
            "until": None if days is None else written(completed_at + timedelta(days=days)),
        }
        for name, days in carriers
    ]
    if has_webhooks:
        told.append(
            {
                "who": "the account",
                "kind": "webhook",
                "may_hold": "what its own endpoints were told before",
                "until": None,
            }
        )
    return told


def written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
