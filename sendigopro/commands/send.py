"""`sendigopro send`: one message through the API, followed to its end."""

import json
import os
import urllib.error
import urllib.request
from time import sleep
from typing import Annotated, Any

import typer
from rich.console import Console

from sendigopro import settings
from sendigopro.foundation import clock
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.settings import data_dir_of, read_instance

app = typer.Typer(add_completion=False)

ENDED = {"delivered", "undelivered", "failed", "expired", "canceled", "rejected", "unknown"}
LOOK_SECONDS = 0.2
TIMEOUT_SECONDS = 15


@app.command("send")
def send(
    to: Annotated[str, typer.Argument(help="The recipient in E.164: +15005550006.")],
    body: Annotated[str, typer.Argument(help="What the message says.")],
    key: Annotated[str, typer.Option(envvar="SENDIGOPRO_KEY", help="API key; left out: the first test key.")] = "",
    sender: Annotated[str, typer.Option("--from", help="One of the account's senders.")] = "",
    wait_seconds: Annotated[float, typer.Option(help="How long to follow it.")] = 10.0,
) -> None:
    """Send one message and say what became of it."""
    instance = read_instance(data_dir_of(os.environ))
    token = key or str(instance.get("first", {}).get("test_key", ""))
    if not token:
        raise OperatorError("There is no key: start `sendigopro up`, or give one with --key sk_….")
    url = f"{settings.read().url}/v1/messages"
    asked = {"to": to, "body": body, **({"from": sender} if sender else {})}
    message = call("POST", url, token, asked)
    console = Console()
    console.print(f"{message['id']}  {message['status']}")
    follow(console, f"{url}/{message['id']}", token, message["status"], until=clock.monotonic() + wait_seconds)


def follow(console: Console, url: str, token: str, status: str, *, until: float) -> None:
    """Print each new status until the end, or until patience ends."""
    while status not in ENDED and clock.monotonic() < until:
        sleep(LOOK_SECONDS)
        seen = call("GET", url, token, None)["status"]
        if seen != status:
            status = seen
            console.print(f"  {status}")


def call(method: str, url: str, token: str, body: dict[str, str] | None) -> dict[str, Any]:
    """One request; a refusal becomes one line."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310  # our own address
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  # as above
            read: dict[str, Any] = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        problem = json.loads(error.read() or b"{}")
        raise OperatorError(str(problem.get("detail", error))) from error
    except OSError as error:
        raise OperatorError(f"{url} does not answer: is `sendigopro up` running?") from error
    return read
