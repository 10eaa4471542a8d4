"""A grey page taken apart into sharp ink and soft paper: three small pictures that together show what one
large one does.

`ink` says finely where strokes are, `tones` coarsely how dark they are, `paper` what lies between and under
them: shading, smudges, pencil too faint to stand out. Worked in bands of rows, so that a large page takes
little more memory than itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import Grey

Values = TypeVar("Values", NDArray[np.uint8], NDArray[np.float32])

FINE_DPI = 190.0
"""Resolution from which strokes cut out in black and white look as they do in grey; below it their edges keep
SHADES between.
"""
SHADES = 3
"""Steps from no ink to ink at the edges of strokes of a coarse scan: the largest number of two bits."""
PAPER_DPI = 100.0
"""About the resolution that the paper of a fine scan keeps: faint pencil and shading are on it. A coarse scan
keeps its own.
"""
TONE_STEP = 17
"""Grey values between one tone of ink and the next: sixteen of them from 0 to 255."""
CELL = 8
"""Side in pixels of the paper of a cell whose ink has one tone: about a letter."""
GRAIN, ABOVE, STANDS_OUT = 1.5, 12, (24, 48)
"""Grey values by which ink differs from paper: the paper's grain times the first, plus the second, within the
limits.
"""
BLACK = 64
"""Grey value below which even a large area is ink; from there up it is a tone of the paper."""
DARKER, DARKER_COARSE = 0.45, 0.25
"""Share of the contrast nearby by which ink is darker than the lightest nearby, in a fine scan and in a
coarse one, where thin black strokes are grey. What is lighter (the grid under a curve, a band under print,
the fringes that JPEG gives to print) stays on the paper, lest it be painted in the tone of its darker
neighbour."""
COARSE = 4
"""Pixels from one look at the wider neighbourhood to the next."""
BAND, MARGIN = 480, 24
"""Rows looked at together; rows around them that neighbourhoods reach into, for each pixel of the page in one
of the paper.
"""
ENOUGH = 16
"""Of 255, the share of a pixel of the paper that must be seen beside the ink for its tone to be known."""
FAINT, WINDOW = 80, 13
"""Contrast of ink with its paper up to which it is faint, and the cells (an inch) in which faint ink is
measured.
"""
NEAR, AROUND, FAR = (np.ones((side, side), np.uint8) for side in (3, 5, 9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """`ink`: rows of packed pixels of `ink_bits` each, at the page's resolution; the largest number is ink, 0
    is none. `paper`: grey values, at the page's resolution or coarser. `tones`: of ink, one grey value for a
    cell of the paper; `inked`: the share of ink in it, 0 to 255."""

    ink: NDArray[np.uint8]
    ink_bits: int
    paper: Grey
    tones: Grey
    inked: Grey


def layers(grey: Grey, dpi: float) -> Layers:
    """The layers of a page of H x W."""
    fine = dpi >= FINE_DPI
    reduced = round(dpi / PAPER_DPI) if fine else 1
    step = max(1, BAND // (COARSE * reduced)) * COARSE * reduced
    contrast, darker = standing_out(grey), DARKER if fine else DARKER_COARSE
    bits: list[NDArray[np.uint8]] = []
    parts: list[tuple[Grey, ...]] = []
    for top in range(0, len(grey), step):
        above = min(top, MARGIN * reduced)
        band = grey[top - above : top + step + MARGIN * reduced]
        own = slice(above, above + min(step, len(grey) - top))
        limit, darkest = limits(band, contrast, darker, reduced)
        ink = np.asarray(cv2.compare(band, limit, cv2.CMP_LT), np.uint8)
        clear = seen(ink)
        masked = cv2.min(band, clear), clear, cv2.min(darkest, ink), ink
        parts.append(tuple(averaged(np.asarray(each, np.uint8)[own], reduced) for each in masked))
        bits.append(np.packbits(ink[own], axis=1))
    light, clear, dark, ink = (np.concatenate(rows) for rows in zip(*parts, strict=True))
    cells = -(-ink.shape[1] // CELL), -(-ink.shape[0] // CELL)
    fewer = (averaged(each, COARSE).astype(np.float32) for each in (dark, ink))
    sums, inked = (
        np.asarray(cv2.resize(each, cells, interpolation=cv2.INTER_AREA), np.float32) for each in fewer
    )
    paper, tones = filled(light, clear, ENOUGH), filled(sums, inked, 1)
    if not fine:
        tones = np.minimum(
            tones, darkest_of(np.asarray(cv2.max(dark, cv2.bitwise_not(ink)), np.uint8), cells)
        )
    tones = np.asarray(np.rint(tones / TONE_STEP) * TONE_STEP, np.uint8)
    return Layers(
        ink=np.concatenate(bits) if fine else shades(grey, clear, paper, tones),
        ink_bits=1 if fine else 2,
        paper=paper,
        tones=tones,
        inked=np.asarray(inked, np.uint8),
    )


def shades(grey: Grey, clear: Grey, paper: Grey, tones: Grey) -> NDArray[np.uint8]:
    """How much of each pixel is ink, in SHADES steps, so that its tone over the paper gives the scan's grey;
    four to a byte.
    """
    height, width = grey.shape
    tone = cv2.resize(tones, (width, height), interpolation=cv2.INTER_NEAREST)
    covered = cv2.divide(cv2.subtract(paper, grey), cv2.subtract(paper, tone), scale=SHADES, dtype=cv2.CV_8U)
    whole = np.zeros((height, -(-width // 4) * 4), np.uint8)
    whole[:, :width] = cv2.bitwise_and(np.minimum(covered, SHADES), cv2.bitwise_not(clear))
    packed = whole[:, ::4] << 6 | whole[:, 1::4] << 4 | whole[:, 2::4] << 2 | whole[:, 3::4]
    return np.asarray(packed, np.uint8)


def faintness(page: Layers) -> float:
    """The largest share of an inch of the page that is faint ink: the texture of a photograph rather than
    strokes on paper.
    """
    faint = np.where(cv2.subtract(averaged(page.paper, CELL), page.tones) < FAINT, page.inked, 0).astype(
        np.float32
    )
    return float(cv2.blur(faint, (WINDOW, WINDOW), borderType=cv2.BORDER_CONSTANT).max() / 255)


def standing_out(grey: Grey) -> int:
    """Grey values by which a mark must differ from paper of this grain, judged by an eighth of the rows."""
    whole = len(grey) // 40 * 40
    strips = grey[:whole].reshape(-1, 40, grey.shape[1])[:, 16:21] if whole else grey
    rows = np.ascontiguousarray(strips).reshape(-1, grey.shape[1])
    spread = cv2.subtract(cv2.dilate(rows, AROUND), cv2.erode(rows, AROUND))
    grain = float(np.median(spread[min(2, len(rows) - 1) :: 5, ::5]))
    return round(min(STANDS_OUT[1], max(STANDS_OUT[0], GRAIN * grain + ABOVE)))


def limits(band: Grey, contrast: int, darker: float, reduced: int) -> tuple[Grey, Grey]:
    """The grey value below which each pixel is ink, and the darkest value beside each pixel.

    At an edge it is half-way between the middle of the two sides and the mean of the pixels around, which
    keeps thin strokes among thick ones and gaps among strokes; amid a stroke, half-way between the stroke and
    the paper further off; where nothing stands out by `contrast`, BLACK. `darker`: see DARKER; `reduced`:
    pixels of the page in one of the paper, each way."""
    dark, light = cv2.erode(band, NEAR), cv2.dilate(band, NEAR)
    darkest, lightest = cv2.erode(dark, NEAR), cv2.dilate(light, NEAR)
    far_dark = cv2.erode(np.ascontiguousarray(darkest[::COARSE, ::COARSE]), NEAR)
    far_light = cv2.dilate(np.ascontiguousarray(lightest[::COARSE, ::COARSE]), NEAR)
    amid = np.asarray(cv2.addWeighted(far_light, 0.5, far_dark, 0.5, 0), np.uint8)
    amid[cv2.subtract(far_light, far_dark) < contrast] = BLACK
    cell = np.ones((2 * CELL * reduced // COARSE + 1,) * 2, np.uint8)
    shade = cv2.addWeighted(far_light, 1 - darker, cv2.erode(far_dark, cell), darker, 0)
    size = band.shape[1], band.shape[0]
    limit = resized(amid, size)
    middle = cv2.addWeighted(lightest, 0.5, darkest, 0.5, 0)
    edge = cv2.min(
        cv2.addWeighted(middle, 0.5, cv2.blur(band, AROUND.shape), 0.5, 0),
        resized(np.asarray(shade, np.uint8), size),
    )
    cv2.copyTo(edge, cv2.inRange(cv2.subtract(lightest, darkest), contrast, 255), limit)
    return limit, np.asarray(dark, np.uint8)


def seen(ink: Grey) -> Grey:
    """Where paper is seen clearly (255): not beside ink, whose soft edges are not its own, but for a light
    speck amid ink.
    """
    clear = cv2.bitwise_not(cv2.dilate(ink, NEAR))
    specks = cv2.bitwise_not(cv2.max(ink, cv2.dilate(clear, FAR)))
    return np.asarray(cv2.max(clear, specks), np.uint8)


def resized(pixels: Grey, size: tuple[int, int]) -> Grey:
    """The picture in another size (width, height), with values between its values."""
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def averaged(pixels: Values, reduced: int) -> Values:
    """The means of squares of `reduced` pixels a side; what is left at the right and below counts as squares
    too.
    """
    if reduced == 1:
        return pixels
    low, right = -pixels.shape[0] % reduced, -pixels.shape[1] % reduced
    whole = cv2.copyMakeBorder(pixels, 0, low, 0, right, cv2.BORDER_REPLICATE)
    size = whole.shape[1] // reduced, whole.shape[0] // reduced
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), pixels.dtype)


def darkest_of(pixels: Grey, cells: tuple[int, int]) -> Grey:
    """The darkest value in each cell; `cells`: how many there are across and down."""
    whole = np.full((cells[1] * CELL, cells[0] * CELL), 255, np.uint8)
    whole[: pixels.shape[0], : pixels.shape[1]] = pixels
    rows = whole.reshape(cells[1], CELL, -1).min(axis=1)
    return np.asarray(rows.reshape(cells[1], cells[0], CELL).min(axis=2), np.uint8)


def filled(sums: Values, shares: Values, enough: int) -> Grey:
    """The mean of what counts in a pixel if its share, 0 to 255, is `enough`, else what is nearby; white
    where nothing is.
    """
    size = sums.shape[1], sums.shape[0]
    nearby = np.full(sums.shape, 255, np.uint8)
    if min(size) > 1:
        nearby = resized(filled(averaged(sums, 2), averaged(shares, 2), enough), size)
    means = np.asarray(cv2.divide(sums, shares, scale=255.0, dtype=cv2.CV_8U), np.uint8)
    cv2.copyTo(means, cv2.inRange(shares, enough, 255), nearby)
    return nearby
