"""Remove rules from a page's ink and keep the letters that touch or cross them whole.

A rule is made of straight pieces longer than any stroke of a letter. Only what is as thin as a rule is
removed: where a stroke crosses a rule or stands on it, the ink is thicker there and stays.
"""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.ocr.image.pixels import GrayImage, connected_components

MIN_PIECE_LETTER_SIZES = 2.0
"""Shortest straight piece of a rule, in letter sizes. Touching serifs of neighboring letters are shorter."""
MIN_RULE_LETTER_SIZES = 3.0
"""Shortest rule; it may have gaps."""
MAX_GAP_LETTER_SIZES = 1.0
"""Gap between two pieces of a rule, as a fax or a worn print leaves it."""
MIN_PIXELS_PER_COLUMN = 0.5
"""Pixels of its pieces per pixel of a rule's length."""
MAX_THICKNESS_LETTER_SIZES = 0.4
"""Thickest rule. A thicker bar is an area, and a letter's strokes are longer than this across a rule."""


def rule_mask(ink: GrayImage, letter_size: float) -> GrayImage:
    """Return the mask of rules, horizontal and vertical, without the strokes that cross them.

    Args:
        ink: Mask of the page's ink, shape (height, width).
        letter_size: Typical letter size in pixels of the mask.
    """
    horizontal = horizontal_rules(ink, letter_size)
    vertical = horizontal_rules(np.ascontiguousarray(ink.T), letter_size).T
    return np.asarray(cv2.bitwise_or(horizontal, np.ascontiguousarray(vertical)), np.uint8)


def horizontal_rules(ink: GrayImage, letter_size: float) -> GrayImage:
    """Return the mask of horizontal rules without the strokes that cross them. See `rule_mask`."""
    piece_width = max(8, round(MIN_PIECE_LETTER_SIZES * letter_size))
    pieces = np.asarray(cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, piece_width), np.uint8)), np.uint8)
    if not pieces.any():
        return pieces
    gap = max(3, round(MAX_GAP_LETTER_SIZES * letter_size))
    linked = cv2.morphologyEx(
        cv2.dilate(pieces, np.ones((3, 1), np.uint8)), cv2.MORPH_CLOSE, np.ones((1, gap), np.uint8)
    )
    _, labels, stats, _ = connected_components(linked)
    width = stats[:, 2]
    solid_pixels = np.bincount(labels[pieces > 0], minlength=len(stats))
    is_rule = (width >= MIN_RULE_LETTER_SIZES * letter_size) & (solid_pixels >= MIN_PIXELS_PER_COLUMN * width)
    is_rule[0] = False
    chosen = np.where(is_rule, np.uint8(255), np.uint8(0))[labels]
    near_rule = cv2.bitwise_and(cv2.dilate(cv2.bitwise_and(chosen, pieces), np.ones((3, 3), np.uint8)), ink)
    thickness = max(3, round(MAX_THICKNESS_LETTER_SIZES * letter_size))
    strokes = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((thickness, 1), np.uint8))
    return np.asarray(cv2.subtract(near_rule, strokes), np.uint8)
