"""Command: train boundaries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.common import Home, database, emit, progress
from pipeline.commands.train.common import NOT_BETTER, Readings, ScansFolder, learned_from, write_table
from pipeline.resources import trained_model_path

if TYPE_CHECKING:
    from pipeline.classify.training.synthetic_stacks import Stack


def boundaries(
    stacks: Annotated[
        int, typer.Option("--stacks", metavar="N", min=20, help="Synthetic stacks to train on.")
    ] = 300,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="The same seed gives the same stacks.")
    ] = 1,
    scans: ScansFolder = None,
    readings: Readings = None,
    reviewers: Annotated[
        bool, typer.Option("--reviewers", help="Also train on scans that reviewers have corrected.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Cross-validate only, and change nothing.")
    ] = False,
    home: Home = None,
) -> None:
    """Train the model of document boundaries, and use it if it is no worse than the current model on held-out
    stacks.

    It is trained on synthetic stacks, on scans with ground truth and on scans as reviewers have split them.

    Exit codes: 0 the new model is used, or --dry-run; 3 the database is unavailable; 10 the current model is
    better and is kept.
    """
    from datetime import UTC, datetime

    from pipeline.classify import boundary_model
    from pipeline.classify.training import boundary_training as training
    from pipeline.classify.training.synthetic_stacks import generate_stacks as made_stacks

    cases = []
    with progress("Generating stacks", stacks) as advance:
        for stack in made_stacks(stacks, seed):
            cases.append(training.build_case(stack, generated=True))
            advance(1)
    found = list(training.scan_stacks(scans, readings or scans)) if scans else []
    settled = _settled(home) if reviewers else []
    cases += [training.build_case(stack, generated=False) for stack in (*found, *settled)]
    exam = [case for case in cases if training.in_holdout(case)]
    taught = [case for case in cases if not training.in_holdout(case)]
    figures = {name: metrics.as_dict() for name, metrics in training.cross_validate(taught).items()}
    fitted = training.fit_boundary_model(taught)
    new = training.count_errors(fitted, exam)
    old = training.count_errors(boundary_model.model_as_dict(), exam)
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
        write_table(trained_model_path(boundary_model.MODEL_FILE), "Where documents start", fitted, facts)
        boundary_model.load_model.cache_clear()
    elif not dry_run:
        raise typer.Exit(NOT_BETTER)


def _settled(home: Path | None) -> list[Stack]:
    from pipeline.classify.training.reviewer_labels import settled_stacks

    with database(home) as connection:
        return list(settled_stacks(connection))
