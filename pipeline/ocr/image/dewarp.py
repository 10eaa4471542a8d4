"""The picture that is read where the paper did not lie flat under the scanner, and the way from its words
back to the page.

A photographed sheet is brought out of its perspective (`sheet_edges`), bent lines are made straight
(`curve`). What is archived, shown and pointed at stays the page as it came, only turned upright and level:
the boxes of words go back there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image.page_curl import Displacement, displacement_at, estimate_curl, flatten
from pipeline.ocr.image.page_detection import detect_page, rectification
from pipeline.ocr.image.pixels import GrayImage
from pipeline.records import Box

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class DewarpedImage:
    """The picture that is read. `shift`: see `curve`; `back`: from it to the upright page, 3 x 3; both None
    for a flat page.
    """

    image: GrayImage
    displacement: Displacement | None = None
    to_page: Matrix | None = None

    def words_on_page(self, seen: list[OcrWord], shape: tuple[int, int]) -> list[OcrWord]:
        """The words with their boxes on the upright page of `shape` (height, width)."""
        if self.displacement is None and self.to_page is None:
            return seen
        return [replace(word, box=self._box(word.box, shape)) for word in seen]

    def _box(self, box: Box, shape: tuple[int, int]) -> Box:
        """Around where the corners of a box belong on the page, inside it."""
        x0, y0, x1, y1 = box
        points = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)
        if self.displacement is not None:
            points[:, 1] += displacement_at(
                self.displacement, (x0 + x1) / 2, (y0 + y1) / 2, self.image.shape[:2]
            )
        if self.to_page is not None:
            points = np.asarray(cv2.perspectiveTransform(points[:, None], self.to_page)[:, 0], np.float64)
        left, top = (
            int(np.clip(side, 0, limit - 1))
            for side, limit in zip(points.min(axis=0), shape[::-1], strict=True)
        )
        right, bottom = (
            round(min(side, limit)) for side, limit in zip(points.max(axis=0), shape[::-1], strict=True)
        )
        return (left, top, max(left + 1, right), max(top + 1, bottom))


def crop_photographed_page(gray: GrayImage) -> tuple[GrayImage, Matrix | None]:
    """The sheet in a photograph as a rectangle, and the perspective that made it so; any other picture as it
    is.
    """
    corners = detect_page(gray)
    if corners is None:
        return gray, None
    matrix, wide, high = rectification(corners)
    return np.asarray(
        cv2.warpPerspective(gray, matrix, (wide, high), flags=cv2.INTER_LINEAR), np.uint8
    ), matrix


def dewarp(level: GrayImage, size: float, back: Matrix | None) -> DewarpedImage:
    """What is read of a level page. `size`: its usual letter in pixels; `back`: as in Straight."""
    shift = estimate_curl(level, size)
    return DewarpedImage(
        image=level if shift is None else flatten(level, shift), displacement=shift, to_page=back
    )
