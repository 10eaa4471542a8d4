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
        help="A folder of CSV or JSON lines files with the columns id, text, type; may be repeated.",
    ),
]


def types(
    texts: Texts = None,
    reviewers: Annotated[
        bool, typer.Option(help="Learn from documents that reviewers have decided on.")
    ] = True,
    generated: Annotated[int, typer.Option(min=1, help="Generated documents of each type.")] = 60,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The model file. [default: HOME/models/document_types.npz]"),
    ] = None,
    evaluate: Annotated[bool, typer.Option("--evaluate", help="Measure only; change nothing.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Train the document type model anew, and use it if it is no worse than the one in use on documents that
    neither has seen.

    Learns from the folders given, from reviewers' corrections in the database and from generated documents.
    Writes the model and its card beside it. Workers take it up when they start. Exit status: 0 switched or
    measured; 2 a folder has no examples; 3 the database is away; 10 the model in use is better and stays."""
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
            target, lambda draft: save_model(trained.model, draft), type_model_card(trained, examples, command)
        )
        load_model.cache_clear()
    _tell(
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


def _tell(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(report)
        return
    for name in ("folds", "held_back_new", "held_back_old"):
        figures = report[name]
        if figures:
            typer.echo(
                f"{name.replace('_', ' ')}: {figures['documents']} documents, accuracy {figures['accuracy']:.3f}, "
                f"macro-F1 {figures['macro_f1']:.3f}, typed alone at 99 % precision {figures['coverage_99']:.1%}, "
                f"calibration error {figures['calibration_error']:.3f}"
            )
    typer.echo("The new model is in use." if report["switched"] else "The model in use stays.")
