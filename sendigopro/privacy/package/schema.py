"""schema.json: what every file of a package holds, made of the structs that write it."""

import msgspec

from sendigopro.privacy.package.model import FORMAT, VERSION, Data, Manifest, MessageRecord
from sendigopro.privacy.package.sheets import GUARD, MESSAGE_COLUMNS, NOTICE_COLUMNS, STATUS_COLUMNS

FILES = {
    "index.html": "All of it to be read by a person; it loads nothing from anywhere.",
    "data.json": "Who it is, opt-outs, how the data is handled and who got it: $defs/Data.",
    "messages.jsonl": "One message a line, oldest first: $defs/MessageRecord.",
    "messages.csv": "The same messages as a table.",
    "statuses.csv": "What became of each message, and of the parts of long ones.",
    "webhooks.csv": "What the account's own systems were told about these messages, and how they answered.",
    "manifest.json": "What the package consists of, with the SHA-256 of each file: $defs/Manifest.",
}
RULES = (
    "Files are UTF-8. Times are RFC 3339 in UTC.",
    "Long lists continue in files named -0002, -0003 and so on, each with its heading.",
    f"In CSV files what begins like a formula (= + - @, tab, line break) has {GUARD} before it; phone numbers too.",
    "In tags and metadata other people's phone numbers and mail addresses are covered by …",
)


def schema() -> bytes:
    """A JSON Schema (2020-12) with a word on each file."""
    _, definitions = msgspec.json.schema_components([Data, MessageRecord, Manifest], ref_template="#/$defs/{name}")
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{FORMAT}, version {VERSION}",
        "files": FILES,
        "rules": RULES,
        "columns": {
            "messages.csv": MESSAGE_COLUMNS,
            "statuses.csv": STATUS_COLUMNS,
            "webhooks.csv": NOTICE_COLUMNS,
        },
        "$defs": definitions,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)
