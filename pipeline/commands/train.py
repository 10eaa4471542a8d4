"""Commands: train (document types) and train-fields (how sure index fields are)."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.options import Home, Json, database, emit

if TYPE_CHECKING:
    from pipeline.classify.fields.learning import Case
    from pipeline.classify.training.corpus import Example

Texts = Annotated[
    list[Path] | None,
    typer.Option(
        "--texts", metavar="DIR", help="A folder of CSV or JSON lines files with the columns id, text, type; may be repeated."
    ),
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("train", epilog="Example: chartloom train --texts ~/typed-documents")(train)
    app.command("train-fields", epilog="Example: chartloom train-fields --documents 600")(train_fields)


def train(
    texts: Texts = None,
    reviewers: Annotated[bool, typer.Option(help="Learn from documents that reviewers have decided on.")] = True,
    generated: Annotated[int, typer.Option(min=1, help="Generated documents of each type.")] = 60,
    out: Annotated[Path | None, typer.Option("--out", help="The model file. [default: the one in use]")] = None,
    evaluate: Annotated[bool, typer.Option("--evaluate", help="Measure only; change nothing.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Train the document type model anew, and use it if it is no worse than the one in use on documents that neither has seen.

    Learns from the folders given, from reviewers' corrections in the database and from generated documents. Writes the model and
    its card beside it. Workers take it up when they start. Exit status: 0 switched or measured; 2 a folder has no examples;
    3 the database is away; 10 the model in use is better and stays.
    """
    from pipeline.classify.model import MODEL, load, save
    from pipeline.classify.training.card import card
    from pipeline.classify.training.corpus import read_folder
    from pipeline.classify.training.training import train as fit

    examples = [e for folder in texts or () for e in read_folder(folder)]
    if reviewers and not evaluate:
        examples += _reviewed(home)
    target = out or MODEL
    old = load(target) if target.exists() else None
    trained = fit(examples, generated, old)
    switched = trained.better and not evaluate
    if switched:
        fresh = target.with_suffix(".new")
        save(trained.model, fresh)
        fresh.replace(target)
        command = " ".join(["chartloom train", *(f"--texts {shlex.quote(folder.name)}" for folder in texts or ())])
        target.with_suffix(".md").write_text(card(trained, examples, command), encoding="utf-8")
        load.cache_clear()
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


NOT_BETTER = 10  # exit status: the model in use stays


def _reviewed(home: Path | None) -> list[Example]:
    from pipeline.classify.training.corrections import reviewed

    with database(home) as connection:
        return reviewed(connection)


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


def train_fields(
    documents: Annotated[int, typer.Option("--documents", min=50, help="How many documents to generate.")] = 600,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same documents.")] = 1,
    scans: Annotated[
        Path | None, typer.Option("--scans", metavar="DIR", help="Scans' truth (NAME.json) to calibrate on too.")
    ] = None,
    readings: Annotated[
        Path | None, typer.Option("--readings", metavar="DIR", help="Their readings (NAME.jsonl of chartloom read --json).")
    ] = None,
    reviewers: Annotated[bool, typer.Option("--reviewers", help="Learn from documents that reviewers have filed, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure and change nothing.")] = False,
    home: Home = None,
) -> None:
    """Calibrate how sure index fields are, and use the new table if it is no worse than the one in use on documents held back.

    A field that the scans and reviewers tell enough of is calibrated on them alone, the others on generated documents. Exit
    status: 0 switched or measured; 3 the database is away; 10 the table in use is better and stays.
    """
    import json
    from datetime import UTC, datetime

    from pipeline.classify.fields import calibration, learning

    real = [*(learning.scanned_cases(scans, readings or scans) if scans else ()), *(_filed(home) if reviewers else ())]
    told: dict[tuple[bool, bool], list[learning.Judged]] = {(made, exam): [] for made in (True, False) for exam in (True, False)}
    for made, cases in ((True, learning.generated_cases(documents, seed)), (False, real)):
        for case in cases:
            told[made, learning.in_exam(case)] += learning.judged(case)
    fields = learning.learn(told[True, False], told[False, False])
    exam = told[True, True] + told[False, True]
    new, old = (round(learning.loss(table, exam), 4) for table in (fields, calibration.table()))
    switched = new <= old and not dry_run
    command = f"chartloom train-fields --documents {documents} --seed {seed}"
    command += (" --scans DIR --readings DIR" if scans else "") + (" --reviewers" if reviewers else "")
    facts = {
        "made": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": command,
        "answers": {"generated": len(told[True, False]), "real": len(told[False, False])},
        "exam": {"answers": len(exam), "loss_new": new, "loss_old": old},
    }
    emit({"switched": switched, "facts": facts, "fields": fields})
    if switched:
        calibration.TABLE.write_text(json.dumps({"facts": facts, "fields": fields}, indent=1) + "\n", encoding="utf-8")
        calibration.table.cache_clear()
    elif not dry_run:
        raise typer.Exit(NOT_BETTER)


def _filed(home: Path | None) -> list[Case]:
    from pipeline.classify.training.corrections import confirmed_fields

    with database(home) as connection:
        return list(confirmed_fields(connection))
