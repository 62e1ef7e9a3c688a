"""Every way data takes between the places of the map; the order gives them their numbers."""

from sendigopro.privacy.catalogue.places import Flow, Of

SEALED = "sealed before it reaches PostgreSQL"
LOCAL = "on the machine, by the owner of the data folder"
CARRIER_TLS = "TLS where the carrier offers it"
NUMBERS = "numbers only, no name or text"
USERS, TEAM, NOBODY = Of.END_USERS, Of.MEMBERS, Of.NOBODY

TO_DOORS = (
    Flow("end_users", "carrier_links", USERS, "replies and receipts, through their carrier", CARRIER_TLS,
         code=("channels/sms/smpp.py", "smpp/client.py")),
    Flow("members", "handset", USERS, "what virtual phones reply", "a signed link, test mode alone",
         code=("console/handset.py", "console/handset_key.py")),
    Flow("members", "sign_in", TEAM, "mail addresses, passwords, codes, passkeys, browsers",
         "TLS before the listener; no other site's form",
         code=("console/sign_in.py", "console/security.py")),
    Flow("members", "api", USERS, "recipients and texts, by the account's own systems",
         "API key; TLS before the listener", code=("messages/api.py", "accounts/keys.py")),
    Flow("operator", "command_line", TEAM, "accounts, members, carriers, routes", LOCAL,
         code=("commands/accounts.py", "commands/carriers.py", "commands/routes.py")),
)  # fmt: skip

TO_STORES = (
    Flow("carrier_links", "messages", USERS, "replies, and what became of messages", SEALED,
         code=("messages/receive.py", "messages/receipts.py")),
    Flow("carrier_links", "queue", USERS, "carriers' own numbers of messages", "numbers and MACs only",
         code=("messages/receipts.py", "messages/settle.py")),
    Flow("carrier_links", "subjects", USERS, "phone numbers of who replies", SEALED,
         code=("messages/receive.py", "vault/enrol.py")),
    Flow("handset", "messages", USERS, "test messages and replies", SEALED,
         code=("messages/receive.py", "console/handset_view.py")),
    Flow("sign_in", "accounts", TEAM, "people, passkeys, sessions, counts of wrong attempts",
         "names and places sealed, secrets hashed",
         code=("accounts/sign_in.py", "accounts/passkeys.py", "accounts/sessions.py", "accounts/throttle.py")),
    Flow("sign_in", "coming_in", TEAM, "who signs up, is invited, or has forgotten a password",
         "names and addresses sealed, links hashed",
         code=("accounts/sign_up.py", "accounts/invitations.py", "accounts/forgotten.py", "mail/outbox.py")),
    Flow("sign_in", "accounts", TEAM, "who a company's provider says somebody is, and who may come in no more",
         "signed by the provider; subjects as MACs, names sealed",
         code=("sso/arrive.py", "sso/scim.py")),
    Flow("api", "messages", USERS, "texts, tags, metadata, callback addresses", SEALED,
         code=("messages/accept.py", "messages/store.py")),
    Flow("api", "queue", USERS, "messages by their numbers", NUMBERS, code=("messages/store.py",)),
    Flow("api", "standing", USERS, "opt-outs, restrictions, erasures", "a MAC, no number",
         code=("privacy/requests*.py",)),
    Flow("command_line", "holds", USERS, "whom a law or court demands to keep", "sealed under the hold's own key",
         code=("commands/holds.py", "privacy/holds/*.py")),
    Flow("api", "requests", USERS, "what a person asked for", "MACs and ids; the account's words sealed",
         code=("privacy/api.py", "privacy/requests*.py")),
    Flow("api", "told", TEAM, "addresses and secrets of webhooks", SEALED,
         code=("webhooks/api.py", "webhooks/sealed.py")),
    Flow("api", "subjects", USERS, "phone numbers of recipients", SEALED, code=("vault/enrol.py",)),
    Flow("api", "audit", TEAM, "who changed what", "ids and words; what names somebody sealed beside",
         code=("audit/record.py", "audit/sealed.py")),
    Flow("command_line", "audit", TEAM, "what the operator changed", "ids and words",
         code=("audit/record.py",)),
    Flow("command_line", "accounts", TEAM, "names, mail addresses, keys", "sealed or hashed",
         code=("accounts/create.py", "accounts/keys.py", "accounts/first.py")),
    Flow("command_line", "set_up", NOBODY, "carriers' credentials, routes", SEALED,
         code=("channels/credentials.py", "channels/store.py")),
    Flow("command_line", "instance_file", TEAM, "the first account's keys and password", "readable by its owner alone",
         code=("commands/instance.py",)),
)  # fmt: skip

