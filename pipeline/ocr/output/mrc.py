"""A gray page taken apart into sharp ink and soft paper: three small pictures that together show what one
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

from pipeline.ocr.image.pixels import GrayImage

PixelArray = TypeVar("Values", NDArray[np.uint8], NDArray[np.float32])

MIN_FINE_DPI = 190.0
"""Resolution from which strokes cut out in black and white look as they do in gray; below it their edges keep
MAX_INK_SHADE between.
"""
MAX_INK_SHADE = 3
"""Steps from no ink to ink at the edges of strokes of a coarse scan: the largest number of two bits."""
PAPER_DPI = 100.0
"""About the resolution that the paper of a fine scan keeps: faint pencil and shading are on it. A coarse scan
keeps its own.
"""
TONE_STEP = 17
"""Gray values between one tone of ink and the next: sixteen of them from 0 to 255."""
CELL_SIDE_PX = 8
"""Side in pixels of the paper of a cell whose ink has one tone: about a letter."""
GRAIN_FACTOR, CONTRAST_OFFSET, INK_CONTRAST_RANGE = 1.5, 12, (24, 48)
"""Gray values by which ink differs from paper: the paper's grain times the first, plus the second, within the
limits.
"""
SOLID_INK_GRAY = 64
"""Gray value below which even a large area is ink; from there up it is a tone of the paper."""
FINE_DARKNESS_SHARE, COARSE_DARKNESS_SHARE = 0.45, 0.25
"""Share of the contrast nearby by which ink is darker than the lightest nearby, in a fine scan and in a
coarse one, where thin black strokes are gray. What is lighter (the grid under a curve, a band under print,
the fringes that JPEG gives to print) stays on the paper, lest it be painted in the tone of its darker
neighbor."""
COARSE_STEP_PX = 4
"""Pixels from one look at the wider neighborhood to the next."""
BAND_ROWS, BAND_MARGIN_ROWS = 480, 24
"""Rows looked at together; rows around them that neighborhoods reach into, for each pixel of the page in one
of the paper.
"""
MIN_PAPER_WEIGHT = 16
"""Of 255, the share of a pixel of the paper that must be seen beside the ink for its tone to be known."""
MAX_FAINT_CONTRAST, FAINT_WINDOW_CELLS = 80, 13
"""Contrast of ink with its paper up to which it is faint, and the cells (an inch) in which faint ink is
measured.
"""
KERNEL_3, KERNEL_5, KERNEL_9 = (np.ones((side, side), np.uint8) for side in (3, 5, 9))


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLayers:
    """`ink`: rows of packed pixels of `ink_bits` each, at the page's resolution; the largest number is ink, 0
    is none. `paper`: gray values, at the page's resolution or coarser. `tones`: of ink, one gray value for a
    cell of the paper; `inked`: the share of ink in it, 0 to 255."""

    ink: NDArray[np.uint8]
    ink_bits: int
    paper: GrayImage
    tones: GrayImage
    ink_share: GrayImage


def separate_layers(gray: GrayImage, dpi: float) -> PageLayers:
    """The layers of a page of H x W."""
    fine = dpi >= MIN_FINE_DPI
    reduced = round(dpi / PAPER_DPI) if fine else 1
    step = max(1, BAND_ROWS // (COARSE_STEP_PX * reduced)) * COARSE_STEP_PX * reduced
    contrast, darker = min_ink_contrast(gray), FINE_DARKNESS_SHARE if fine else COARSE_DARKNESS_SHARE
    bits: list[NDArray[np.uint8]] = []
    parts: list[tuple[GrayImage, ...]] = []
    for top in range(0, len(gray), step):
        above = min(top, BAND_MARGIN_ROWS * reduced)
        band = gray[top - above : top + step + BAND_MARGIN_ROWS * reduced]
        own = slice(above, above + min(step, len(gray) - top))
        limit, darkest = ink_thresholds(band, contrast, darker, reduced)
        ink = np.asarray(cv2.compare(band, limit, cv2.CMP_LT), np.uint8)
        clear = clear_paper_mask(ink)
        masked = cv2.min(band, clear), clear, cv2.min(darkest, ink), ink
        parts.append(tuple(block_means(np.asarray(each, np.uint8)[own], reduced) for each in masked))
        bits.append(np.packbits(ink[own], axis=1))
    light, clear, dark, ink = (np.concatenate(rows) for rows in zip(*parts, strict=True))
    cells = -(-ink.shape[1] // CELL_SIDE_PX), -(-ink.shape[0] // CELL_SIDE_PX)
    fewer = (block_means(each, COARSE_STEP_PX).astype(np.float32) for each in (dark, ink))
    sums, inked = (
        np.asarray(cv2.resize(each, cells, interpolation=cv2.INTER_AREA), np.float32) for each in fewer
    )
    paper, tones = fill_gaps(light, clear, MIN_PAPER_WEIGHT), fill_gaps(sums, inked, 1)
    if not fine:
        tones = np.minimum(
            tones, darkest_per_cell(np.asarray(cv2.max(dark, cv2.bitwise_not(ink)), np.uint8), cells)
        )
    tones = np.asarray(np.rint(tones / TONE_STEP) * TONE_STEP, np.uint8)
    return PageLayers(
        ink=np.concatenate(bits) if fine else ink_shades(gray, clear, paper, tones),
        ink_bits=1 if fine else 2,
        paper=paper,
        tones=tones,
        ink_share=np.asarray(inked, np.uint8),
    )


def ink_shades(gray: GrayImage, clear: GrayImage, paper: GrayImage, tones: GrayImage) -> NDArray[np.uint8]:
    """How much of each pixel is ink, in MAX_INK_SHADE steps, so that its tone over the paper gives the scan's gray;
    four to a byte.
    """
    height, width = gray.shape
    tone = cv2.resize(tones, (width, height), interpolation=cv2.INTER_NEAREST)
    covered = cv2.divide(
        cv2.subtract(paper, gray), cv2.subtract(paper, tone), scale=MAX_INK_SHADE, dtype=cv2.CV_8U
    )
    whole = np.zeros((height, -(-width // 4) * 4), np.uint8)
    whole[:, :width] = cv2.bitwise_and(np.minimum(covered, MAX_INK_SHADE), cv2.bitwise_not(clear))
    packed = whole[:, ::4] << 6 | whole[:, 1::4] << 4 | whole[:, 2::4] << 2 | whole[:, 3::4]
    return np.asarray(packed, np.uint8)


def max_faint_ink_share(page: PageLayers) -> float:
    """The largest share of an inch of the page that is faint ink: the texture of a photograph rather than
    strokes on paper.
    """
    faint = np.where(
        cv2.subtract(block_means(page.paper, CELL_SIDE_PX), page.tones) < MAX_FAINT_CONTRAST,
        page.ink_share,
        0,
    ).astype(np.float32)
    return float(
        cv2.blur(faint, (FAINT_WINDOW_CELLS, FAINT_WINDOW_CELLS), borderType=cv2.BORDER_CONSTANT).max() / 255
    )


def min_ink_contrast(gray: GrayImage) -> int:
    """Gray values by which a mark must differ from paper of this grain, judged by an eighth of the rows."""
    whole = len(gray) // 40 * 40
    strips = gray[:whole].reshape(-1, 40, gray.shape[1])[:, 16:21] if whole else gray
    rows = np.ascontiguousarray(strips).reshape(-1, gray.shape[1])
    spread = cv2.subtract(cv2.dilate(rows, KERNEL_5), cv2.erode(rows, KERNEL_5))
    grain = float(np.median(spread[min(2, len(rows) - 1) :: 5, ::5]))
    return round(
        min(INK_CONTRAST_RANGE[1], max(INK_CONTRAST_RANGE[0], GRAIN_FACTOR * grain + CONTRAST_OFFSET))
    )


def ink_thresholds(
    band: GrayImage, contrast: int, darker: float, reduced: int
) -> tuple[GrayImage, GrayImage]:
    """The gray value below which each pixel is ink, and the darkest value beside each pixel.

    At an edge it is half-way between the middle of the two sides and the mean of the pixels around, which
    keeps thin strokes among thick ones and gaps among strokes; amid a stroke, half-way between the stroke and
    the paper further off; where nothing stands out by `contrast`, SOLID_INK_GRAY. `darker`: see FINE_DARKNESS_SHARE; `reduced`:
    pixels of the page in one of the paper, each way."""
    dark, light = cv2.erode(band, KERNEL_3), cv2.dilate(band, KERNEL_3)
    darkest, lightest = cv2.erode(dark, KERNEL_3), cv2.dilate(light, KERNEL_3)
    far_dark = cv2.erode(np.ascontiguousarray(darkest[::COARSE_STEP_PX, ::COARSE_STEP_PX]), KERNEL_3)
    far_light = cv2.dilate(np.ascontiguousarray(lightest[::COARSE_STEP_PX, ::COARSE_STEP_PX]), KERNEL_3)
    amid = np.asarray(cv2.addWeighted(far_light, 0.5, far_dark, 0.5, 0), np.uint8)
    amid[cv2.subtract(far_light, far_dark) < contrast] = SOLID_INK_GRAY
    cell = np.ones((2 * CELL_SIDE_PX * reduced // COARSE_STEP_PX + 1,) * 2, np.uint8)
    shade = cv2.addWeighted(far_light, 1 - darker, cv2.erode(far_dark, cell), darker, 0)
    size = band.shape[1], band.shape[0]
    limit = resize_linear(amid, size)
    middle = cv2.addWeighted(lightest, 0.5, darkest, 0.5, 0)
    edge = cv2.min(
        cv2.addWeighted(middle, 0.5, cv2.blur(band, KERNEL_5.shape), 0.5, 0),
        resize_linear(np.asarray(shade, np.uint8), size),
    )
    cv2.copyTo(edge, cv2.inRange(cv2.subtract(lightest, darkest), contrast, 255), limit)
    return limit, np.asarray(dark, np.uint8)


def clear_paper_mask(ink: GrayImage) -> GrayImage:
    """Where paper is seen clearly (255): not beside ink, whose soft edges are not its own, but for a light
    speck amid ink.
    """
    clear = cv2.bitwise_not(cv2.dilate(ink, KERNEL_3))
    specks = cv2.bitwise_not(cv2.max(ink, cv2.dilate(clear, KERNEL_9)))
    return np.asarray(cv2.max(clear, specks), np.uint8)


def resize_linear(pixels: GrayImage, size: tuple[int, int]) -> GrayImage:
    """The picture in another size (width, height), with values between its values."""
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def block_means(pixels: PixelArray, reduced: int) -> PixelArray:
    """The means of squares of `reduced` pixels a side; what is left at the right and below counts as squares
    too.
    """
    if reduced == 1:
        return pixels
    low, right = -pixels.shape[0] % reduced, -pixels.shape[1] % reduced
    whole = cv2.copyMakeBorder(pixels, 0, low, 0, right, cv2.BORDER_REPLICATE)
    size = whole.shape[1] // reduced, whole.shape[0] // reduced
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), pixels.dtype)


def darkest_per_cell(pixels: GrayImage, cells: tuple[int, int]) -> GrayImage:
    """The darkest value in each cell; `cells`: how many there are across and down."""
    whole = np.full((cells[1] * CELL_SIDE_PX, cells[0] * CELL_SIDE_PX), 255, np.uint8)
    whole[: pixels.shape[0], : pixels.shape[1]] = pixels
    rows = whole.reshape(cells[1], CELL_SIDE_PX, -1).min(axis=1)
    return np.asarray(rows.reshape(cells[1], cells[0], CELL_SIDE_PX).min(axis=2), np.uint8)


def fill_gaps(sums: PixelArray, shares: PixelArray, enough: int) -> GrayImage:
    """The mean of what counts in a pixel if its share, 0 to 255, is `enough`, else what is nearby; white
    where nothing is.
    """
    size = sums.shape[1], sums.shape[0]
    nearby = np.full(sums.shape, 255, np.uint8)
    if min(size) > 1:
        nearby = resize_linear(fill_gaps(block_means(sums, 2), block_means(shares, 2), enough), size)
    means = np.asarray(cv2.divide(sums, shares, scale=255.0, dtype=cv2.CV_8U), np.uint8)
    cv2.copyTo(means, cv2.inRange(shares, enough, 255), nearby)
    return nearby
