"""What both ways of calling Tesseract share: its variables, and its output as tab-separated values (TSV)."""

from __future__ import annotations

import csv
import io
import os

from pipeline.ocr.engines.engine import OcrWord

TESSERACT_VARIABLES = {
    "tessedit_do_invert": "0",  # cleanup inverts light text on dark: a second try costs CPU time
    "debug_file": os.devnull,  # no messages about pages in the log
}
TSV_COLUMNS = 12
WORD_LEVEL = "5"
"""Value of the first column in the row of a word."""


def parse_tsv(tsv: str, images: int = 1) -> list[list[OcrWord]]:
    """Parse Tesseract's TSV output.

    Args:
        tsv: The output.
        images: How many images were recognized.

    Returns:
        The words of each image.
    """
    words: list[list[OcrWord]] = [[] for _ in range(images)]
    for row in csv.reader(io.StringIO(tsv), delimiter="\t", quoting=csv.QUOTE_NONE):
        if len(row) != TSV_COLUMNS or row[0] != WORD_LEVEL or not row[11].strip():
            continue
        page, block, paragraph, line = map(int, row[1:5])
        left, top, width, height = map(int, row[6:10])
        words[page - 1].append(
            OcrWord(
                text=row[11].strip(),
                box=(left, top, left + width, top + height),
                confidence=max(0.0, float(row[10])) / 100,
                block=block,
                paragraph=paragraph,
                line=line,
            )
        )
    return words


def timeout_message(seconds: float) -> str:
    """Return the problem of a page that Tesseract could not finish in time."""
    return f"Tesseract took more than {seconds:.0f} s on a page."
