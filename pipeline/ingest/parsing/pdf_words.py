"""The words that a PDF page states as text: which of them are its own, and their order."""

from __future__ import annotations

from pipeline.ingest.parsing.parser_protocol import PlacedWord
from pipeline.ingest.parsing.pdf_content import PageContent, Rect
from pipeline.ingest.parsing.pdf_geometry import displayed_rect


def words_beside_pictures(
    words: tuple[PlacedWord, ...], drawing: PageContent, turn: int, scale: float
) -> tuple[PlacedWord, ...]:
    """Return the words that are not over a picture. Text over a picture is what an earlier program read
    there, or is hidden by it: what is visible there is recognized.
    """
    boxes = [displayed_rect(rect, drawing.page, turn, scale) for rect in drawing.picture_rects]
    return tuple(
        (text, x0, y0, x1, y1)
        for text, x0, y0, x1, y1 in words
        if not any(
            left <= (x0 + x1) / 2 <= right and top <= (y0 + y1) / 2 <= bottom
            for left, top, right, bottom in boxes
        )
    )


def values_after_labels(words: tuple[PlacedWord, ...], fields: list[Rect]) -> tuple[PlacedWord, ...]:
    """Return the words with the value of each form field after its label, the nearest word to its left on
    the same line. Poppler lists the values after all other words of the page.

    Args:
        words: The words of the page in poppler's order.
        fields: The rectangles of the form fields, in pixels: left, top, right, bottom.
    """
    values: list[list[PlacedWord]] = [[] for _ in fields]
    ordered: list[PlacedWord] = []
    for word in words:
        x, y = (word[1] + word[3]) / 2, (word[2] + word[4]) / 2
        number = next(
            (n for n, (x0, y0, x1, y1) in enumerate(fields) if x0 <= x <= x1 and y0 <= y <= y1), None
        )
        (ordered if number is None else values[number]).append(word)
    for _, value in sorted(zip(fields, values, strict=True), key=lambda pair: (pair[0][1], pair[0][0])):
        if not value:
            continue
        top, bottom = min(word[2] for word in value), max(word[4] for word in value)
        before = [
            n
            for n, (_, _, y0, x1, y1) in enumerate(ordered)
            if x1 <= value[0][1] + 2 and y0 < (top + bottom) / 2 < y1
        ]
        index = max(before, key=lambda n: ordered[n][3]) + 1 if before else len(ordered)
        ordered[index:index] = value
    return tuple(ordered)
