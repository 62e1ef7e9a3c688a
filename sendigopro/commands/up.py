"""`sendigopro up`: everything on one machine with one command."""

import asyncio
import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated

import typer

from sendigopro import settings
from sendigopro.commands.instance import REMEMBERED
from sendigopro.commands.supervisor import Supervisor
from sendigopro.settings import Settings

app = typer.Typer(add_completion=False)

Folder = Annotated[Path | None, typer.Option(help="Where everything is kept; it is made when it is not there.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the web; 0 takes any free one.")]
SmppPort = Annotated[int | None, typer.Option(min=0, max=65535, help="Port for customers who speak SMPP.")]
ReadyFile = Annotated[Path | None, typer.Option(help="File that stands, with addresses and keys, while all answers.")]
Count = Annotated[int | None, typer.Option(min=1, max=64, help="How many of these processes to run.")]
Private = Annotated[bool, typer.Option(help="Whether webhooks may go to private addresses, this machine's too.")]


@app.command()
def up(
    *,
    data_dir: Folder = None,
    port: Port = None,
    smpp_port: SmppPort = None,
    ready_file: ReadyFile = None,
    webs: Count = None,
    workers: Count = None,
    allow_private_webhooks: Private = True,
) -> None:
    """Start everything on this machine: PostgreSQL, web and workers; Ctrl-C stops it."""
    if data_dir is not None:
        os.environ["SENDIGOPRO_DATA_DIR"] = str(data_dir.absolute())  # so that every part finds the same instance
    known = read_afresh()
    chosen = replace(
        known,
        port=known.port if port is None else port,
        smpp_port=known.smpp_port if smpp_port is None else smpp_port,
        webs=webs or known.webs,
        workers=workers or known.workers,
        allow_private_webhooks=allow_private_webhooks,
    )
    for one in fields(Settings):
        if one.name in REMEMBERED:  # what is decided here stands in instance.json, where the parts must find it
            os.environ.pop(one.metadata["variable"], None)
    asyncio.run(Supervisor(chosen, ready_file=ready_file).run())


def read_afresh() -> Settings:
    """Settings without what the last run remembered: `up` decides that anew."""
    return settings.choose(settings.data_dir_of(os.environ), os.environ, {})
