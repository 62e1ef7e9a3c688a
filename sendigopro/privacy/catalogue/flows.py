"""Every way data about people takes between the places of the map, in the order of their numbers."""

from sendigopro.privacy.catalogue.places import Flow

SEALED = "sealed before it reaches PostgreSQL"
LOCAL = "on the machine, by the owner of the data folder"

FLOWS = (
    # In: from people to doors.
    Flow("end_users", "carrier_links", "replies, through their carrier", "TLS where the carrier offers it", ("channels/sms/smpp.py", "smpp/client.py")),
    Flow("members", "api", "recipients and texts, by their systems", "API key; TLS in front of the listener", ("messages/api.py", "accounts/keys.py")),
    Flow("members", "handset", "replies of virtual phones", "a signed link; test mode alone", ("console/handset.py", "console/handset_key.py")),
    Flow("operator", "command_line", "accounts, carriers, routes", LOCAL, ("commands/accounts.py", "commands/carriers.py", "commands/routes.py")),
    # In: from doors to stores.
    Flow("carrier_links", "messages", "replies, receipts", SEALED, ("messages/receive.py", "messages/receipts.py")),
    Flow("carrier_links", "queue", "carriers' numbers of messages", "numbers and MACs only", ("messages/receipts.py", "messages/settle.py")),
    Flow("carrier_links", "standing", "opt-outs by reply", "a MAC, no number", ("consent/store.py", "messages/receive.py")),
    Flow("api", "subjects", "phone numbers", SEALED, ("vault/enrol.py",)),
    Flow("api", "messages", "texts, tags, metadata", SEALED, ("messages/accept.py", "messages/store.py")),
    Flow("api", "queue", "messages by number", "numbers only", ("messages/store.py",)),
    Flow("api", "told", "addresses and secrets of webhooks", SEALED, ("webhooks/api.py", "webhooks/sealed.py")),
    Flow("handset", "messages", "replies of virtual phones", SEALED, ("messages/receive.py",)),
    Flow("command_line", "accounts", "names, mail, keys", "sealed or hashed", ("accounts/create.py", "accounts/keys.py", "accounts/first.py")),
    Flow("command_line", "set_up", "carriers' credentials", SEALED, ("channels/credentials.py", "channels/store.py")),
    Flow("command_line", "instance_file", "the first account's keys and password", "readable by its owner alone", ("commands/instance.py",)),
    # Within.
    Flow("messages", "money", "charges and counts", "no reference to anybody", ("messages/settle.py", "ledger/store.py")),
    Flow("messages", "told", "what became of messages", "numbers and statuses only", ("messages/settle_store.py", "events/store.py")),
    Flow("key_register", "key_store", "slots to make and destroy", "numbers only", ("vault/slots.py",)),
    Flow("subjects", "journal", "key slots of the erased", "numbers only", ("privacy/journal*",), is_planned=True),
    Flow("subjects", "packages", "what is held of one person", "sealed under a key that dies with the person", ("privacy/package/*.py",), is_planned=True),
    Flow("subjects", "backups", "everything, sealed as it is", "keys are not in it", ("commands/backup.py",), is_planned=True),
    # Out.
    Flow("queue", "carriers", "phone number, text, sender", "TLS where the carrier offers it; a number is opened at the last moment", ("messages/deliver.py", "channels/sms/smpp.py", "smpp/client.py")),
    Flow("messages", "carriers", "test messages: stay inside", "a carrier within the process; nothing leaves", ("channels/sms/sandbox.py",)),
    Flow("told", "account", "what became of messages, replies", "signed; TLS, strict; no private addresses", ("webhooks/deliver.py", "webhooks/client.py", "webhooks/sign.py")),
    Flow("messages", "account", "messages, statuses, texts", "API key; forced row level security", ("messages/read_api.py", "messages/view.py")),
    Flow("accounts", "staff", "accounts by name", LOCAL, ("commands/accounts.py",)),
    Flow("accounts", "mail_provider", "members' addresses", "no code sends mail", ("accounts/mail.py",), is_planned=True),
    Flow("money", "authorities", "ledger", "handed over by hand, where a law demands it", ("ledger/store.py",)),
    Flow("money", "payment_provider", "charges", "no code takes payments", ("billing/*.py",), is_planned=True),
)
