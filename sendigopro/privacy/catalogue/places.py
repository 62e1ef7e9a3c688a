"""Where data about people is and how it moves: every store, door, recipient and flow. The map is drawn from these.

`code` are patterns of files below the package. What they name must exist, or the entry `is_planned`: a test holds each
entry to the code, the stores to the live catalogue, and the code that reaches out to the flows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Area(StrEnum):
    """Which part of the map, left to right."""

    PEOPLE = "people"
    DOORS = "doors"
    MAIN = "main"
    VAULT = "vault"
    OUTSIDE = "outside"
    RECIPIENTS = "recipients"


@dataclass(frozen=True, slots=True)
class Place:
    """A box of the map."""

    word: str
    area: Area
    title: str
    about: str
    tables: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    is_planned: bool = False


class Of(StrEnum):
    """Whose data a flow carries."""

    END_USERS = "end users"
    MEMBERS = "accounts and members"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Flow:
    """An arrow of the map: what goes from one place to another, how it is guarded, and the code that carries it."""

    source: str
    target: str
    of: Of
    what: str
    guarded: str
    code: tuple[str, ...]
    is_planned: bool = False


AREAS: Mapping[Area, tuple[str, str]] = {
    Area.PEOPLE: ("People", "where data comes from"),
    Area.DOORS: ("Doors", "what they come in by"),
    Area.MAIN: ("Database main", "what happened, to numbers without names"),
    Area.VAULT: ("Database vault", "who they were, sealed"),
    Area.OUTSIDE: ("Outside the databases", "files of the installation"),
    Area.RECIPIENTS: ("Recipients", "who else sees it"),
}
SCHEMAS: Mapping[str, Area] = {"main": Area.MAIN, "jobs": Area.MAIN, "vault": Area.VAULT}
"""Which area a schema's tables belong to."""

INSIDE = "nobody"
"""The recipient's word for what stays inside: no box of its own, but a line of the legend."""

PEOPLE = (
    Place("end_users", Area.PEOPLE, "End users", "receive and answer messages"),
    Place("members", Area.PEOPLE, "Members", "work for an account"),
    Place("operator", Area.PEOPLE, "Operator", "runs the installation"),
)

DOORS = (
    Place(
        "carrier_links",
        Area.DOORS,
        "Carrier links",
        "replies and receipts by SMPP",
        code=("channels/*/*.py", "smpp/*.py"),
    ),
    Place("handset", Area.DOORS, "Handset", "test messages in a browser", code=("console/handset*.py",)),
    Place(
        "sign_in",
        Area.DOORS,
        "Sign-in",
        "of members, in a browser",
        code=(
            "console/s*.py",
            "console/forgot.py",
            "console/invit*.py",
            "console/passkeys.py",
            "console/visitor.py",
            "sso/*.py",
        ),
    ),
    Place("api", Area.DOORS, "HTTP API", "JSON, with an account's key", code=("*/api.py", "*/*_api.py")),
    Place("command_line", Area.DOORS, "Command line", "on the machine itself", code=("commands/*.py",)),
)

