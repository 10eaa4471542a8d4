"""Separate the inks of a color page into the grayscale image that the engine reads: white paper, without
highlighter, and print without the stamps across it.

Black print is dark in all three channels; whatever is light in one of them is a dye. The lightest channel
shows the print without the dye. That is right under a highlighter or a stamp, and wrong for print that is
itself colored, which is left unchanged.

The masks of a large page take most of the memory of reading it, so some are written in place (`dst`) over
arrays that are no longer needed.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import GrayImage, PageImage, multiplication_table

MIN_DYE_SPREAD = 40
"""Difference between a pixel's largest and smallest channel at which it is a dye. Black print in a JPEG stays
below.
"""
MAX_PRINT_GRAY = 115
"""Value of the lightest channel below which a pixel is print, whatever covers it."""
MIN_TINT_SPREAD = 16
"""Difference between the channels of the paper at which it is colored paper."""
MIN_HIGHLIGHTER_THICKNESS_SHARE = 1 / 85
"""Thickness, as a share of the page's length, at which a dye twice as wide is a highlighter's bar: an eighth
of an inch.
"""
MIN_HIGHLIGHTER_GRAY = 130
"""Gray value at which a bar is light, with dark print on it. A darker bar is a band with light print."""
MAX_STAMP_GAP_SHARE = 1 / 60
"""Distance, as a share of the page's length, within which strokes of a dye belong to one stamp or signature.
"""
MIN_PRINT_UNDER_STAMP_RATIO = 0.04
"""Black pixels within a stamp per pixel of its dye at which it crosses print. Less is the rule below a
signature.
"""
STAMP_WHITE_PERCENTILE = 25
"""Percentile of a stamp's own lightness that becomes white. Below it are the edges of print under the stamp.
"""
COLOR_FRINGE_PX = 9
"""Pixels around print (both sides together) in which a dye may be print's colored fringe, as screens and
cheap scanners produce it.
"""
MIN_CLEAR_DYE_SHARE = 0.3
"""Share of a stamp's dye that must be away from print. Of fringes, almost none is."""
MAX_STAMP_STROKE_SHARE = 0.5
"""Share of the page's strokes, black print and dye, that stamps have at most. More is a form printed in a
dropout color (CMS-1500, UB-04) with its entries.
"""
COARSE_FACTOR = 4
"""Areas are examined on an image smaller by this factor."""

Mask = NDArray[np.uint8]


def separate_inks(scanned: PageImage) -> GrayImage:
    """Return the grayscale image to recognize; the page's own if it has no color."""
    if scanned.color is None:
        return scanned.gray
    gray, lightest, black, dye = separate_print_and_dye(scanned.gray, scanned.color)
    if not dye.any():
        return gray
    highlighter = highlighter_mask(dye, black, gray)
    strokes = np.asarray(cv2.subtract(dye, highlighter), np.uint8)
    stamps = stamp_mask(strokes, black)
    out = cv2.copyTo(lightest, highlighter, gray.copy())
    stamp_lightness = lightest[cv2.bitwise_and(stamps, strokes) > 0]
    if stamp_lightness.size:
        cleared = cv2.LUT(
            lightest,
            multiplication_table(255.0 / np.percentile(stamp_lightness, STAMP_WHITE_PERCENTILE)),
            dst=lightest,
        )
        out = cv2.copyTo(cv2.max(cleared, gray, dst=cleared), stamps, out)
    return np.asarray(out, np.uint8)


def separate_print_and_dye(gray: GrayImage, color: GrayImage) -> tuple[GrayImage, GrayImage, Mask, Mask]:
    """Separate black print and dyes, on white paper.

    Args:
        gray: Shape (height, width).
        color: RGB, shape (height, width, 3).

    Returns:
        The page in grayscale, each pixel's largest channel, the mask of black print, and the mask of dyes.
    """
    rgb = whiten_paper(color)
    if rgb is not color:
        gray = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    red, green, blue = cv2.split(rgb)
    lightest = np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)
    darkest = cv2.min(cv2.min(red, green), blue)
    black = np.asarray(cv2.threshold(lightest, MAX_PRINT_GRAY, 255, cv2.THRESH_BINARY_INV)[1], np.uint8)
    vivid = cv2.threshold(cv2.subtract(lightest, darkest), MIN_DYE_SPREAD, 255, cv2.THRESH_BINARY)[1]
    return gray, lightest, black, np.asarray(cv2.subtract(vivid, black), np.uint8)


