"""Pages of typed lines, as OCR would give them, for tests of what is read from a page."""

from __future__ import annotations

from pipeline.classify.fields import find_fields
from pipeline.classify.mentions import collect_mentions
from pipeline.classify.page_layout import analyze_layout
from pipeline.config import Settings
from pipeline.records import Document, OcrPage, Word

LETTER, LINE = 14, 40  # pixels of a letter's width, and from one line to the next
LEFT, TOP, WORD_HEIGHT = 100, 100, 24


def text_page(*lines: str, number: int = 1, confidence: float = 0.95) -> OcrPage:
    """A page of lines; three spaces or more leave a gap of their width, as between columns of a form."""
    words = []
    for row, line in enumerate(lines):
        at = 0
        for text in line.split(" "):
            if text:
                left, top = LEFT + at * LETTER, TOP + row * LINE
                box = (left, top, left + len(text) * LETTER - 4, top + WORD_HEIGHT)
                words.append(Word(text=text, box=box, confidence=confidence))
            at += len(text) + 1
    return OcrPage(
        number=number, image="0", width=1700, height=2200, dpi=200, text="\n".join(lines), words=tuple(words)
    )


def document_of(settings: Settings, *pages: OcrPage) -> Document:
    """The pages as one document of certain type, with the fields and mentions that are read from them."""
    return Document(
        pages=tuple(page.number for page in pages),
        type="progress_note",
        type_probability=1.0,
        fields=find_fields(pages, settings.classify),
        mentions=collect_mentions([analyze_layout(page) for page in pages]),
    )
