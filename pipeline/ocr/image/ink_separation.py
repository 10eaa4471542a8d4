"""A colored page as the engine should see it: its paper white, a marker's bars gone, print freed of the
stamps across it.

Black print is dark in all three channels; whatever is light in one of them is a dye. The lightest channel
shows the print without the dye, which is right under a marker or a stamp, and wrong for print that is itself
colored: that is left as it is.

A large page's masks are most of the memory that reading it takes: some are made in the place (`dst`) of what
is no longer needed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import GrayImage, PageImage, multiplication_table

MIN_DYE_SPREAD = 40
"""Difference between a pixel's largest and smallest channel from which it is a dye; black print in a JPEG
stays below.
"""
MAX_PRINT_GRAY = 115
"""Value of the lightest channel below which a pixel is print, whatever lies over it."""
MIN_TINT_SPREAD = 16
"""Difference between the channels of the paper from which it is colored paper."""
MIN_HIGHLIGHTER_THICKNESS_SHARE = 1 / 85
"""Thickness, in lengths of the page, from which a dye twice as wide is a bar of a marker: an eighth of an
inch.
"""
MIN_HIGHLIGHTER_GRAY = 130
"""Gray value from which a bar is light, with dark print on it; a darker one is a band with light print."""
MAX_STAMP_GAP_SHARE = 1 / 60
"""Distance, in lengths of the page, within which strokes of a dye belong to one stamp or signature."""
MIN_PRINT_UNDER_STAMP_RATIO = 0.04
"""Black pixels within a stamp for each of its own from which it stands across print; less is the rule below a
signature.
"""
STAMP_WHITE_PERCENTILE = 25
"""Percentile of the stamps' own lightness that becomes white; below it stand the edges of print under
them.
"""
COLOR_FRINGE_PX = 9
"""Pixels around print, both sides together, in which a dye may be its colored fringe, as screens and cheap
scanners make it.
"""
MIN_CLEAR_DYE_SHARE = 0.3
"""Share of a stamp's dye that stands away from print; of fringes nearly none does."""
COARSE_FACTOR = 4
"""Areas are looked at on a picture smaller by this factor."""

Mask = NDArray[np.uint8]


def separate_inks(scanned: PageImage) -> GrayImage:
    """The gray that is read of a page; its own where it has no color."""
    if scanned.color is None:
        return scanned.gray
    gray, lightest, black, dyed = separate_print_and_dye(scanned.gray, scanned.color)
    if not dyed.any():
        return gray
    bars = highlighter_mask(dyed, black, gray)
    strokes = np.asarray(cv2.subtract(dyed, bars), np.uint8)
    stamps = stamp_mask(strokes, black)
    out = cv2.copyTo(lightest, bars, gray.copy())
    own = lightest[cv2.bitwise_and(stamps, strokes) > 0]
    if own.size:
        cleared = cv2.LUT(
            lightest, multiplication_table(255.0 / np.percentile(own, STAMP_WHITE_PERCENTILE)), dst=lightest
        )
        out = cv2.copyTo(cv2.max(cleared, gray, dst=cleared), stamps, out)
    return np.asarray(out, np.uint8)


def separate_print_and_dye(gray: GrayImage, color: GrayImage) -> tuple[GrayImage, GrayImage, Mask, Mask]:
    """On white paper: the page's gray, each pixel's largest channel, where black print is and where a dye,
    255 there.
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
    """The page with the color of its paper made white; itself where that is white or gray."""
    small = rgb[::8, ::8].reshape(-1, 3)
    bright = small[small.max(axis=1) >= np.percentile(small.max(axis=1), 50)]
    paper = np.median(bright, axis=0)
    if np.ptp(paper) < MIN_TINT_SPREAD or paper.max() < MIN_HIGHLIGHTER_GRAY:
        return rgb
    steps = np.arange(256)[:, None] * (250.0 / np.maximum(paper, 40.0))[None, :]
    return np.asarray(cv2.LUT(rgb, np.clip(steps, 0, 255).astype(np.uint8)[None]), np.uint8)


def highlighter_mask(dyed: Mask, black: Mask, gray: GrayImage) -> Mask:
    """Where a dye covers whole areas, with the print on them."""
    size = dyed.shape[1] // COARSE_FACTOR or 1, dyed.shape[0] // COARSE_FACTOR or 1
    covered = cv2.resize(
        cv2.bitwise_or(dyed, cv2.dilate(black, np.ones((3, 3), np.uint8))), size, interpolation=cv2.INTER_AREA
    )
    solid = np.where(covered > 150, np.uint8(255), np.uint8(0))
    thick = max(3, round(MIN_HIGHLIGHTER_THICKNESS_SHARE * max(dyed.shape) / COARSE_FACTOR))
    areas = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((thick, 2 * thick), np.uint8))
    ground = cv2.medianBlur(
        np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8), 2 * (thick // 2) + 1
    )
    areas[ground < MIN_HIGHLIGHTER_GRAY] = 0
    areas = cv2.dilate(areas, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.resize(areas, dyed.shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)


def stamp_mask(strokes: Mask, black: Mask) -> Mask:
    """The strokes of a dye that stand across black print, with the soft edge around them."""
    size = strokes.shape[1] // COARSE_FACTOR or 1, strokes.shape[0] // COARSE_FACTOR or 1
    reach = max(3, round(MAX_STAMP_GAP_SHARE * max(strokes.shape) / COARSE_FACTOR))
    around = cv2.dilate(black, np.ones((COLOR_FRINGE_PX, COLOR_FRINGE_PX), np.uint8))
    apart = cv2.subtract(strokes, around, dst=around)
    few = cv2.resize(strokes, size, interpolation=cv2.INTER_AREA)
    marks = cv2.morphologyEx(
        np.where(few > 60, np.uint8(255), np.uint8(0)), cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8)
    )
    outlines, _ = cv2.findContours(marks, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    count, labels = cv2.connectedComponents(cv2.drawContours(marks, outlines, -1, (255.0,), cv2.FILLED))
    print_ = np.asarray(cv2.resize(black, size, interpolation=cv2.INTER_AREA), float).ravel()
    owner = labels.ravel()
    dye = np.bincount(owner, few.ravel().astype(float), minlength=count)
    across = np.bincount(owner, print_, minlength=count) >= MIN_PRINT_UNDER_STAMP_RATIO * np.maximum(dye, 1)
    clear = np.asarray(cv2.resize(apart, size, interpolation=cv2.INTER_AREA), float).ravel()
    across &= np.bincount(owner, clear, minlength=count) >= MIN_CLEAR_DYE_SHARE * dye
    across[0] = False
    chosen = np.where(across[labels], np.uint8(255), np.uint8(0))
    near = cv2.resize(
        cv2.dilate(chosen, np.ones((3, 3), np.uint8)), strokes.shape[::-1], interpolation=cv2.INTER_NEAREST
    )
    return np.asarray(
        cv2.bitwise_and(cv2.dilate(strokes, np.ones((3, 3), np.uint8)), near, dst=near), np.uint8
    )