WITHIN = (
    Flow("messages", "told", USERS, "what became of messages", "numbers and statuses only",
         code=("messages/settle_store.py", "events/store.py")),
    Flow("messages", "money", NOBODY, "charges and counts", "no reference to a person",
         code=("messages/settle.py", "ledger/store.py")),
    Flow("key_register", "key_store", NOBODY, "slots to make and to destroy", NUMBERS, code=("vault/slots.py",)),
    Flow("subjects", "journal", USERS, "key slots of who was erased", NUMBERS, code=("privacy/journal*.py",)),
    Flow("requests", "journal", USERS, "who must stay erased or uncontacted after a restore", "MACs and ids, no number",
         code=("privacy/journal*.py",)),
    Flow("key_store", "root_keeper", NOBODY, "the root of all keys, to be wrapped", "TLS, or a module of the machine",
         code=("vault/keepers/aws_kms.py", "vault/keepers/pkcs11.py", "vault/keepers/file.py")),
    Flow("subjects", "packages", USERS, "what is held of one person", "sealed under a key that dies with the person",
         code=("privacy/package/*.py",)),
    Flow("subjects", "backups", USERS, "both databases as they are", "sealed; a recovery key opens the keys",
         code=("commands/backup.py", "foundation/dumps.py")),
)  # fmt: skip

TO_RECIPIENTS = (
    Flow("messages", "carriers", USERS, "texts and senders", CARRIER_TLS,
         code=("messages/deliver.py", "channels/sms/smpp.py", "smpp/client.py")),
    Flow("subjects", "carriers", USERS, "phone numbers, opened as they leave", CARRIER_TLS,
         code=("messages/load.py", "channels/sms/smpp.py", "smpp/client.py")),
    Flow("messages", "handset", USERS, "test messages, which leave nowhere", "a carrier within the process",
         code=("channels/sms/sandbox.py", "console/handset_view.py")),
    Flow("messages", "account", USERS, "messages, texts, statuses", "API key; forced row level security",
         code=("messages/read_api.py", "messages/view.py")),
    Flow("told", "account", USERS, "what became of messages, and replies", "signed, strict TLS, no private addresses",
         code=("webhooks/deliver.py", "webhooks/client.py", "webhooks/sign.py")),
    Flow("sign_in", "account", TEAM, "codes of sign-ins, to the account's own provider",
         "TLS; no private addresses, no redirects", code=("sso/fetch.py", "sso/domains.py")),
    Flow("accounts", "staff", TEAM, "accounts by their names", LOCAL, code=("commands/accounts.py",)),
    Flow("coming_in", "mail_provider", TEAM, "mail addresses, and links that are good once",
         "TLS, or a relay on the machine",
         code=("mail/send.py", "mail/smtp.py")),
    Flow("money", "payment_provider", TEAM, "what an account owes", "nothing takes payments yet",
         code=("billing/*.py",), is_planned=True),
    Flow("money", "authorities", TEAM, "the ledger, where a law demands it", "by the operator's hand",
         code=("ledger/store.py",)),
)  # fmt: skip

FLOWS = (*TO_DOORS, *TO_STORES, *WITHIN, *TO_RECIPIENTS)
