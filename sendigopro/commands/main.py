"""The `sendigopro` command; each file beside this one is one of its words."""

import typer

import sendigopro

app = typer.Typer(
    help="SendiGoPro: send and receive messages on every channel.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # a traceback must never show personal data
)


@app.callback()
def main() -> None:
    """Send and receive messages on every channel."""


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(sendigopro.__version__)
