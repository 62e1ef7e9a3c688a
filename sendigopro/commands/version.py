"""`sendigopro version`."""

import typer

import sendigopro

app = typer.Typer(add_completion=False)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(sendigopro.__version__)
