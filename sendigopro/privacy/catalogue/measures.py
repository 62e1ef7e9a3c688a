"""How data is secured, in words for the record of processing, each with the code that does it. A test looks for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """One technical or organisational measure, GDPR 32."""

    title: str
    told: str
    code: tuple[str, ...]


MEASURES = (
    Measure(
        "Sealed before it is stored",
        "Numbers, texts, metadata, names, mail addresses and credentials are encrypted (AES-256-GCM) before they reach "
        "PostgreSQL; a message's key is made of its person's key and its day's key.",
        ("vault/sealing.py",),
    ),
    Measure(
        "Keys apart from data",
        "Keys are kept outside both databases, so that destroying one makes every copy of what it opened unreadable.",
        ("vault/keys.py", "vault/tree.py"),
    ),
    Measure(
        "Who apart from what",
        "One database knows what happened to a numbered subject, another who that is; each may have its own server.",
        ("vault/store.py", "messages/store.py"),
    ),
    Measure(
        "Pseudonyms and keyed fingerprints",
        "What must be found again is found by a MAC under the account's own key; two accounts never share one.",
        ("vault/macs.py",),
    ),
    Measure(
        "Accounts walled off from each other",
        "Doors to the outside use a database role under forced row level security; the hot path has grants by column.",
        ("foundation/roles.py", "foundation/postgres.py"),
    ),
    Measure(
        "Credentials kept as hashes",
        "API keys are stored as SHA-256 of 190 random bits, passwords as Argon2id.",
        ("accounts/keys.py", "accounts/first.py"),
    ),
    Measure(
        "Nothing personal in logs",
        "Values about people have types that cannot be printed, and the log refuses them.",
        ("foundation/personal.py", "foundation/logs.py"),
    ),
    Measure(
        "No column without a purpose",
        "A migration that adds a column without category, role, purposes, basis, retention, source and recipients is "
        "refused; columns with personal values are kept out of the database's statistics.",
        ("foundation/migrations.py", "foundation/catalogue.py"),
    ),
    Measure(
        "Kept no longer than needed",
        "Texts are filed under the day they expire; that day's partition is dropped and its key destroyed.",
        ("foundation/partitions.py",),
    ),
    Measure(
        "Guarded ways out",
        "Webhooks are signed, use strict TLS and reach no private address; carriers are reached by TLS where they "
        "offer it.",
        ("webhooks/client.py", "webhooks/sign.py", "channels/sms/smpp.py"),
    ),
    Measure(
        "Limits on every door",
        "Requests are limited by key and account, so that numbers cannot be tried one after another.",
        ("foundation/limits.py",),
    ),
    Measure(
        "Nothing lost, nothing sent twice",
        "What was accepted is on disk before it is answered; what may have left is written down before it leaves.",
        ("messages/group.py", "messages/deliver.py"),
    ),
    Measure(
        "Checked by the operator",
        "`sendigopro doctor` looks at what can be set wrongly: durability, what the server logs, access to the keys.",
        ("commands/doctor.py",),
    ),
)
