"""A scanned page made ready for reading: its inks apart, cut out of a photograph, upright, level, its back
and its bends gone.

What is archived, shown and pointed at is the page as it came, upright and level (`flat`); what is read may be
another picture (`straight`), from which words find their way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.config import OcrSettings
from pipeline.ocr.engines import tesseract
from pipeline.ocr.image import deskew
from pipeline.ocr.image.bleed_through import without_back
from pipeline.ocr.image.cleanup import Watch, unwatched
from pipeline.ocr.image.dewarp import Straight, cut_out, straight
from pipeline.ocr.image.orientation import FEW, Turn, orientation
from pipeline.ocr.image.pixels import Grey, Pixels

LONG_WORD, ENOUGH_WORDS, READABLE = 4, 4, 0.5
"""Strokes are text where at least so many words of so many letters are read with this confidence on average:
backs of sheets in a mirror have .67 to .96, worn print in a mirror two such words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """`rotation`, `skew`: see records.OcrPage; `size`: the usual letter in pixels; `photo`: a sheet was cut
    out of it.
    """

    flat: Grey
    straight: Straight
    rotation: int
    skew: float
    size: float
    photo: bool = False


def as_it_is(grey: Grey) -> Prepared:
    """A page that needs nothing: its own text stands on it."""
    return Prepared(flat=grey, straight=Straight(picture=grey), rotation=0, skew=0.0, size=0.0)


def prepare(scanned: Pixels, inks: Grey, settings: OcrSettings, watch: Watch = unwatched) -> Prepared:
    """The page as it is shown and as it is read. `inks`: see colour.inks_apart. Raises TimeoutError."""
    page, perspective = cut_out(inks)
    turn = orientation(page)
    rotation = which_way_up(page, turn, settings)
    turned = deskew.turn(page, rotation)
    skew = deskew.skew(turned) if turn.letters >= FEW else 0.0
    level = deskew.level(turned, skew)
    flat = level if page is scanned.grey else deskew.level(deskew.turn(scanned.grey, rotation), skew)
    watch("upright", level)
    if not scanned.bilevel:
        level = without_back(level, turn.size, lambda strokes: is_text(strokes, settings))
        watch("show-through", level)
    back = None
    if perspective is not None:
        back = deskew.matrix(scanned.grey.shape, rotation, skew) @ np.linalg.inv(
            deskew.matrix(page.shape, rotation, skew) @ perspective
        )
    read = straight(level, turn.size, back)
    watch("straight", read.picture)
    return Prepared(
        flat=flat, straight=read, rotation=rotation, skew=skew, size=turn.size, photo=back is not None
    )


def which_way_up(grey: Grey, turn: Turn, settings: OcrSettings) -> int:
    """Degrees clockwise that make the page upright: by its letters, or where these disagree by reading some
    lines both ways.
    """
    if turn.sure or turn.letters < FEW:
        return turn.rotation if turn.sure else 0
    ways = [turn.rotation, turn.second]
    parts = [densest_band(deskew.turn(grey, way)) for way in ways]
    answers = tesseract.read(parts, settings.languages, psm=6, dpi=200, seconds=settings.page_seconds)
    sense = [sum(len(word.text) * word.confidence**2 for word in words) for words in answers]
    return ways[0] if sense[0] >= sense[1] else ways[1]


def is_text(grey: Grey, settings: OcrSettings) -> bool:
    """Whether the densest part of a picture can be read."""
    words = tesseract.read(
        [densest_band(grey)], settings.languages, psm=6, dpi=200, seconds=settings.page_seconds
    )[0]
    long = [word for word in words if sum(map(str.isalpha, word.text)) >= LONG_WORD]
    return len(long) >= ENOUGH_WORDS and sum(word.confidence for word in long) >= READABLE * len(long)


def densest_band(grey: Grey) -> Grey:
    """The quarter of the page's height with the most changes from ink to paper: the most print."""
    changes = (np.abs(np.diff(grey.astype(np.int16), axis=1)) > 60).sum(axis=1)
    height = max(1, grey.shape[0] // 4)
    inside = np.convolve(changes, np.ones(height), mode="valid")
    start = int(inside.argmax())
    return grey[start : start + height]
