"""Command: train matching."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.common import Home


def matching(
    out: Annotated[
        Path, typer.Option("--out", help="File for the weights; a card is written beside it.")
    ] = Path("weights.json"),
    home: Home = None,
) -> None:
    """Learn matching weights from the index. They are in force once the setting match.weights names the file.

    Exit status: 0 done; 2 the index is too small; 3 a service is away.
    """
    from pipeline.commands.patients.link import learn_weights

    learn_weights(out, home=home)
