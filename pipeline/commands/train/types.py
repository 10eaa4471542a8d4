"""Command: train types."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.common import Home, Json, database, emit
from pipeline.commands.train.common import NOT_BETTER
from pipeline.resources import trained_model_path, write_trained_model

if TYPE_CHECKING:
    from pipeline.classify.training.corpus import Example

Texts = Annotated[
    list[Path] | None,
    typer.Option(
        "--texts",
        metavar="DIR",
        help="CSV or JSON lines files with the columns id, text, type. May be repeated.",
    ),
]


def types(
    texts: Texts = None,
    reviewers: Annotated[
        bool, typer.Option("--reviewers/--no-reviewers", help="Train on documents that reviewers have typed.")
    ] = True,
    generated: Annotated[
        int, typer.Option("--generated", metavar="N", min=1, help="Generated documents per type.")
    ] = 60,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The model file. [default: HOME/models/document_types.npz]"),
    ] = None,
    evaluate: Annotated[bool, typer.Option("--evaluate", help="Measure only, and change nothing.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Train the document type model, and use it if it is no worse than the current model on documents that
    neither has seen.

    It is trained on the given folders, on reviewers' corrections in the database and on generated documents.
    The model and its card are written. Workers load the model when they start.

    Exit codes: 0 the new model is used, or --evaluate; 2 a folder has no examples; 3 the database is
    unavailable; 10 the current model is better and is kept.
    """
    from pipeline.classify.training.corpus import read_folder
    from pipeline.classify.training.model_card import type_model_card
    from pipeline.classify.training.type_training import train_type_model as fit
    from pipeline.classify.type_model import MODEL_FILE, load_model, save_model

    examples = [e for folder in texts or () for e in read_folder(folder)]
    if reviewers and not evaluate:
        examples += _reviewed(home)
    target = out or trained_model_path(MODEL_FILE)
    old = load_model(target) if target.exists() else load_model() if out is None else None
    trained = fit(examples, generated, old)
    switched = trained.better and not evaluate
    if switched:
        command = " ".join(
            ["chartloom train types", *(f"--texts {shlex.quote(folder.name)}" for folder in texts or ())]
        )
        write_trained_model(
            target,
            lambda draft: save_model(trained.model, draft),
            type_model_card(trained, examples, command),
        )
        load_model.cache_clear()
    _print_report(
        {
            "switched": switched,
            "better": trained.better,
            "examples": len(examples),
            "folds": trained.folds.as_dict(),
            "held_back_new": trained.new.as_dict() if trained.new else None,
            "held_back_old": trained.old.as_dict() if trained.old else None,
        },
        as_json,
    )
    if not evaluate and not trained.better:
        raise typer.Exit(NOT_BETTER)


def _reviewed(home: Path | None) -> list[Example]:
    from pipeline.classify.training.reviewer_labels import reviewed_examples

    with database(home) as connection:
        return reviewed_examples(connection)


def _print_report(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(report)
        return
    for name in ("folds", "held_back_new", "held_back_old"):
        metrics = report[name]
        if metrics:
            typer.echo(
                f"{name.replace('_', ' ')}: {metrics['documents']} documents, "
                f"accuracy {metrics['accuracy']:.3f}, macro-F1 {metrics['macro_f1']:.3f}, "
                f"typed automatically at 99 % precision {metrics['coverage_99']:.1%}, "
                f"calibration error {metrics['calibration_error']:.3f}"
            )
    typer.echo("The new model is in use." if report["switched"] else "The current model is kept.")
