"""Command: classify."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.common import Home, emit
from pipeline.errors import InvalidInput

if TYPE_CHECKING:
    from pipeline.classify.types import TypePrediction

ALTERNATIVES = 3


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(
        epilog="""Example: echo '{"id": 1, "text": "OPERATIVE REPORT ..."}' | chartloom classify --jsonl"""
    )(classify)


def classify(
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Read {"id","text"} lines, and print one line for each at once.')
    ] = False,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Include the words and the title that support each prediction."),
    ] = False,
    _home: Home = None,  # names the installation whose trained model answers
) -> None:
    """Predict the type of documents from their text on standard input, with probabilities.

    Without --jsonl, the whole input is one document.

    Exit codes: 0 done; 2 a line could not be read, the others were classified.
    """
    from pipeline.classify import types

    failed = 0
    for record in _records() if jsonl else _whole():
        if isinstance(record, InvalidInput):
            failed += 1
            emit({"id": None, "error": str(record), "code": record.code})
            continue
        prediction = types.classify(record["text"], explain=explain)
        emit({"id": record.get("id"), **_prediction_json(prediction, explain=explain)})
    if failed:
        raise typer.Exit(InvalidInput.exit_code)


def _prediction_json(prediction: TypePrediction, *, explain: bool) -> dict[str, Any]:
    from pipeline.config import document_types

    first, *others = prediction.guesses
    entry = document_types().get(first.type)
    line: dict[str, Any] = {
        "type": first.type,
        "loinc": entry.loinc if entry else None,
        "probability": round(first.probability, 5),
        "alternatives": [
            {"type": g.type, "probability": round(g.probability, 5)} for g in others[:ALTERNATIVES]
        ],
    }
    if explain:
        line["words"] = {g.type: list(w) for g, w in zip(prediction.guesses, prediction.words, strict=False)}
        line["title"] = prediction.title.line if prediction.title else None
    return line


def _whole() -> Iterator[dict[str, Any]]:
    yield {"id": None, "text": sys.stdin.read()}


def _records() -> Iterator[dict[str, Any] | InvalidInput]:
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            record = None
        if isinstance(record, dict) and isinstance(record.get("text"), str):
            yield record
        else:
            yield InvalidInput(
                f"Line {number} is not a JSON object with a text.", 'Write {"id": ..., "text": "..."}.'
            )
