"""Options and results that the train commands share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.resources import write_trained_model

ScansFolder = Annotated[
    Path | None,
    typer.Option("--scans", metavar="DIR", help="Also train on scans with ground truth (NAME.json)."),
]

Readings = Annotated[
    Path | None,
    typer.Option(
        "--readings", metavar="DIR", help="Their OCR results (NAME.jsonl of `chartloom read --json`)."
    ),
]

NOT_BETTER = 10
"""Exit code: the current model is kept."""


def write_table(path: Path, title: str, table: dict[str, Any], facts: dict[str, Any]) -> None:
    """Write a trained table as JSON, with the facts of its training, and its card next to it."""
    figures = json.dumps(facts, indent=1)
    card = f"# {title}\n\nMade {facts['made']} by `{facts['command']}`.\n\n```json\n{figures}\n```\n"
    text = json.dumps(table | {"facts": facts}, indent=1) + "\n"
    write_trained_model(path, lambda draft: draft.write_text(text, encoding="utf-8"), card)


def learned_from(scans: Path | None, reviewers: bool) -> str:
    """Return the options that reproduce this training run, with folder names left out."""
    return (" --scans DIR --readings DIR" if scans else "") + (" --reviewers" if reviewers else "")
