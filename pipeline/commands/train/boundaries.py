"""Command: train boundaries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.common import Home, database, emit, progress
from pipeline.commands.train.common import NOT_BETTER, Readings, ScansFolder, learned_from

if TYPE_CHECKING:
    from pipeline.classify.training.synthetic_stacks import Stack


def boundaries(
    stacks: Annotated[
        int, typer.Option("--stacks", min=20, help="How many stacks to make and train on.")
    ] = 300,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same stacks.")] = 1,
    scans: ScansFolder = None,
    readings: Readings = None,
    reviewers: Annotated[
        bool, typer.Option("--reviewers", help="Learn from scans that reviewers have settled, too.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure by folds and change nothing.")] = False,
    home: Home = None,
) -> None:
    """Train the model of where documents start, and use it if it is no worse than the one in use on stacks
    that it has not seen.

    Learns from made stacks, from scans with their truth and from scans as reviewers have cut them. Exit
    status: 0 switched or measured; 3 the database is away; 10 the model in use is better and stays."""
    import json
    from datetime import UTC, datetime

    from pipeline.classify import boundary_model
    from pipeline.classify.training import boundary_training as training
    from pipeline.classify.training.synthetic_stacks import stacks as made_stacks

    cases = []
    with progress("Making stacks", stacks) as advance:
        for stack in made_stacks(stacks, seed):
            cases.append(training.case_of(stack, made=True))
            advance(1)
    found = list(training.scans_in(scans, readings or scans)) if scans else []
    settled = _settled(home) if reviewers else []
    cases += [training.case_of(stack, made=False) for stack in (*found, *settled)]
    exam = [case for case in cases if training.in_exam(case)]
    taught = [case for case in cases if not training.in_exam(case)]
    figures = {name: told.line() for name, told in training.held_out(taught).items()}
    fitted = training.fit(taught)
    new = training.errors(fitted, exam)
    old = training.errors(boundary_model.as_table(), exam)
    switched = new <= old and not dry_run
    emit(
        {
            "switched": switched,
            "exam": {"stacks": len(exam), "errors_new": new, "errors_old": old},
            "held_out": figures,
        }
    )
    if switched:
        command = (
            f"chartloom train boundaries --stacks {stacks} --seed {seed}{learned_from(scans, reviewers)}"
        )
        facts = {
            "made": f"{datetime.now(UTC):%Y-%m-%d}",
            "command": command,
            "settled": len(settled),
            "held_out": figures,
        }
        boundary_model.TABLE.write_text(
            json.dumps(fitted | {"facts": facts}, indent=1) + "\n", encoding="utf-8"
        )
        boundary_model.model.cache_clear()
    elif not dry_run:
        raise typer.Exit(NOT_BETTER)


def _settled(home: Path | None) -> list[Stack]:
    from pipeline.classify.training.reviewer_labels import settled_stacks

    with database(home) as connection:
        return list(settled_stacks(connection))
