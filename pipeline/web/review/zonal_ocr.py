"""The text under a box drawn on a page: the words that were read there, else what Tesseract reads of that
part alone.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from pipeline.config import OcrSettings
from pipeline.records import Box

ENLARGE = 2.0  # the picture for the screen has about 150 dpi; Tesseract likes 300
DPI = 300.0
BORDER = 20  # white pixels around the part: letters that touch the edge are read badly
BLOCK = 6  # Tesseract's page segmentation: a block of text
SECONDS = 10.0  # a person waits


def words_within(words: Sequence[dict[str, Any]], box: Box) -> str:
    """The page's words whose middle lies in the box, in reading order."""
    x0, y0, x1, y1 = box
    return " ".join(
        word["text"]
        for word in words
        if x0 <= (word["box"][0] + word["box"][2]) / 2 < x1
        and y0 <= (word["box"][1] + word["box"][3]) / 2 < y1
    )


def read_within(preview: bytes, size: tuple[int, int], box: Box, settings: OcrSettings, turn: int = 0) -> str:
    """What Tesseract reads in that part of a page. `size`: width and height of the page that the box refers
    to, in pixels; `turn`: degrees clockwise by which a person turned the page."""
    import numpy as np
    from PIL import Image

    from pipeline.ocr.engines import tesseract

    with Image.open(io.BytesIO(preview)) as image:
        across, down = image.width / size[0], image.height / size[1]
        part = image.convert("L").crop(
            (int(box[0] * across), int(box[1] * down), int(box[2] * across), int(box[3] * down))
        )
    part = part.rotate(-turn, expand=True)
    if min(part.size) < 4:
        return ""
    large = part.resize((round(part.width * ENLARGE), round(part.height * ENLARGE)), Image.Resampling.BICUBIC)
    framed = np.pad(np.asarray(large), BORDER, constant_values=255)
    (seen,) = tesseract.read([framed], settings.languages, BLOCK, DPI, SECONDS)
    return " ".join(word.text for word in seen)
