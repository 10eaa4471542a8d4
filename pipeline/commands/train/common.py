"""Options and results that the train commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ScansFolder = Annotated[
    Path | None, typer.Option("--scans", metavar="DIR", help="Scans' truth (NAME.json) to learn from too.")
]

Readings = Annotated[
    Path | None,
    typer.Option("--readings", metavar="DIR", help="Their readings (NAME.jsonl of chartloom read --json)."),
]

NOT_BETTER = 10  # exit status: the model in use stays


def learned_from(scans: Path | None, reviewers: bool) -> str:
    """What a command learned from beside what it made, as its options; folders by no name of theirs."""
    return (" --scans DIR --readings DIR" if scans else "") + (" --reviewers" if reviewers else "")
