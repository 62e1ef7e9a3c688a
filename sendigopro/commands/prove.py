"""`sendigopro prove`: runs the tests behind the promises of the privacy notice, and says which hold."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from rich.console import Console
from rich.markup import escape

from sendigopro import settings
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.postgres import CONNECTION_LOST
from sendigopro.privacy import notice, notice_store, proofs
from sendigopro.privacy.proofs import Proof, Run, State

app = typer.Typer(add_completion=False)

COLOUR = {
    State.PASSED: "green",
    State.FAILED: "red",
    State.NOT_RUN: "yellow",
    State.PLANNED: "dim",
    State.SAID: "dim",
}
TITLE_WIDTH, ID_WIDTH, STATE_WIDTH = 40, 9, 7


@app.command()
def prove(
    clause: Annotated[str | None, typer.Argument(help="One clause, such as 8.1b; without it, all.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the run into this file as well, as JSON.")] = None,
) -> None:
    """Run the tests behind each promise of the privacy notice; exits with 1 when one that counts as kept fails."""
    chosen = clauses_named(clause)
    typer.echo(f"Running the tests of {len(chosen)} clause{'s' if len(chosen) != 1 else ''}.")
    run = proofs.prove(chosen)
    console = Console(highlight=False, soft_wrap=True)
    for proof in run.proofs:
        console.print(line_of(proof))
        for node in proof.broken:
            console.print(f"{'':<{ID_WIDTH}} [red]broken:[/] {escape(node)}")
    counted = Counter(proof.state for proof in run.proofs)
    told = [f"{counted[state]} {str(state).replace('_', ' ')}" for state in State if counted[state]]
    typer.echo(f"{', '.join(told)} · {run.version}")
    if out is not None:
        out.write_text(json.dumps(proofs.document_of(run), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    typer.echo(asyncio.run(record(run)))
    if run.has_failed:
        raise typer.Exit(1)


def clauses_named(word: str | None) -> list[notice.Clause]:
    known = notice.read()
    if word is None:
        return list(known.clauses)
    found = known.clause(word)
    if found is None:
        raise OperatorError(f"There is no clause {word}. They go from {known.clauses[0].id} to {known.clauses[-1].id}.")
    return [found]


def line_of(proof: Proof) -> str:
    """Id, promise in a few words, how it stands, and a figure."""
    state = str(proof.state).replace("_", " ")
    told = proof.figure
    if proof.clause.about:
        about = proof.clause.about if proof.clause.kind is notice.Kind.PLANNED else f"see {proof.clause.about}"
        told = f"{about}{f' ({proof.figure})' if proof.figure else ''}"
    elif proof.state in (State.PASSED, State.FAILED):
        told = f"{proof.figure}, {proof.seconds:.1f} s"
    colour = COLOUR[proof.state]
    return (
        f"{proof.clause.id:<{ID_WIDTH}} {escape(proof.clause.title):<{TITLE_WIDTH}} "
        f"[{colour}]{state:<{STATE_WIDTH}}[/] {escape(told)}"
    )


async def record(run: Run) -> str:
    """Write the run into the instance, if one answers; says what was done."""
    chosen = settings.read()
    if not chosen.database_url:
        return "No instance is set up here, so the run is shown on no page."
    results = [
        (proof.clause.id, proof.state is State.PASSED, f"{proof.figure}, {proof.seconds:.1f} s")
        for proof in run.proofs
        if proof.clause.kind is notice.Kind.KEPT and proof.state in (State.PASSED, State.FAILED)
    ]
    try:
        conn = await asyncpg.connect(chosen.main("owner"), timeout=5)
        try:
            await notice_store.insert_runs(conn, at=run.at, version=run.version, results=results)
        finally:
            await conn.close()
    except CONNECTION_LOST as error:
        return f"The instance does not answer ({type(error).__name__}), so the run is shown on no page."
    return f"The run is shown at {chosen.url}/privacy/proof."
