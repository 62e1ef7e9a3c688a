"""The catalogue's words as people read them in the notice."""

from collections.abc import Mapping

DATA: Mapping[str, str] = {
    "system": "Technical data",
    "system.operations": "Technical state of work in hand",
    "system.authentication": "Hashes that check a key or password",
    "user.account": "Facts about an account",
    "user.account.settings": "Settings of an account",
    "user.authorizing": "Sign-in data",
    "user.authorizing.credentials": "Secrets and passwords",
    "user.behavior": "What happened to a message, and when",
    "user.contact": "Numbers and addresses of recipients and senders",
    "user.contact.email": "Names and mail addresses of members",
    "user.contact.organization": "Name of the company",
    "user.contact.phone_number": "Phone numbers",
    "user.contact.url": "Addresses of web services",
    "user.content": "What came along with a message",
    "user.content.private": "Texts of messages",
    "user.demographic.language": "Language",
    "user.device": "Facts about a device",
    "user.device.ip_address": "Network addresses",
    "user.financial": "Credit and charges",
    "user.location.imprecise": "Country",
    "user.name": "Names",
    "user.payment": "Payment data",
    "user.privacy_preferences": "Opt-outs and other wishes",
    "user.telemetry": "Use of our website",
    "user.unique_id": "References to a person with an account",
    "user.unique_id.pseudonymous": "Codes that stand for a person",
}

ROLES: Mapping[str, tuple[str, str]] = {
    "controller": ("People with an account", "Here we decide, and you ask us."),
    "processor": ("People who are written to", "Here our customer decides; we carry it out."),
}

PURPOSES: Mapping[str, str] = {
    "account": "run the account",
    "analytics": "count, without names",
    "comply": "obey the law",
    "customer_instruction": "do what the customer ordered",
    "deliver": "deliver messages",
    "events": "run an event",
    "fraud": "stop fraud and abuse",
    "marketing": "tell of our product",
    "operate": "run the software",
    "payments": "bill and be paid",
    "security": "keep the service safe",
    "support": "help people",
    "troubleshoot": "find faults",
}

BASES: Mapping[str, str] = {
    "consent": "Consent",
    "contract": "Contract",
    "customer_instruction": "The customer's own basis",
    "legal_obligation": "Legal duty",
    "legitimate_interests": "Legitimate interests",
    "none": "Not personal",
}

PERIODS: Mapping[str, str] = {
    "account_life": "As long as the account, and 30 days",
    "anonymous": "Kept: nobody can be found in it",
    "audit_term": "The period of the audit log",
    "body_term": "The customer's period for texts",
    "identifier_term": "Last seen, and the customer's period for numbers",
    "hold_term": "Until the legal hold is released, reviewed every 90 days",
    "idempotency_term": "One to two days",
    "key_life": "As long as what it opens",
    "message_term": "As long as the record of the message",
    "request_term": "Seven days",
    "outbox_term": "Until delivered or given up",
    "software_life": "As long as the installation",
    "standing_term": "Until withdrawn; outlives erasure as a code",
    "statutory": "As tax and commercial law demand",
    "until_done": "Until the work is done",
}

SOURCES: Mapping[str, str] = {
    "account": "the customer",
    "carrier": "a carrier",
    "member": "the person",
    "operator": "our staff",
    "subject": "the person",
    "system": "our software",
    "website": "our website",
}

RECIPIENTS: Mapping[str, str] = {
    "account": "the customer",
    "authorities": "authorities if a law demands it",
    "carriers": "carriers",
    "mail_provider": "our mail provider",
    "nobody": "nobody",
    "payment_provider": "our payment provider",
    "staff": "our staff",
}
