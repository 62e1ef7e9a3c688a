"""What ends each retention word of the catalogue, and which clock each table runs by; both held to the live one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sendigopro.accounts.request_log import KEPT_DAYS as REQUEST_DAYS
from sendigopro.accounts.retention_terms import CAP_DAYS
from sendigopro.events.model import KEPT_DAYS as EVENT_DAYS

RECEIPT_DAYS: Final = 7
"""Receipts are tried for three days; carriers' references serve nothing else."""
IDEMPOTENCY_DAYS: Final = 2
PACKAGE_DAYS: Final = 7
LOG_DAYS: Final = 400
"""Logs name nobody; they end with the last message that they could tell of."""
BACKUP_DAYS: Final = CAP_DAYS
"""A backup opens to nobody once its keys are gone; of an older one every row should have ended by itself."""


@dataclass(frozen=True, slots=True)
class Partitions:
    """A table whose partitions are dropped when they have been over for so many days."""

    days: int
    why: str


DROPPED: Mapping[str, Partitions] = {
    "main.message_bodies": Partitions(0, "filed by the day they expire on; by terms set since, row by row"),
    "main.messages": Partitions(CAP_DAYS, "facts of messages; by shorter terms of an account, row by row"),
    "main.outcomes": Partitions(CAP_DAYS, "as the message"),
    "main.part_reports": Partitions(CAP_DAYS, "as the message"),
    "main.message_tags": Partitions(CAP_DAYS, "as the message"),
    "main.moved": Partitions(CAP_DAYS, "as the message"),
    "main.carrier_refs": Partitions(RECEIPT_DAYS, "until no receipt is looked for"),
    "main.idempotency": Partitions(IDEMPOTENCY_DAYS, "a request may be repeated for a day"),
    "main.events": Partitions(EVENT_DAYS, "may be read and told again for so long"),
    "main.webhook_deliveries": Partitions(EVENT_DAYS, "as the events they tell of"),
    "main.requests": Partitions(REQUEST_DAYS, "the request log: to find what went wrong, then of no use"),
}
"""Partitioned tables that age."""

ROWS: Mapping[str, str] = {
    "vault.subjects": "last_seen and the account's term: the key dies, then the row",
    "vault.buckets": "the day: its key dies, then the row",
    "main.awaited_receipts": "due_at: the sweeper ends what no receipt came for",
    "main.chunks": "deleted when its messages have left or expired",
    "main.waiting": "deleted when due, or by the sweeper when expired",
    "main.outbox": "deleted when told",
    "main.unmatched_receipts": "given up after three days",
    "main.unclear_submits": "forgotten after four days",
    "main.webhook_retries": "given up by the schedule of retries",
    "main.webhook_replays": "counts and times of a replay; kept with the account",
    "main.standing": "until withdrawn: a bare MAC that outlives erasure",
    "main.privacy_requests": "what leads to the person is emptied when it is done",
    "main.journal_intents": "deleted when it stands in the journal",
    "main.request_approvals": "as the request",
    "main.audit_log": "a chain without gaps; it goes as a whole with its closed account",
    "main.audit_personal": "erased with whom it names; else as the log",
    "main.webhook_endpoints": "as the account",
    "main.retention_terms": "as the account",
    "main.accounts": "closes_at: a closed account is forgotten when its grace is over",
    "main.sessions": "ends_at and a week of idleness: refused at once, deleted by the job",
    "main.saved_views": "until its member deletes it, or is let go",
    "main.message_exports": "a day: then refused at once, and deleted with its file by the job",
    "main.sign_in_failures": "a day: then they do not count, and are deleted by the job",
    "main.mails": "deleted when sent, or given up within a day",
    "main.sign_ups": "ends_at, within a day: refused at once, deleted by the job",
    "main.password_resets": "ends_at, within an hour: refused at once, deleted by the job",
    "main.used_challenges": "ends_at, five minutes: deleted by the job",
    "main.invitations": "ends_at, a week: refused at once, deleted by the job",
    "main.sso_used": "ends_at: deleted by the job when it would not be taken anyway",
    "main.holds": "released by the operator: the key dies, then the rows",
    "main.held_subjects": "as the hold",
    "main.held_items": "as the hold",
}
"""Tables that age row by row: which clock, and who ends it."""

ENDED_BY: Mapping[str, str] = {
    "body_term": "the day's key dies and its partition is dropped; terms that an account set since end rows",
    "identifier_term": "the subject's key dies when it was not seen for the account's term",
    "message_term": "rows by the account's term, partitions at the cap; others go with what they belong to",
    "idempotency_term": "partitions are dropped after two days",
    "hold_term": "the hold's own key dies when it is released, then the rows; overdue reviews are named by doctor",
    "request_term": "partitions are dropped after seven days",
    "outbox_term": "rows go when they are told or given up",
    "until_done": "rows go with the work they stand for",
    "standing_term": "kept until withdrawn: GDPR 17(3)(b), 21(3)",
    "account_life": "goes with the account: its keys die when its grace is over, then every row",
    "key_life": "goes with what it opens",
    "audit_term": "kept to show that duties were met: GDPR 5(2)",
    "anonymous": "kept: nobody can be found in it",
    "software_life": "kept: it describes the software, not anybody",
    "statutory": "kept as long as tax and commercial law demand",
}
"""Every word, and what ends it."""
