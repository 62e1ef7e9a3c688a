"""JSON in its one spelling, for what is signed or hashed: what is read then cannot differ from what was meant."""

import json


def canonical(value: object) -> bytes:
    """Names sorted, no spaces, ASCII, no number that JSON does not know."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()
