"""What becomes of each column about somebody when that person asks: one visible table, held to the live catalogue.

Where a column stands in the package of a person, or why it does not, is read from `privacy/package/coverage.py`.

A name is `schema.table.column`, or `schema.table.*` for all of a table's columns that have no line of their own. A star
may stand only where whole rows are deleted: what stays must be named, so that a new column beside it is thought about.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sendigopro.foundation.catalogue import Annotation
from sendigopro.privacy.catalogue.model import CatalogueError, Column, personal
from sendigopro.privacy.package.coverage import told_of


class Whose(StrEnum):
    """Who may ask for it."""

    SUBJECT = "subject"
    MEMBER = "member"
    ACCOUNT = "account"
    OPERATOR = "operator"


class Erasure(StrEnum):
    """What an erasure does with the values."""

    DELETE = "delete the row"
    SET_NULL = "set null"
    DIES = "dies with its key, then delete the row"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Plan:
    """How values are found that are about somebody, and what is done with them."""

    whose: Whose
    path: tuple[str, ...]
    """From what is known of the person to the rows: columns, each leading to the next."""
    erasure: Erasure
    why: str


SUBJECT = ("vault.subjects.lookup", "vault.subjects.id")
MESSAGE = (*SUBJECT, "main.messages.subject_id", "main.messages.id")
REQUEST = ("main.privacy_requests.mac",)
HELD = (*SUBJECT, "main.held_subjects.subject_id")
PLATFORM_MAC = ("main.privacy_requests.platform_mac",)
ACCOUNT = ("main.accounts.id",)
MEMBER = ("main.people.mail_mac", "main.people.id")
APPLICANT = ("main.sign_ups.mail_mac",)
INVITED = ("main.invitations.mail_mac",)

KEYED = "A keyed fingerprint: says nothing to anybody, finds the person again, and so must go."
FACTS = "What the account did and paid; once subject_id is null no way leads from it to the person."
TEXT = "Sealed under the person's key and the day's: either death is enough."
ITS_ID = "The message's number: leads to nobody once the message's subject_id is null."
CLOSED = "The account's own; deleted 30 days after the account is closed."
A_HOLD = "A law or a court demands it, GDPR 17(3)(b), (e): kept until the hold is released, then its key dies."
IN_QUEUE = "The place is dropped at once, so that it never leaves; the row goes when its chunk is done."


BESIDE_THE_LOG = Plan(
    Whose.MEMBER,
    (*MEMBER, "main.audit_log.actor_id", "main.audit_log.id", "main.audit_personal.id"),
    erasure=Erasure.DELETE,
    why="What the audit log says of somebody; the commitment that stays says nothing without its salt.",
)


def columns(table: str, names: str, plan: Plan) -> dict[str, Plan]:
    return {f"{table}.{name}": plan for name in names.split()}


def of_subject(path: Sequence[str], erasure: Erasure, why: str, *, last: str = "") -> Plan:
    return Plan(Whose.SUBJECT, (*path, last) if last else tuple(path), erasure, why)


def of_account(last: str, why: str = CLOSED, *, erasure: Erasure = Erasure.DELETE) -> Plan:
    return Plan(Whose.ACCOUNT, (*ACCOUNT, last), erasure, why)


def of_member(erasure: Erasure, why: str) -> Plan:
    return Plan(Whose.MEMBER, MEMBER, erasure, why)


VAULT: Mapping[str, Plan] = {
    **columns(
        "vault.subjects", "id mode kind identifier country first_seen last_seen",
        of_subject(SUBJECT, Erasure.DELETE, "The key dies first, then the row goes."),
    ),
    **columns("vault.subjects", "account_id lookup", of_subject(SUBJECT, Erasure.DELETE, KEYED)),
    "vault.subjects.key_slot": of_subject(SUBJECT, Erasure.DELETE, "Which key is destroyed: the first step of all."),
    "vault.account_keys.account_id": of_account("vault.account_keys.account_id"),
    **columns(
        "vault.buckets", "account_id bucket",
        of_account("vault.buckets.account_id", "A day of the whole account; its key dies after the day."),
    ),
}  # fmt: skip

MESSAGES: Mapping[str, Plan] = {
    "main.messages.subject_id": of_subject(
        MESSAGE, Erasure.SET_NULL, "The one reference from what happened to who it was."
    ),
    **columns(
        "main.messages",
        "id mode channel direction purpose sender_id segments encoding country carrier_id send_at expires_at "
        "body_expires_on has_callback priority account_id key_id price_micros held_micros currency chunk_id",
        of_subject(MESSAGE, Erasure.KEPT, FACTS),
    ),
    **columns(
        "main.message_bodies", "body details",
        of_subject(MESSAGE, Erasure.DIES, TEXT, last="main.message_bodies.message_id"),
    ),
    **columns(
        "main.message_bodies", "account_id message_id expires_on",
        of_subject(MESSAGE, Erasure.DELETE, "Goes with the text.", last="main.message_bodies.message_id"),
    ),
    **columns(
        "main.outcomes", "account_id message_id rank at reason carrier_id carrier_code attempt",
        of_subject(MESSAGE, Erasure.KEPT, FACTS, last="main.outcomes.message_id"),
    ),
    **columns(
        "main.part_reports", "account_id message_id part rank reason",
        of_subject(MESSAGE, Erasure.KEPT, FACTS, last="main.part_reports.message_id"),
    ),
    "main.message_tags.*": of_subject(MESSAGE, Erasure.DELETE, KEYED, last="main.message_tags.message_id"),
    "main.standing.mac": of_subject(
        ("main.standing.mac",), Erasure.KEPT,
        "A bare fingerprint under the account's suppression key: it keeps who was erased from being written to again.",
    ),
    **columns(
        "main.standing", "scope state at",
        of_subject(("main.standing.mac",), Erasure.KEPT, "An opt-out must outlive the person's erasure."),
    ),
    "main.standing.account_id": of_subject(("main.standing.mac",), Erasure.KEPT, "Whose sending is held back."),
}  # fmt: skip

QUEUE: Mapping[str, Plan] = {
    **columns(
        "main.chunks", "account_id id message_ids",
        of_subject(("main.messages.id", "main.messages.chunk_id", "main.chunks.id"), Erasure.KEPT, IN_QUEUE),
    ),
    "main.waiting.*": of_subject(
        MESSAGE, Erasure.DELETE, "What is not yet due is cancelled.", last="main.waiting.message_id"
    ),
    **columns(
        "main.moved", "account_id message_id chunk_id",
        of_subject(MESSAGE, Erasure.KEPT, IN_QUEUE, last="main.moved.message_id"),
    ),
    **columns(
        "main.awaited_receipts", "account_id id message_ids",
        of_subject(MESSAGE, Erasure.KEPT, ITS_ID, last="main.awaited_receipts.message_ids"),
    ),
    "main.unclear_submits.*": of_subject(MESSAGE, Erasure.DELETE, KEYED, last="main.unclear_submits.message_id"),
    "main.unmatched_receipts.*": of_subject(
        PLATFORM_MAC, Erasure.DELETE,
        "What has just come loses its MAC only; what may be of another account's message stays up to three days.",
        last="main.unmatched_receipts.recipient_mac",
    ),
    **columns(
        "main.carrier_refs", "carrier_id ref at account_id message_id part",
        of_subject(
            MESSAGE, Erasure.KEPT,
            "The carrier's number of a message: a late receipt must still find it. Goes with its day's partition.",
            last="main.carrier_refs.message_id",
        ),
    ),
    "main.idempotency.*": of_subject(
        MESSAGE, Erasure.DELETE,
        "Of requests for this person alone; a batch for others too keeps its marks, or it might be sent again.",
        last="main.idempotency.message_ids",
    ),
}  # fmt: skip

TOLD: Mapping[str, Plan] = {
    **columns(
        "main.events", "account_id id xid mode n payload",
        of_subject(MESSAGE, Erasure.KEPT, ITS_ID + " Numbers and statuses only.", last="main.events.id"),
    ),
    **columns(
        "main.outbox", "account_id id",
        of_subject(MESSAGE, Erasure.KEPT, ITS_ID + " Gone once it is told.", last="main.outbox.id"),
    ),
    **columns(
        "main.webhook_retries", "account_id lane_id event_id batch_id endpoint_id",
        of_subject(
            MESSAGE, Erasure.KEPT, "Numbers only: what is told is read when it is told, and then without the person.",
            last="main.webhook_retries.event_id",
        ),
    ),
    "main.webhook_deliveries.event_ids": of_subject(
        MESSAGE, Erasure.KEPT, ITS_ID, last="main.webhook_deliveries.event_ids"
    ),
    **columns(
        "main.webhook_deliveries", "account_id id mode endpoint_id codes millis attempts",
        of_account("main.webhook_deliveries.account_id"),
    ),
    "main.requests.path": of_subject(MESSAGE, Erasure.KEPT, ITS_ID, last="main.requests.path"),
    **columns(
        "main.requests",
        "account_id id given_id mode key_id method status problem duration_us request_bytes response_bytes",
        of_account("main.requests.account_id"),
    ),
    "main.webhook_replays.*": of_account("main.webhook_replays.account_id"),
    "main.webhook_endpoints.*": of_account("main.webhook_endpoints.account_id"),
    "main.webhook_secrets.secret": of_account("main.webhook_secrets.account_id", "A secret leaves in no package."),
    "main.webhook_secrets.*": of_account("main.webhook_secrets.account_id"),
}  # fmt: skip

ACCOUNTS: Mapping[str, Plan] = {
    "main.accounts.*": Plan(Whose.ACCOUNT, ACCOUNT, erasure=Erasure.DELETE, why=CLOSED),
    "main.retention_terms.*": of_account("main.retention_terms.account_id"),
    "main.custom_roles.*": of_account("main.custom_roles.account_id"),
    **columns(
        "main.people", "password_hash totp_secret", of_member(Erasure.DELETE, "A credential leaves in no package.")
    ),
    "main.people.mail_mac": of_member(Erasure.DELETE, KEYED),
    "main.people.*": of_member(Erasure.DELETE, "The member's own; the account goes on without."),
    "main.members.*": of_member(Erasure.DELETE, "Goes with the person."),
    "main.message_exports.*": of_member(
        Erasure.DELETE, "Gone after a day; its key and its words at once when anybody is forgotten in the account."
    ),
    "main.saved_views.*": of_member(Erasure.DELETE, "Goes with the member, or when they delete it."),
    "main.sessions.*": of_member(Erasure.DELETE, "Goes with the person, and when it is over."),
    **columns(
        "main.passkeys", "credential_id public_key", of_member(Erasure.DELETE, "A credential leaves in no package.")
    ),
    "main.passkeys.*": of_member(Erasure.DELETE, "Goes with the person, or when they remove it."),
    "main.recovery_codes.*": of_member(Erasure.DELETE, "Goes with the person."),
    "main.staff.*": of_member(Erasure.DELETE, "Goes with the person."),
    "main.go_live_reviews.*": of_account("main.go_live_reviews.account_id"),
    "main.staff_grants.*": of_account("main.staff_grants.account_id"),
    "main.sign_in_failures.*": of_member(Erasure.DELETE, "Counts of wrong attempts; gone after a day."),
    "main.sign_ups.*": Plan(
        Whose.MEMBER, APPLICANT, erasure=Erasure.DELETE, why="Gone within a day: the person's own then, or nothing."
    ),
    "main.invitations.*": Plan(
        Whose.MEMBER, INVITED, erasure=Erasure.DELETE, why="Gone when accepted or withdrawn, and after a week."
    ),
    "main.password_resets.*": of_member(Erasure.DELETE, "Goes with the person, when used, and after an hour."),
    "main.mails.sealed": of_member(Erasure.DELETE, "Gone when it is sent, and within a day."),
    "main.sso_connections.settings": of_account("main.sso_connections.account_id", "A secret leaves in no package."),
    "main.sso_connections.*": of_account("main.sso_connections.account_id"),
    "main.sso_domains.*": of_account("main.sso_domains.account_id"),
    "main.sso_identities.*": of_member(Erasure.DELETE, "Goes with the person: whom a provider's number stood for."),
    "main.sso_used.*": of_member(Erasure.DELETE, "What is good once; gone when it would not be taken anyway."),
    "main.scim_users.*": of_member(Erasure.DELETE, "Goes with the person: what their company's provider told of them."),
    "main.api_keys.hash": of_account("main.api_keys.account_id", "A credential leaves in no package."),
    "main.api_keys.*": of_account("main.api_keys.account_id"),
    "main.credit.*": of_account("main.credit.account_id"),
    **columns(
        "main.ledger_entries", "account_id id from_book to_book amount_micros currency reference at",
        of_account(
            "main.ledger_entries.account_id", "Tax and commercial law demand it; it names an account and no person.",
            erasure=Erasure.KEPT,
        ),
    ),
    "main.tallies.account_id": of_account(
        "main.tallies.account_id", "Counts by hour: nobody can be found in them.", erasure=Erasure.KEPT
    ),
    "main.senders.*": of_account("main.senders.account_id"),
    "main.routes.account_id": of_account("main.routes.account_id"),
    "main.carriers.credentials": Plan(
        Whose.OPERATOR, ("main.carriers.id",), erasure=Erasure.DELETE,
        why="The operator's way into a carrier; removed with the carrier.",
    ),
}  # fmt: skip

REQUESTS: Mapping[str, Plan] = {
    **columns(
        "main.privacy_requests", "lookup mac platform_mac subject_ids key_slots",
        of_subject(REQUEST, Erasure.SET_NULL, "What led from a request to the person goes with the person."),
    ),
    **columns(
        "main.privacy_requests", "key_mac body_mac",
        of_subject(REQUEST, Erasure.SET_NULL, "Marks of a repeated request; gone after a day."),
    ),
    **columns(
        "main.privacy_requests",
        "account_id id mode type status outcome is_lift asked_by approved_by grace_hours grace_until created_at due_at "
        "unreadable_at completed_at done total receipt",
        of_subject(REQUEST, Erasure.KEPT, "That it was asked and done, to be shown to an authority; it names nobody."),
    ),
    "main.privacy_requests.reason": of_account(
        "main.privacy_requests.account_id", "The account's words; they go with the person they are about.",
        erasure=Erasure.SET_NULL,
    ),
    **columns(
        "main.request_approvals", "account_id request_id approver at",
        Plan(
            Whose.OPERATOR, ("main.request_approvals.request_id",), erasure=Erasure.KEPT,
            why="Who of the staff was the second person; sealed under the installation's own key.",
        ),
    ),
    "main.journal_intents.*": of_subject(
        (*REQUEST, "main.privacy_requests.account_id", "main.journal_intents.account_id"), Erasure.DELETE,
        "Gone within milliseconds, when it stands in the erasure journal.",
    ),
    **columns(
        "main.holds", "account_id words",
        Plan(
            Whose.OPERATOR, ("main.holds.id",), erasure=Erasure.KEPT,
            why="Why something must be kept, and who answers for it; its key dies when the hold is released.",
        ),
    ),
    **columns("main.held_subjects", "account_id hold_id subject_id", of_subject(HELD, Erasure.KEPT, A_HOLD)),
    **columns(
        "main.held_items", "account_id hold_id subject_id id content",
        of_subject(HELD, Erasure.KEPT, A_HOLD, last="main.held_items.subject_id"),
    ),
    **columns(
        "main.audit_log",
        "account_id n id at actor_kind actor_id action target facts request_id commitment prev_hash hash",
        of_account(
            "main.audit_log.account_id", "A chain that a gap would break; an entry names nobody.", erasure=Erasure.KEPT
        ),
    ),
    **columns("main.audit_personal", "account_id id sealed", BESIDE_THE_LOG),
    "main.receipt_keys.secret": Plan(
        Whose.OPERATOR, ("main.receipt_keys.id",), erasure=Erasure.KEPT,
        why="What receipts are signed with; they would be worth nothing without it.",
    ),
}  # fmt: skip

PLANS: Mapping[str, Plan] = {**VAULT, **MESSAGES, **QUEUE, **TOLD, **ACCOUNTS, **REQUESTS}


def plan_of(column: Column, plans: Mapping[str, Plan] = PLANS) -> Plan | None:
    """The column's own line, or its table's star."""
    return plans.get(column.full_name) or plans.get(f"{column.table_name}.*")


def planned(found: Sequence[Column], plans: Mapping[str, Plan] = PLANS) -> Iterator[tuple[Column, Annotation, Plan]]:
    """Each column about somebody with its plan; `CatalogueError` when the two do not agree."""
    if wrong := faults(found, plans):
        raise CatalogueError("; ".join(wrong))
    for column, says in personal(found):
        plan = plan_of(column, plans)
        assert plan is not None  # else it is among the faults
        yield column, says, plan


def faults(found: Sequence[Column], plans: Mapping[str, Plan] = PLANS) -> list[str]:
    """Where plans and live catalogue differ, each with what to do."""
    names = {column.full_name for column in found}
    stars = {f"{column.table_name}.*" for column in found}
    return [*unplanned(found, plans), *misplaced(names | stars, plans), *lost_paths(names, plans), *lax(plans)]


def unplanned(found: Iterable[Column], plans: Mapping[str, Plan]) -> list[str]:
    return [
        f"{column.full_name} ({says.category}, {says.role}) has no plan: add its line to privacy/plans.py, saying how "
        "it is found and what an erasure does with it"
        for column, says in personal(found)
        if plan_of(column, plans) is None
    ]


def misplaced(known: set[str], plans: Mapping[str, Plan]) -> list[str]:
    return [
        f"{name} has a plan but no column: take its line out of privacy/plans.py, or correct its name"
        for name in plans
        if name not in known
    ]


def lost_paths(names: set[str], plans: Mapping[str, Plan]) -> list[str]:
    return [
        f"the path to {name} goes through {step}, which is no column: correct it in privacy/plans.py"
        for name, plan in plans.items()
        for step in plan.path
        if step not in names
    ]


def lax(plans: Mapping[str, Plan]) -> list[str]:
    return [
        f"{name} has a star but its rows stay: name the columns in privacy/plans.py"
        for name, plan in plans.items()
        if name.endswith(".*") and plan.erasure is not Erasure.DELETE
    ]


def as_markdown(found: Sequence[Column]) -> str:
    """Every column about somebody and its plan, one table for each whose."""
    rows = list(planned(found))
    parts = [
        "# What is handed out and what is erased",
        "Made from the live catalogue, `privacy/plans.py` and the package's own list by `sendigopro catalogue write`.",
    ]
    for whose in Whose:
        lines = [
            f"| {column.full_name} | {says.category} | {' → '.join(plan.path)} | "
            f"{told_of(column.full_name)} | {plan.erasure.value} | {plan.why} |"
            for column, says, plan in rows
            if plan.whose is whose
        ]
        head = ["| Column | Holds | Found by | In the package | Erasure | Why |", "|" + " --- |" * 6]
        parts.append("\n".join([f"## Of the {whose.value}", "", *head, *lines]))
    return "\n\n".join(parts) + "\n"
