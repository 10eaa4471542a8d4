"""What a page bears, told from what reading it gave: print, a form, handwriting, a drawing, a photograph; and
what is unread.

Print is what the engine is sure of. Of the rest, a photograph has tones, a drawing has hardly any letters,
and handwriting has letters of its own size that no word is sure of. Measured by `python -m bench.kinds`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from pipeline.ocr.engines.engine import Seen
from pipeline.ocr.image import deskew
from pipeline.ocr.image.pixels import USUAL_LETTER, Grey, components, reduced

Bears = Literal["text", "form", "handwriting", "drawing", "photograph", "blank"]

SIDE = 1000
"""Longest side in pixels at which ink is looked at."""
EDGE = (0.09, 0.05)
"""Shares of the page's width and height in which ink is the scanner's or a fax's own."""
LETTER = (0.45, 4.0)
"""Longer side of what may be a letter or a word in one stroke, in usual letters."""
SURE = 0.8
"""Probability of a word from which its ink is surely print."""
PRINTED = 0.45
"""Share of the letters' ink under sure words from which a page is print: forms of 90 dpi have .48 and
more.
"""
FEW = 60
"""Letters below which a page may be a drawing; its captions are fewer."""
DRAWN = 3.0
"""Ink in strokes longer than letters, for each pixel of letters, from which a page of few letters is a
drawing with captions.
"""
TONES, PALE = 0.08, 205
"""Share of the page darker than a grey value, seen from afar and without single strokes, from which it is a
photograph.
"""
AFAR = 160
"""Pixels of the longest side from which the page is seen from afar: strokes are thin and pale there, tones
are not.
"""
TALL = 18.0
"""Pixels of the usual letter from which doubtful strokes are handwriting: fragments of worn print are
smaller.
"""
CELLS = 8
"""Cells between rules from which print is a form or a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ink:
    """Letters counted on a page: all, and those `unread`, under no word. `sure`: share of their ink under
    sure words; `strokes`: ink in longer strokes for each pixel of theirs."""

    letters: int
    unread: int
    sure: float
    strokes: float


def ink_of(picture: Grey, size: float, seen: Sequence[Seen]) -> Ink:
    """What of the letter-sized ink was read. `size`: the usual letter; boxes are in pixels of `picture`."""
    dark, scale = deskew.ink(picture, SIDE)
    usual = (size or USUAL_LETTER) * scale
    _, _, stats, centres = components(dark.astype(np.uint8))
    x, y, wide, high, area = stats[1:].T
    edge_x, edge_y = EDGE[0] * dark.shape[1], EDGE[1] * dark.shape[0]
    along = (
        (x + wide <= edge_x)
        | (x >= dark.shape[1] - edge_x)
        | (y + high <= edge_y)
        | (y >= dark.shape[0] - edge_y)
    )
    side = np.maximum(wide, high)
    letter = ~along & (side >= LETTER[0] * usual) & (side <= LETTER[1] * usual)
    at = centres[1:][letter].astype(int)
    covered, sure = (
        under([w for w in seen if w.confidence >= least], scale, dark.shape) for least in (0.0, SURE)
    )
    ink = area[letter]
    return Ink(
        letters=int(letter.sum()),
        unread=int((~covered[at[:, 1], at[:, 0]]).sum()),
        strokes=float(area[~along & (side > LETTER[1] * usual)].sum() / max(1, ink.sum())),
        sure=float(ink[sure[at[:, 1], at[:, 0]]].sum() / max(1, ink.sum())),
    )


def under(
    seen: Sequence[Seen], scale: float, shape: tuple[int, ...]
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where words stand on a picture smaller by `scale`."""
    covered = np.zeros(shape, np.bool_)
    for word in seen:
        x0, y0, x1, y1 = (round(side * scale) for side in word.box)
        covered[y0 : y1 + 1, x0 : x1 + 1] = True
    return covered


def bears(picture: Grey, size: float, ink: Ink, cells: int) -> Bears:
    """What a page that is not blank bears. `cells`: areas between its rules."""
    if ink.sure >= PRINTED and ink.letters - ink.unread >= FEW:
        return "form" if cells >= CELLS else "text"
    afar = reduced(picture, min(1.0, AFAR / max(picture.shape)))
    if (cv2.dilate(afar, np.ones((3, 3), np.uint8)) < PALE).mean() >= TONES:
        return "photograph"
    if ink.letters < FEW:
        return "drawing" if ink.strokes >= DRAWN else "text"
    return "handwriting" if size >= TALL else "text"


def score(seen: Sequence[Seen], unread: int) -> float:
    """Share of the page's characters, `unread` letters among them, that were probably read right; 0 where
    nothing was read.
    """
    read = sum(len(word.text) for word in seen)
    return round(sum(len(word.text) * word.confidence for word in seen) / (read + unread), 4) if read else 0.0
