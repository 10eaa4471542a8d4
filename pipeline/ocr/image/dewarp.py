"""Flatten the image that is recognized if the paper was not flat under the scanner, and map its words back to
the page.

A photographed page is rectified (`page_detection`) and curved lines are straightened (`page_curl`). The
archived and displayed page stays as scanned, only rotated upright and leveled; the boxes of words are mapped
back to that page.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image.page_curl import Displacement, displacement_at, estimate_curl, flatten
from pipeline.ocr.image.page_detection import detect_page, rectification
from pipeline.ocr.image.pixels import GrayImage
from pipeline.records import Box, UnreadText

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class DewarpedImage:
    """The image that is recognized.

    Attributes:
        image: Shape (height, width).
        displacement: See `page_curl.Displacement`; None for a flat page.
        to_page: Perspective from this image (after the displacement) to the upright page, shape (3, 3); None
            if the page was not photographed.
    """

    image: GrayImage
    displacement: Displacement | None = None
    to_page: Matrix | None = None

    def words_on_page(self, words: list[OcrWord], shape: tuple[int, int]) -> list[OcrWord]:
        """Return the words with their boxes on the upright page of `shape` (height, width)."""
        if self.displacement is None and self.to_page is None:
            return words
        return [replace(word, box=self._box(word.box, shape)) for word in words]

    def unread_on_page(self, unread: list[UnreadText], shape: tuple[int, int]) -> list[UnreadText]:
        """Return unread text with its boxes on the upright page of `shape` (height, width)."""
        if self.displacement is None and self.to_page is None:
            return unread
        return [replace(text, box=self._box(text.box, shape)) for text in unread]

    def _box(self, box: Box, shape: tuple[int, int]) -> Box:
        """Return the box around the mapped corners of a box, clipped to the page."""
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
    """Return the page in a photograph as a rectangle and the perspective matrix, shape (3, 3); any other
    image unchanged, with None.
    """
    corners = detect_page(gray)
    if corners is None:
        return gray, None
    matrix, width, height = rectification(corners)
    return np.asarray(
        cv2.warpPerspective(gray, matrix, (width, height), flags=cv2.INTER_LINEAR), np.uint8
    ), matrix


def dewarp(level: GrayImage, letter_size: float, to_page: Matrix | None) -> DewarpedImage:
    """Straighten the curved lines of a leveled page.

    Args:
        level: The upright, leveled page, shape (height, width).
        letter_size: Typical letter size in pixels.
        to_page: As in DewarpedImage.
    """
    displacement = estimate_curl(level, letter_size)
    return DewarpedImage(
        image=level if displacement is None else flatten(level, displacement),
        displacement=displacement,
        to_page=to_page,
    )
