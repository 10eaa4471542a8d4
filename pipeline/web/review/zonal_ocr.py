"""Zonal OCR: the text under a box drawn on a page.

If no words were recognized there, Tesseract reads the region again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from pipeline.config import OcrSettings
from pipeline.records import Box

ENLARGEMENT = 2.0  # the preview has about 150 dpi; Tesseract works best at 300
DPI = 300.0
BORDER_PX = 20  # white border: characters that touch the image's edge are recognized badly
MIN_REGION_PX = 4
PSM_SINGLE_BLOCK = 6  # Tesseract's page segmentation mode for a block of text
TIMEOUT_SECONDS = 10.0  # a person is waiting


def words_in_box(words: Sequence[dict[str, Any]], box: Box) -> str:
    """Return the page's words whose center is in the box, in reading order."""
    x0, y0, x1, y1 = box
    return " ".join(
        word["text"]
        for word in words
        if x0 <= (word["box"][0] + word["box"][2]) / 2 < x1
        and y0 <= (word["box"][1] + word["box"][3]) / 2 < y1
    )


def recognize_box(
    preview: bytes, size: tuple[int, int], box: Box, settings: OcrSettings, rotation: int = 0
) -> str:
    """Return the text that Tesseract recognizes in a region of a page, "" if it does not finish.

    Args:
        preview: The page's preview image.
        size: Width and height in pixels of the page that the box refers to.
        box: The region on that page.
        settings: The languages to recognize.
        rotation: Degrees clockwise by which a reviewer rotated the page.
    """
    import numpy as np
    from PIL import Image

    from pipeline.ocr.engines import tesseract
    from pipeline.ocr.engines.engine import RecognitionFailed

    with Image.open(io.BytesIO(preview)) as image:
        scale_x, scale_y = image.width / size[0], image.height / size[1]
        region = image.convert("L").crop(
            (int(box[0] * scale_x), int(box[1] * scale_y), int(box[2] * scale_x), int(box[3] * scale_y))
        )
    region = region.rotate(-rotation, expand=True)
    if min(region.size) < MIN_REGION_PX:
        return ""
    enlarged_size = (round(region.width * ENLARGEMENT), round(region.height * ENLARGEMENT))
    enlarged = region.resize(enlarged_size, Image.Resampling.BICUBIC)
    framed = np.pad(np.asarray(enlarged), BORDER_PX, constant_values=255)
    try:
        (words,) = tesseract.recognize(
            [framed], settings.languages, PSM_SINGLE_BLOCK, DPI, TIMEOUT_SECONDS, settings.tesseract
        )
    except (TimeoutError, RecognitionFailed):
        return ""
    return " ".join(word.text for word in words)
