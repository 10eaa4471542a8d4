"""A coloured page as the engine should see it: its paper white, a marker's bars gone, print freed of the
stamps across it.

Black print is dark in all three channels; whatever is light in one of them is a dye. The lightest channel
shows the print without the dye, which is right under a marker or a stamp, and wrong for print that is itself
coloured: that is left as it is.

A large page's masks are most of the memory that reading it takes: some are made in the place (`dst`) of what
is no longer needed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.image.pixels import Grey, Pixels, multiplied

DYED = 40
"""Difference between a pixel's largest and smallest channel from which it is a dye; black print in a JPEG
stays below.
"""
BLACK = 115
"""Value of the lightest channel below which a pixel is print, whatever lies over it."""
TINTED = 16
"""Difference between the channels of the paper from which it is coloured paper."""
BAR = 1 / 85
"""Thickness, in lengths of the page, from which a dye twice as wide is a bar of a marker: an eighth of an
inch.
"""
LIGHT = 130
"""Grey value from which a bar is light, with dark print on it; a darker one is a band with light print."""
HANG_TOGETHER = 1 / 60
"""Distance, in lengths of the page, within which strokes of a dye belong to one stamp or signature."""
ACROSS = 0.04
"""Black pixels within a stamp for each of its own from which it stands across print; less is the rule below a
signature.
"""
FAINTEST = 25
"""Percentile of the stamps' own lightness that becomes white; below it stand the edges of print under
them.
"""
FRINGE = 9
"""Pixels around print, both sides together, in which a dye may be its coloured fringe, as screens and cheap
scanners make it.
"""
CLEAR = 0.3
"""Share of a stamp's dye that stands away from print; of fringes nearly none does."""
COARSE = 4
"""Areas are looked at on a picture smaller by this factor."""

Mask = NDArray[np.uint8]


def inks_apart(scanned: Pixels) -> Grey:
    """The grey that is read of a page; its own where it has no colour."""
    if scanned.colour is None:
        return scanned.grey
    grey, lightest, black, dyed = taken_apart(scanned.grey, scanned.colour)
    if not dyed.any():
        return grey
    bars = bars_of(dyed, black, grey)
    strokes = np.asarray(cv2.subtract(dyed, bars), np.uint8)
    stamps = stamps_of(strokes, black)
    out = cv2.copyTo(lightest, bars, grey.copy())
    own = lightest[cv2.bitwise_and(stamps, strokes) > 0]
    if own.size:
        cleared = cv2.LUT(lightest, multiplied(255.0 / np.percentile(own, FAINTEST)), dst=lightest)
        out = cv2.copyTo(cv2.max(cleared, grey, dst=cleared), stamps, out)
    return np.asarray(out, np.uint8)


def taken_apart(grey: Grey, colour: Grey) -> tuple[Grey, Grey, Mask, Mask]:
    """On white paper: the page's grey, each pixel's largest channel, where black print is and where a dye,
    255 there.
    """
    rgb = white_paper(colour)
    if rgb is not colour:
        grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    red, green, blue = cv2.split(rgb)
    lightest = np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)
    darkest = cv2.min(cv2.min(red, green), blue)
    black = np.asarray(cv2.threshold(lightest, BLACK, 255, cv2.THRESH_BINARY_INV)[1], np.uint8)
    vivid = cv2.threshold(cv2.subtract(lightest, darkest), DYED, 255, cv2.THRESH_BINARY)[1]
    return grey, lightest, black, np.asarray(cv2.subtract(vivid, black), np.uint8)


def white_paper(rgb: Grey) -> Grey:
    """The page with the colour of its paper made white; itself where that is white or grey."""
    small = rgb[::8, ::8].reshape(-1, 3)
    bright = small[small.max(axis=1) >= np.percentile(small.max(axis=1), 50)]
    paper = np.median(bright, axis=0)
    if np.ptp(paper) < TINTED or paper.max() < LIGHT:
        return rgb
    steps = np.arange(256)[:, None] * (250.0 / np.maximum(paper, 40.0))[None, :]
    return np.asarray(cv2.LUT(rgb, np.clip(steps, 0, 255).astype(np.uint8)[None]), np.uint8)


def bars_of(dyed: Mask, black: Mask, grey: Grey) -> Mask:
    """Where a dye covers whole areas, with the print on them."""
    size = dyed.shape[1] // COARSE or 1, dyed.shape[0] // COARSE or 1
    covered = cv2.resize(
        cv2.bitwise_or(dyed, cv2.dilate(black, np.ones((3, 3), np.uint8))), size, interpolation=cv2.INTER_AREA
    )
    solid = np.where(covered > 150, np.uint8(255), np.uint8(0))
    thick = max(3, round(BAR * max(dyed.shape) / COARSE))
    areas = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((thick, 2 * thick), np.uint8))
    ground = cv2.medianBlur(
        np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8), 2 * (thick // 2) + 1
    )
    areas[ground < LIGHT] = 0
    areas = cv2.dilate(areas, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.resize(areas, dyed.shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)


def stamps_of(strokes: Mask, black: Mask) -> Mask:
    """The strokes of a dye that stand across black print, with the soft edge around them."""
    size = strokes.shape[1] // COARSE or 1, strokes.shape[0] // COARSE or 1
    reach = max(3, round(HANG_TOGETHER * max(strokes.shape) / COARSE))
    around = cv2.dilate(black, np.ones((FRINGE, FRINGE), np.uint8))
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
    across = np.bincount(owner, print_, minlength=count) >= ACROSS * np.maximum(dye, 1)
    clear = np.asarray(cv2.resize(apart, size, interpolation=cv2.INTER_AREA), float).ravel()
    across &= np.bincount(owner, clear, minlength=count) >= CLEAR * dye
    across[0] = False
    chosen = np.where(across[labels], np.uint8(255), np.uint8(0))
    near = cv2.resize(
        cv2.dilate(chosen, np.ones((3, 3), np.uint8)), strokes.shape[::-1], interpolation=cv2.INTER_NEAREST
    )
    return np.asarray(
        cv2.bitwise_and(cv2.dilate(strokes, np.ones((3, 3), np.uint8)), near, dst=near), np.uint8
    )
