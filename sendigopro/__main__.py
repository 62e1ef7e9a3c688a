"""`python -m sendigopro` is the `sendigopro` command."""

from sendigopro.commands.main import app

app()