def whiten_paper(rgb: GrayImage) -> GrayImage:
    """Return the page with its paper color made white; the same array if the paper is white or gray."""
    small = rgb[::8, ::8].reshape(-1, 3)
    bright = small[small.max(axis=1) >= np.percentile(small.max(axis=1), 50)]
    paper = np.median(bright, axis=0)
    if np.ptp(paper) < MIN_TINT_SPREAD or paper.max() < MIN_HIGHLIGHTER_GRAY:
        return rgb
    steps = np.arange(256)[:, None] * (250.0 / np.maximum(paper, 40.0))[None, :]
    return np.asarray(cv2.LUT(rgb, np.clip(steps, 0, 255).astype(np.uint8)[None]), np.uint8)


def highlighter_mask(dye: Mask, black: Mask, gray: GrayImage) -> Mask:
    """Return the mask of areas covered by a dye, including the print on them."""
    size = dye.shape[1] // COARSE_FACTOR or 1, dye.shape[0] // COARSE_FACTOR or 1
    covered = cv2.resize(
        cv2.bitwise_or(dye, cv2.dilate(black, np.ones((3, 3), np.uint8))), size, interpolation=cv2.INTER_AREA
    )
    solid = np.where(covered > 150, np.uint8(255), np.uint8(0))
    thickness = max(3, round(MIN_HIGHLIGHTER_THICKNESS_SHARE * max(dye.shape) / COARSE_FACTOR))
    areas = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((thickness, 2 * thickness), np.uint8))
    background = cv2.medianBlur(
        np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8), 2 * (thickness // 2) + 1
    )
    areas[background < MIN_HIGHLIGHTER_GRAY] = 0
    areas = cv2.dilate(areas, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.resize(areas, dye.shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)


def stamp_mask(strokes: Mask, black: Mask) -> Mask:
    """Return the mask of dye strokes that cross black print, including their soft edge; an empty one if the
    dye is the page's own print.

    Args:
        strokes: Mask of dye outside highlighter bars.
        black: Mask of black print.
    """
    size = strokes.shape[1] // COARSE_FACTOR or 1, strokes.shape[0] // COARSE_FACTOR or 1
    kernel_side = max(3, round(MAX_STAMP_GAP_SHARE * max(strokes.shape) / COARSE_FACTOR))
    near_print = cv2.dilate(black, np.ones((COLOR_FRINGE_PX, COLOR_FRINGE_PX), np.uint8))
    clear_dye = cv2.subtract(strokes, near_print, dst=near_print)
    coarse_dye = cv2.resize(strokes, size, interpolation=cv2.INTER_AREA)
    marks = cv2.morphologyEx(
        np.where(coarse_dye > 60, np.uint8(255), np.uint8(0)),
        cv2.MORPH_CLOSE,
        np.ones((kernel_side, kernel_side), np.uint8),
    )
    outlines, _ = cv2.findContours(marks, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    count, labels = cv2.connectedComponents(cv2.drawContours(marks, outlines, -1, (255.0,), cv2.FILLED))
    print_per_pixel = np.asarray(cv2.resize(black, size, interpolation=cv2.INTER_AREA), float).ravel()
    owners = labels.ravel()
    dye_sums = np.bincount(owners, coarse_dye.ravel().astype(float), minlength=count)
    is_stamp = np.bincount(
        owners, print_per_pixel, minlength=count
    ) >= MIN_PRINT_UNDER_STAMP_RATIO * np.maximum(dye_sums, 1)
    clear_per_pixel = np.asarray(cv2.resize(clear_dye, size, interpolation=cv2.INTER_AREA), float).ravel()
    is_stamp &= np.bincount(owners, clear_per_pixel, minlength=count) >= MIN_CLEAR_DYE_SHARE * dye_sums
    is_stamp[0] = False
    if dye_sums[is_stamp].sum() > MAX_STAMP_STROKE_SHARE * (dye_sums.sum() + print_per_pixel.sum()):
        return np.zeros_like(strokes)
    chosen = np.where(is_stamp[labels], np.uint8(255), np.uint8(0))
    near_stamps = cv2.resize(
        cv2.dilate(chosen, np.ones((3, 3), np.uint8)), strokes.shape[::-1], interpolation=cv2.INTER_NEAREST
    )
    return np.asarray(
        cv2.bitwise_and(cv2.dilate(strokes, np.ones((3, 3), np.uint8)), near_stamps, dst=near_stamps),
        np.uint8,
    )
