"""The `sendigopro` command: which words it knows. Each is a file beside this one, loaded only when it is said."""

import importlib
import resource

import typer
from typer.core import TyperCommand, TyperGroup

from sendigopro.foundation.operator_errors import OperatorError

HIDDEN = {"prepare"}  # what `up` says to itself
COMMANDS = (
    "up",
    "web",
    "worker",
    "migrate",
    "doctor",
    "backup",
    "retention",
    "holds",
    "restore",
    "accounts",
    "members",
    "staff",
    "keys",
    "carriers",
    "routes",
    "senders",
    "send",
    "privacy",
    "receipt",
    "audit",
    "package",
    "console",
    "catalogue",
    "notice",
    "prove",
    "version",
    *HIDDEN,
)


class Words(TyperGroup):
    """Finds a word's file by its name; whoever runs `up` does not load what `web` needs."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """Whatever an operator must mend is said in one line."""
        try:
            return super().invoke(ctx)
        except OperatorError as error:
            typer.echo(f"sendigopro: {error}", err=True)
            raise typer.Exit(1) from error

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # typer hides its own Context
        del ctx
        return [name for name in COMMANDS if name not in HIDDEN]

    def get_command(self, ctx: typer.Context, cmd_name: str) -> TyperCommand | TyperGroup | None:  # type: ignore[override]
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"sendigopro.commands.{cmd_name}")
        command = typer.main.get_command(module.app)
        assert isinstance(command, TyperCommand | TyperGroup)  # what typer makes
        command.name = cmd_name  # a group does not know its own, and the list of words shows it
        return command


app = typer.Typer(
    cls=Words,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # a traceback must never show personal data
)


@app.callback()
def main() -> None:
    """Send and receive messages on every channel."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold keys and numbers; children inherit it
