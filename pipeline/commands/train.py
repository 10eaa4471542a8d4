"""Commands: train (document types), train-fields (how sure index fields are) and train-boundaries (where documents start)."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.options import Home, Json, database, emit, progress

if TYPE_CHECKING:
    from pipeline.classify.training.corpus import Example
    from pipeline.classify.training.fields import Case
    from pipeline.classify.training.stacks import Stack

Texts = Annotated[
    list[Path] | None,
    typer.Option(
        "--texts", metavar="DIR", help="A folder of CSV or JSON lines files with the columns id, text, type; may be repeated."
    ),
]
ScansFolder = Annotated[Path | None, typer.Option("--scans", metavar="DIR", help="Scans' truth (NAME.json) to learn from too.")]
Readings = Annotated[
    Path | None, typer.Option("--readings", metavar="DIR", help="Their readings (NAME.jsonl of chartloom read --json).")
]
NOT_BETTER = 10  # exit status: the model in use stays


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("train", epilog="Example: chartloom train --texts ~/typed-documents")(train)
    app.command("train-fields", epilog="Example: chartloom train-fields --documents 600")(train_fields)
    app.command("train-boundaries", epilog="Example: chartloom train-boundaries --stacks 300 --dry-run")(train_boundaries)


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
    scans: ScansFolder = None,
    readings: Readings = None,
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

    from pipeline.classify.fields import calibration
    from pipeline.classify.training import fields as training

    real = [*(training.scanned_cases(scans, readings or scans) if scans else ()), *(_filed(home) if reviewers else ())]
    told: dict[tuple[bool, bool], list[training.Judged]] = {(made, exam): [] for made in (True, False) for exam in (True, False)}
    for made, cases in ((True, training.generated_cases(documents, seed)), (False, real)):
        for case in cases:
            told[made, training.in_exam(case)] += training.judged(case)
    fields = training.learn(told[True, False], told[False, False])
    exam = told[True, True] + told[False, True]
    new, old = (round(training.loss(table, exam), 4) for table in (fields, calibration.table()))
    switched = new <= old and not dry_run
    command = f"chartloom train-fields --documents {documents} --seed {seed}{_also_from(scans, reviewers)}"
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


def train_boundaries(
    stacks: Annotated[int, typer.Option("--stacks", min=20, help="How many stacks to make and train on.")] = 300,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same stacks.")] = 1,
    scans: ScansFolder = None,
    readings: Readings = None,
    reviewers: Annotated[bool, typer.Option("--reviewers", help="Learn from scans that reviewers have settled, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure by folds and change nothing.")] = False,
    home: Home = None,
) -> None:
    """Train the model of where documents start, and use it if it is no worse than the one in use on stacks that it has not seen.

    Learns from made stacks, from scans with their truth and from scans as reviewers have cut them. Exit status: 0 switched or
    measured; 3 the database is away; 10 the model in use is better and stays.
    """
    import json
    from datetime import UTC, datetime

    from pipeline.classify import boundaries
    from pipeline.classify.training import boundaries as training
    from pipeline.classify.training.stacks import stacks as made_stacks

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
    old = training.errors(boundaries.as_table(), exam)
    switched = new <= old and not dry_run
    emit({"switched": switched, "exam": {"stacks": len(exam), "errors_new": new, "errors_old": old}, "held_out": figures})
    if switched:
        command = f"chartloom train-boundaries --stacks {stacks} --seed {seed}{_also_from(scans, reviewers)}"
        facts = {"made": f"{datetime.now(UTC):%Y-%m-%d}", "command": command, "settled": len(settled), "held_out": figures}
        boundaries.TABLE.write_text(json.dumps(fitted | {"facts": facts}, indent=1) + "\n", encoding="utf-8")
        boundaries.model.cache_clear()
    elif not dry_run:
        raise typer.Exit(NOT_BETTER)


def _settled(home: Path | None) -> list[Stack]:
    from pipeline.classify.training.corrections import settled_stacks

    with database(home) as connection:
        return list(settled_stacks(connection))


def _also_from(scans: Path | None, reviewers: bool) -> str:
    """What a command learned from beside what it made, as its options; folders by no name of theirs."""
    return (" --scans DIR --readings DIR" if scans else "") + (" --reviewers" if reviewers else "")
