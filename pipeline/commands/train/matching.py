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
    """Train matching weights on the patient index.

    Without --out they replace the shipped weights when workers start again. A file of your own is used when
    the setting matching.weights names it.

    Exit codes: 0 done; 2 the index is too small; 3 a service is unavailable.
    """
    from pipeline.commands.patients.link import train_matching
    from pipeline.matching.weights import LEARNED

    train_matching(out or trained_model_path(LEARNED), home=home)
