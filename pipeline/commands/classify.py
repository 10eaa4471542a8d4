"""Commands: classify."""

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
    app.command("classify")(classify)


def classify(
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Read {"id","text"} lines; an answer line for each, at once.')
    ] = False,
    why: Annotated[
        bool, typer.Option("--why", help="Add the words and the title that spoke for the answers.")
    ] = False,
    _home: Home = None,  # names the installation whose trained model answers
) -> None:
    """Tell the type of documents from their text on standard input, with probabilities.

    Without --jsonl the whole input is one document. Exit status 2 where a line could not be read; the others
    are answered.

    Example: echo '{"id": 1, "text": "OPERATIVE REPORT ..."}' | chartloom classify --jsonl
    """
    from pipeline.classify import types

    failed = 0
    for record in _records() if jsonl else _whole():
        if isinstance(record, InvalidInput):
            failed += 1
            emit({"id": None, "error": str(record), "code": record.code})
            continue
        answer = types.classify(record["text"], why=why)
        emit({"id": record.get("id"), **_line(answer, why=why)})
    if failed:
        raise typer.Exit(InvalidInput.exit_code)


def _line(answer: TypePrediction, *, why: bool) -> dict[str, Any]:
    from pipeline.config import document_types

    first, *others = answer.guesses
    entry = document_types().get(first.type)
    line: dict[str, Any] = {
        "type": first.type,
        "loinc": entry.loinc if entry else None,
        "probability": round(first.probability, 5),
        "alternatives": [
            {"type": g.type, "probability": round(g.probability, 5)} for g in others[:ALTERNATIVES]
        ],
    }
    if why:
        line["words"] = {g.type: list(w) for g, w in zip(answer.guesses, answer.words, strict=False)}
        line["title"] = answer.title.line if answer.title else None
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
                f"Line {number} is no JSON object with a text.", 'Write {"id": ..., "text": "..."}.'
            )
