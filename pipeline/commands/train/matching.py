"""Command: train matching."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.common import Home
from pipeline.resources import trained_model_path


def matching(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="File for the weights; their card is written next to it. "
            "[default: HOME/models/match_weights.json]",
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Learn matching weights from the patient index.

    Without --out they replace the shipped weights when workers start again. A file of your own is used once
    the setting matching.weights names it.

    Exit status: 0 done; 2 the index is too small; 3 a service is away.
    """
    from pipeline.commands.patients.link import learn_weights
    from pipeline.matching.weights import LEARNED

    learn_weights(out or trained_model_path(LEARNED), home=home)
