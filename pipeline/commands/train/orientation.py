"""Command: train orientation."""

from __future__ import annotations

from pipeline.commands.common import Home, emit, progress
from pipeline.resources import trained_model_path, write_trained_model


def orientation(home: Home = None) -> None:
    """Train the network that determines which way up a page is. The result is the same every time.

    It is trained on letters drawn in the TrueType fonts of this system, which takes a few minutes.

    Exit codes: 0 the new network is used; 5 a setting is wrong.
    """
    del home  # --home has set the folder that the model is written to
    from pipeline.ocr.image.orientation import MODEL_FILE
    from pipeline.ocr.training.orientation_training import train_orientation, write_weights

    with progress("Training", None) as advance:
        trained = train_orientation()
        advance(1)
    figures = {
        "letters": trained.letters,
        "held_out_letters": trained.held_out_letters,
        "accuracy": trained.accuracy,
    }
    emit(figures)
    card = (
        "# Orientation\n\nMade by `chartloom train orientation` from "
        f"{trained.letters} drawn letters. Accuracy on {trained.held_out_letters} letters of new pages: "
        f"{trained.accuracy}.\n"
    )
    write_trained_model(
        trained_model_path(MODEL_FILE), lambda draft: write_weights(draft, trained.arrays), card
    )
