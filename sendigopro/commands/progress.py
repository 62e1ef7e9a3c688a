"""What `up` tells its operator: coloured on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Mapping


def say(text: str) -> None:
    """One line of progress. No spinner: it would need a thread, and a thread has its price in embedded.py."""
    if sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415  # 6 MB, only where it is seen

        Console(highlight=False).print(f"[green]•[/] {text}")
    else:
        print(text, flush=True)


def warn(text: str) -> None:
    print(f"sendigopro: {text}", file=sys.stderr, flush=True)


def welcome(words: Mapping[str, object]) -> None:
    """Where everything is, and a first message to paste."""
    say(f"SendiGoPro answers at {words['url']}")
    say(f"Console: {words['console_url']}")
    if key := words.get("test_key"):
        say(f"Test key: {key}")
        say("Send a message:")
        say(
            f"  curl -sS {words['url']}/v1/messages -H 'Authorization: Bearer {key}'"
            """ -H 'Content-Type: application/json' -d '{"to": "+15005550006", "body": "Hello"}'"""
        )
