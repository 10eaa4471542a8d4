"""Command: train fields."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.common import Home, database, emit
from pipeline.commands.train.common import NOT_BETTER, Readings, ScansFolder, learned_from, write_table
from pipeline.resources import trained_model_path

if TYPE_CHECKING:
    from pipeline.classify.training.field_training import FieldCase


def fields(
    documents: Annotated[
        int, typer.Option("--documents", metavar="N", min=50, help="Documents to generate.")
    ] = 600,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="The same seed gives the same documents.")
    ] = 1,
    scans: ScansFolder = None,
    readings: Readings = None,
    reviewers: Annotated[
        bool, typer.Option("--reviewers", help="Also train on documents that reviewers have filed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure only, and change nothing.")] = False,
    home: Home = None,
) -> None:
    """Calibrate the confidences of index fields, and use the new table if it is no worse than the current one
    on held-out documents.

    A field with enough values from scans and reviewers is calibrated on these only, the others on generated
    documents.

    Exit codes: 0 the new table is used, or --dry-run; 3 the database is unavailable; 10 the current table is
    better and is kept.
    """
    from datetime import UTC, datetime

    from pipeline.classify.fields import confidence
    from pipeline.classify.training import field_training as training

    real = [
        *(training.scanned_cases(scans, readings or scans) if scans else ()),
        *(_filed(home) if reviewers else ()),
    ]
    outcomes: dict[tuple[bool, bool], list[training.FieldOutcome]] = {
        (made, exam): [] for made in (True, False) for exam in (True, False)
    }
    for made, cases in ((True, training.generated_cases(documents, seed)), (False, real)):
        for case in cases:
            outcomes[made, training.in_holdout(case)] += training.evaluate_case(case)
    table = training.fit_calibration_table(outcomes[True, False], outcomes[False, False])
    exam = outcomes[True, True] + outcomes[False, True]
    new, old = (
        round(training.mean_log_loss(each, exam), 4) for each in (table, confidence.calibration_table())
    )
    switched = new <= old and not dry_run
    command = f"chartloom train fields --documents {documents} --seed {seed}{learned_from(scans, reviewers)}"
    facts = {
        "made": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": command,
        "answers": {"generated": len(outcomes[True, False]), "real": len(outcomes[False, False])},
        "exam": {"answers": len(exam), "loss_new": new, "loss_old": old},
    }
    emit({"switched": switched, "facts": facts, "fields": table})
    if switched:
        path = trained_model_path(confidence.TABLE_FILE)
        write_table(path, "Confidence of index fields", {"fields": table}, facts)
        confidence.calibration_table.cache_clear()
    elif not dry_run:
        raise typer.Exit(NOT_BETTER)


def _filed(home: Path | None) -> list[FieldCase]:
    from pipeline.classify.training.reviewer_labels import confirmed_fields

    with database(home) as connection:
        return list(confirmed_fields(connection))
