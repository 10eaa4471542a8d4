"""Command: train word-confidence."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.common import Home, emit, progress
from pipeline.commands.train.common import write_table
from pipeline.resources import trained_model_path


def word_confidence(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...",
            exists=True,
            file_okay=False,
            help="Folders of images with same-stem .gt.txt files. A folder named twice counts twice.",
        ),
    ],
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Files of each folder.")] = 1000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Evaluate only, and change nothing.")] = False,
    home: Home = None,
) -> None:
    """Fit the calibration of word confidences on pages with ground truth.

    Half of the files fit the weights, the other half evaluates them: how often words of each predicted
    confidence are correct.

    Exit codes: 0 the new calibration is used, or --dry-run; 2 a folder does not exist; 4 a program is
    missing; 5 a setting is wrong.
    """
    from pipeline.config import load_settings
    from pipeline.ocr.recognition.word_confidence import MODEL_FILE
    from pipeline.ocr.training.word_confidence_training import fit_word_confidence

    settings = load_settings(home).ocr
    with progress("Reading", None) as advance:
        fitted = fit_word_confidence(folders, limit, settings, advance)
    emit({"weights": fitted.weights, "held_out": fitted.reliability})
    if not dry_run:
        facts = {
            "made": f"{datetime.now(UTC):%Y-%m-%d}",
            "command": f"chartloom train word-confidence {' '.join(folder.name for folder in folders)}"
            f" --limit {limit}",
            "held_out": fitted.reliability,
        }
        write_table(trained_model_path(MODEL_FILE), "Word confidence", {"weights": fitted.weights}, facts)