STORES = (
    Place(
        "messages", Area.MAIN, "Messages", "texts sealed, people as numbers",
        tables=(
            "main.messages", "main.message_bodies", "main.message_tags", "main.outcomes", "main.part_reports",
        ),
    ),
    Place(
        "queue", Area.MAIN, "Queue", "what is due, and whose a receipt is",
        tables=(
            "main.chunks", "main.waiting", "main.moved", "main.carrier_refs", "main.awaited_receipts",
            "main.unmatched_receipts", "main.unclear_submits", "main.idempotency",
        ),
    ),
    Place(
        "requests", Area.MAIN, "Requests", "what people asked about themselves",
        tables=("main.privacy_requests", "main.journal_intents"),
    ),
    Place(
        "holds", Area.MAIN, "Legal holds", "copies that must be kept, under their own key",
        tables=("main.holds", "main.held_subjects", "main.held_items"),
    ),
    Place("standing", Area.MAIN, "Standing", "whom an account must not contact", tables=("main.standing",)),
    Place(
        "told", Area.MAIN, "Events and webhooks", "what accounts are told, and where",
        tables=(
            "main.events", "main.outbox", "main.webhook_endpoints", "main.webhook_secrets", "main.webhook_retries",
            "main.webhook_deliveries", "main.webhook_replays", "main.requests",
        ),
    ),
    Place(
        "accounts", Area.MAIN, "Accounts and members", "names and mail sealed, keys hashed",
        tables=(
            "main.accounts", "main.people", "main.members", "main.sessions", "main.recovery_codes", "main.passkeys",
            "main.sign_in_failures", "main.api_keys", "main.senders", "main.retention_terms",
            "main.staff", "main.go_live_reviews", "main.staff_grants",
            "main.saved_views", "main.message_exports",
            "main.custom_roles",
            "main.sso_connections", "main.sso_domains", "main.sso_identities", "main.sso_used", "main.scim_users",
        ),
    ),
    Place(
        "coming_in", Area.MAIN, "Coming in", "sign-ups, invitations, resets, mails on their way",
        tables=("main.sign_ups", "main.invitations", "main.password_resets", "main.mails",
            "main.used_challenges",
        ),
    ),
    Place(
        "money", Area.MAIN, "Money and counts", "credit, ledger, anonymous tallies",
        tables=("main.credit", "main.ledger_entries", "main.tallies"),
    ),
    Place(
        "audit", Area.MAIN, "Audit log", "who changed what; names sealed beside it",
        tables=("main.audit_log", "main.audit_personal"),
    ),
    Place(
        "set_up", Area.MAIN, "Set-up", "carriers, routes, the software's own state",
        tables=(
            "main.carriers", "main.routes", "main.carrier_binds", "main.workers", "main.config_epoch",
            "main.migrations", "main.journal_head", "main.receipt_keys", "main.request_approvals",
            "main.notice_versions", "main.proof_runs",
        ),
    ),
    Place("subjects", Area.VAULT, "Subjects", "phone numbers, each under its own key", tables=("vault.subjects",)),
    Place(
        "key_register", Area.VAULT, "Key register", "which key slot is whose",
        tables=("vault.account_keys", "vault.buckets", "vault.key_blocks", "vault.migrations"),
    ),
    Place(
        "key_store", Area.OUTSIDE, "Key store", "erased here, dead everywhere", code=("vault/tree.py",)
    ),
    Place(
        "root_keeper", Area.OUTSIDE, "Root keeper", "wraps the root: file, AWS KMS, PKCS#11",
        code=("vault/keepers/*.py",),
    ),
    Place(
        "journal", Area.OUTSIDE, "Erasure journal", "what a restore must erase again",
        code=("privacy/journal*.py",),
    ),
    Place(
        "backups", Area.OUTSIDE, "Backups", "databases; their keys for 7 days, or none",
        code=("commands/backup.py", "vault/snapshots.py"),
    ),
    Place(
        "packages", Area.OUTSIDE, "Access packages", "sealed, until fetched",
        code=("privacy/package/*.py",),
    ),
    Place(
        "instance_file", Area.OUTSIDE, "Instance file", "addresses and the first keys", code=("commands/instance.py",)
    ),
    Place("logs", Area.OUTSIDE, "Logs", "facts, nothing about anybody", code=("foundation/logs.py",)),
)  # fmt: skip

# Their words are those of the catalogue's recipients.
RECIPIENTS = (
    Place("carriers", Area.RECIPIENTS, "Carriers", "transport messages to phones"),
    Place("account", Area.RECIPIENTS, "The account", "by API, webhook and console"),
    Place("staff", Area.RECIPIENTS, "Staff", "who run the installation"),
    Place("mail_provider", Area.RECIPIENTS, "Mail provider", "sends our own mail"),
    Place("payment_provider", Area.RECIPIENTS, "Payment provider", "would take payments", is_planned=True),
    Place("authorities", Area.RECIPIENTS, "Authorities", "where a law demands it"),
)

PLACES = (*PEOPLE, *DOORS, *STORES, *RECIPIENTS)
BY_WORD: Mapping[str, Place] = {place.word: place for place in PLACES}
